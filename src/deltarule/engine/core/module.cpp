// The border to Python: everything is checked here, once; nothing that comes in can crash.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <variant>

#include "trainer.hpp"

namespace nb = nanobind;
using namespace deltarule;
using namespace nb::literals;

namespace {

using Written = nb::ndarray<nb::device::cpu>;
using ReadOnly = nb::ndarray<nb::ro, nb::device::cpu>;
using Named = std::tuple<std::string, double>;

// Releases the GIL.  A thread that asks for it when Python has shut down is ended by unwinding it,
// which no destructor survives: it sleeps instead, until the process ends.
class WithoutPython {
  public:
    ~WithoutPython() {
        try {
            PyEval_RestoreThread(state_);
        } catch (...) {
            for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
        }
    }

  private:
    PyThreadState* state_ = PyEval_SaveThread();
};

[[noreturn]] void refuse(const std::string& what) { throw nb::value_error(what.c_str()); }

std::string shape_of(const auto& a) {
    std::string s = "(";
    for (std::size_t i = 0; i < a.ndim(); ++i) s += (i ? ", " : "") + std::to_string(a.shape(i));
    return s + ")";
}

// The data of a C-contiguous array of T with these many entries in all.
template <class T, class A> auto* data_of(const A& a, const char* name, std::int64_t size) {
    if (a.dtype() != nb::dtype<T>()) refuse(std::string(name) + " has the wrong dtype.");
    std::int64_t step = 1;
    for (std::size_t i = a.ndim(); i-- > 0; step *= std::int64_t(a.shape(i)))
        if (a.size() && a.shape(i) > 1 && a.stride(i) != step) refuse(std::string(name) + " is not C-contiguous.");
    if (std::int64_t(a.size()) != size)
        refuse(std::string(name) + " has the shape " + shape_of(a) + ", which is not " + std::to_string(size) + " numbers.");
    if constexpr (std::is_same_v<A, ReadOnly>) return static_cast<const T*>(a.data());
    else return static_cast<T*>(a.data());
}

// The same of a matrix of these axes in this order.
template <class T> auto* matrix_of(const auto& a, const char* name, std::int64_t n, std::int64_t columns) {
    if (a.ndim() != 2 || std::int64_t(a.shape(0)) != n || std::int64_t(a.shape(1)) != columns)
        refuse(std::string(name) + " has the shape " + shape_of(a) + "; needed is (" + std::to_string(n) + ", " +
               std::to_string(columns) + ").");
    return data_of<T>(a, name, n * columns);
}

Rows rows_of(const ReadOnly& X, int features) {
    if (X.ndim() != 2 || X.shape(1) != std::size_t(features))
        refuse("X has the shape " + shape_of(X) + "; needed is (n, " + std::to_string(features) + ").");
    Rows rows{};
    std::ptrdiff_t size;
    if (X.dtype() == nb::dtype<std::uint8_t>()) rows.type = Pixel::uint8, size = 1;
    else if (X.dtype() == nb::dtype<float>()) rows.type = Pixel::float32, size = 4;
    else if (X.dtype() == nb::dtype<double>()) rows.type = Pixel::float64, size = 8;
    else refuse("X must be uint8, float32 or float64.");
    rows.data = static_cast<const char*>(X.data());
    rows.row = X.stride(0) * size, rows.column = X.stride(1) * size;
    return rows;
}

int named(const std::string& name, const char* const* table, int n, const char* kind) {
    const int found = index_of(name.c_str(), table, n);
    if (found < 0) refuse("Unknown " + std::string(kind) + " '" + name + "'.");
    return found;
}

double number(double value, double low, double high, const char* name) {
    if (!(value >= low && value <= high)) refuse(std::string(name) + " is out of range.");
    return value;
}

void check_sizes(const std::vector<int>& sizes, std::size_t hidden) {
    if (sizes.size() < 2 || hidden != sizes.size() - 2) refuse("There must be one activation for each hidden layer.");
    for (int n : sizes)
        if (n < 1 || n > (1 << 30)) refuse("Every size must lie in 1 … 2³⁰.");
    double parameters = 0;  // no integer: what does not fit must not wrap around to what does
    for (std::size_t i = 1; i < sizes.size(); ++i) parameters += (double(sizes[i - 1]) + 1) * sizes[i];
    if (parameters > 0x1p60) throw std::bad_alloc();
}

std::vector<Hidden> hidden_layers(const std::vector<Named>& activations) {
    std::vector<Hidden> hidden;
    for (const auto& [name, option] : activations)
        hidden.push_back({Activation(named(name, ACTIVATION_NAMES, ACTIVATIONS, "activation")), option, 0, 0});
    return hidden;
}

// -- instruction sets ---------------------------------------------------------------------------------

constexpr const char* ISA_NAMES[] = {"baseline", "avx2", "avx512"};

int best_isa() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma"))
        return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

int isa_of(const std::string& name) {
    static const int best = best_isa();
    if (name == "auto") return best;
    const int isa = named(name, ISA_NAMES, 3, "instruction set");
    if (isa > best) refuse("This processor does not have " + name + ".");
    return isa;
}

template <class T> const Kernels<T>& kernels_of(int isa) {
#if defined(__x86_64__)
    if constexpr (sizeof(T) == 4) return isa == 2 ? avx512::of_float : isa == 1 ? avx2::of_float : baseline::of_float;
    else return isa == 2 ? avx512::of_double : isa == 1 ? avx2::of_double : baseline::of_double;
#else
    (void)isa;
    if constexpr (sizeof(T) == 4) return baseline::of_float;
    else return baseline::of_double;
#endif
}

const Kernels<float>& half_kernels(int isa) {
#if defined(__x86_64__)
    if (isa == 2 && __builtin_cpu_supports("avx512bf16")) return avx512bf16::of_half;
    return isa == 2 ? avx512::of_half : isa == 1 ? avx2::of_half : baseline::of_half;
#else
    (void)isa;
    return baseline::of_half;
#endif
}

// -- training -------------------------------------------------------------------------------------------

using Scale = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void set_scale(Config& config, const Scale& shift, const Scale& factor, bool scaled) {
    const std::size_t n = std::size_t(config.sizes[0]);
    if (shift.size() != n || factor.size() != n) refuse("shift and factor must hold one number for each feature.");
    config.shift.assign(shift.data(), shift.data() + n);
    config.factor.assign(factor.data(), factor.data() + n);
    config.scaled = scaled;
}

// A training in words, checked.
Config config_of(std::vector<int> sizes, const std::vector<Named>& activations,
                 const std::vector<std::tuple<double, std::uint64_t>>& dropout, const Named& loss,
                 const std::tuple<std::string, double, double, double, bool>& rule, double weight_decay, double l2, double clip,
                 bool average, const Scale& shift, const Scale& factor, bool scaled, const std::string& dtype, int batch_size,
                 bool bf16) {
    check_sizes(sizes, activations.size());
    if (dropout.size() != activations.size()) refuse("There must be one dropout for each hidden layer.");
    if (dtype != "float32" && dtype != "float64") refuse("dtype must be 'float32' or 'float64'.");
    if (bf16 && dtype != "float32") refuse("bf16 is for float32.");
    Config config;
    config.sizes = std::move(sizes);
    config.hidden = hidden_layers(activations);
    for (std::size_t i = 0; i < dropout.size(); ++i) {
        config.hidden[i].rate = number(std::get<0>(dropout[i]), 0, 1, "A dropout rate");
        if (config.hidden[i].rate == 1) refuse("A dropout rate must be below 1.");
        config.hidden[i].place = std::get<1>(dropout[i]);
    }
    const double large = std::numeric_limits<double>::max();
    config.loss = Loss(named(std::get<0>(loss), LOSS_NAMES, LOSSES, "loss"));
    config.loss_option = number(std::get<1>(loss), 0, large, "The loss's option");
    config.rule = Rule(named(std::get<0>(rule), RULE_NAMES, RULES, "rule"));
    config.beta1 = number(std::get<1>(rule), 0, 1, "beta1");
    config.beta2 = number(std::get<2>(rule), 0, 1, "beta2");
    config.epsilon = number(std::get<3>(rule), 0, large, "epsilon");
    config.nesterov = std::get<4>(rule);
    config.weight_decay = number(weight_decay, 0, large, "weight_decay");
    config.l2 = number(l2, 0, large, "l2");
    config.clip = number(clip, 0, large, "clip");
    config.average = average;
    config.half = bf16;
    config.batch = int(number(batch_size, 1, 1 << 30, "batch_size"));
    set_scale(config, shift, factor, scaled);
    return config;
}

// Holds a trainer for one call: while it works without the GIL, no other may touch it.
class Lease {
  public:
    explicit Lease(std::atomic<bool>& taken) : taken_(taken) {
        if (taken_.exchange(true)) throw std::runtime_error("This trainer is at work in another thread.");
    }
    ~Lease() { taken_ = false; }

  private:
    std::atomic<bool>& taken_;
};

class Handle {
    template <class F> auto with(F f) {
        if (auto* trainer = std::get_if<Trainer<float>>(&trainer_)) return f(*trainer);
        return f(std::get<Trainer<double>>(trainer_));
    }

  public:
    Handle(std::vector<int> sizes, const std::vector<Named>& activations,
           const std::vector<std::tuple<double, std::uint64_t>>& dropout, const Named& loss,
           const std::tuple<std::string, double, double, double, bool>& rule, double weight_decay, double l2, double clip,
           bool average, const Scale& shift, const Scale& factor, bool scaled, const std::string& dtype, int batch_size,
           bool bf16, const std::string& isa) {
        config_ = config_of(std::move(sizes), activations, dropout, loss, rule, weight_decay, l2, clip, average, shift, factor,
                            scaled, dtype, batch_size, bf16);
        isa_ = isa_of(isa);
        if (bf16) trainer_.emplace<Trainer<float>>(config_, half_kernels(isa_));
        else if (dtype == "float32") trainer_.emplace<Trainer<float>>(config_, kernels_of<float>(isa_));
        else trainer_.emplace<Trainer<double>>(config_, kernels_of<double>(isa_));
    }

    void load(const ReadOnly& theta, const ReadOnly& state, const std::optional<ReadOnly>& average) {
        const Lease lease(taken_);
        with([&]<class T>(Trainer<T>& trainer) {
            const std::int64_t n = trainer.parameters();
            if (average.has_value() != config_.average) refuse("average must be given where weights are averaged.");
            trainer.load(data_of<T>(theta, "theta", n), data_of<T>(state, "state", n * trainer.slots()),
                         average ? data_of<T>(*average, "average", n) : nullptr);
            loaded_ = true;
        });
    }

    void store(const Written& theta, const Written& state, const std::optional<Written>& average) {
        const Lease lease(taken_);
        with([&]<class T>(Trainer<T>& trainer) {
            const std::int64_t n = trainer.parameters();
            if (!loaded_) refuse("load must come before store.");
            if (average.has_value() != config_.average) refuse("average must be given where weights are averaged.");
            trainer.store(data_of<T>(theta, "theta", n), data_of<T>(state, "state", n * trainer.slots()),
                          average ? data_of<T>(*average, "average", n) : nullptr);
        });
    }

    std::int64_t advance(const ReadOnly& X, const ReadOnly& y, const std::optional<ReadOnly>& weight, const ReadOnly& order,
                         const ReadOnly& lr, const ReadOnly& scalars, const ReadOnly& pace, std::uint64_t dropout_key,
                         std::uint64_t t, const Written& scores, const Written& losses, double seconds, int threads,
                         const std::optional<ReadOnly>& places) {
        const Lease lease(taken_);
        return with([&]<class T>(Trainer<T>& trainer) -> std::int64_t {
            if (!loaded_) refuse("load must come before advance.");
            const int outputs = config_.sizes.back();
            Course<T> course{};
            course.rows = rows_of(X, config_.sizes[0]);
            const std::int64_t n_input = std::int64_t(X.shape(0));
            const std::int64_t n = places && scores.ndim() ? std::int64_t(scores.shape(0)) : n_input;
            const bool classes = config_.loss == Loss::cross_entropy && y.ndim() == 1;
            if (classes) course.labels = data_of<std::int64_t>(y, "y", n);
            else course.targets = matrix_of<T>(y, "y", n, outputs);
            if (weight) course.weight = data_of<T>(*weight, "weight", n);
            course.n_order = std::int64_t(order.size());
            course.order = data_of<std::int64_t>(order, "order", course.n_order);
            if (places) course.places = data_of<std::int64_t>(*places, "places", course.n_order);
            const std::int64_t steps = (course.n_order + config_.batch - 1) / config_.batch;
            course.lr = data_of<double>(lr, "lr", steps);
            course.n_scalars = steps ? int(scalars.size() / std::size_t(steps)) : 0;
            const int needed = config_.rule == Rule::adam ? 2 : config_.rule == Rule::nadam ? 3 : 0;
            if (steps && course.n_scalars != needed) refuse("scalars has the wrong number of columns.");
            course.scalars = data_of<double>(scalars, "scalars", steps * course.n_scalars);
            course.pace = data_of<double>(pace, "pace", steps);
            course.scores = matrix_of<T>(scores, "scores", n, outputs);
            course.losses = data_of<double>(losses, "losses", steps);
            course.dropout_key = dropout_key;
            course.t = t;
            course.seconds = seconds;
            for (std::int64_t i = 0; i < course.n_order; ++i) {
                const std::int64_t row = course.order[i];
                if (row < 0 || row >= n) refuse("order names row " + std::to_string(row) + " of " + std::to_string(n) + ".");
                if (places && (course.places[i] < 0 || course.places[i] >= n_input))
                    refuse("places names row " + std::to_string(course.places[i]) + " of " + std::to_string(n_input) + ".");
                if (classes && (course.labels[row] < 0 || course.labels[row] >= outputs))
                    refuse("y holds the class " + std::to_string(course.labels[row]) + " of " + std::to_string(outputs) + ".");
            }
            const WithoutPython released;
            return trainer.advance(course, threads);
        });
    }

    // What such a trainer would hold, without making one.
    static double bytes_for(std::vector<int> sizes, const std::vector<Named>& activations,
                            const std::vector<std::tuple<double, std::uint64_t>>& dropout, const Named& loss,
                            const std::tuple<std::string, double, double, double, bool>& rule, double weight_decay, double l2,
                            double clip, bool average, const Scale& shift, const Scale& factor, bool scaled,
                            const std::string& dtype, int batch_size, bool bf16, const std::string& isa) {
        const Config config = config_of(std::move(sizes), activations, dropout, loss, rule, weight_decay, l2, clip, average,
                                        shift, factor, scaled, dtype, batch_size, bf16);
        const int found = isa_of(isa);
        if (bf16) return Trainer<float>::bytes_for(config, half_kernels(found));
        if (dtype == "float32") return Trainer<float>::bytes_for(config, kernels_of<float>(found));
        return Trainer<double>::bytes_for(config, kernels_of<double>(found));
    }

    std::string isa() const { return ISA_NAMES[isa_]; }
    int slots() { return with([](auto& trainer) { return trainer.slots(); }); }
    std::size_t bytes() { return with([](auto& trainer) { return trainer.bytes(); }); }

  private:
    Config config_;
    int isa_ = 0;
    bool loaded_ = false;
    std::atomic<bool> taken_ = false;
    std::variant<std::monostate, Trainer<float>, Trainer<double>> trainer_;
};

// -- inference --------------------------------------------------------------------------------------------

constexpr int FEW_ROWS = 4, ROWS_PER_THREAD = 64;

int rows_at_once(int threads) { return ROWS_PER_THREAD * std::max(threads, std::min(get_threads(), MOST_THREADS)); }

// What `forward` keeps for the next call of the same chain.
double forward_bytes(std::vector<int> sizes, const std::string& dtype, const std::string& isa) {
    check_sizes(sizes, sizes.size() < 2 ? 0 : sizes.size() - 2);
    Config config;
    config.hidden.resize(sizes.size() - 2);
    config.sizes = std::move(sizes);
    config.training = false;
    config.batch = rows_at_once(1);
    if (dtype == "float32") return Trainer<float>::bytes_for(config, kernels_of<float>(isa_of(isa)));
    if (dtype == "float64") return Trainer<double>::bytes_for(config, kernels_of<double>(isa_of(isa)));
    refuse("dtype must be 'float32' or 'float64'.");
}

template <class T>
std::int64_t few_rows(const Config& config, const Rows& rows, std::int64_t n, const T* theta, std::int64_t parameters,
                      T* scores, const Kernels<T>& kernels) {
    const int features = config.sizes[0], outputs = config.sizes.back();
    const std::size_t room = std::size_t(*std::max_element(config.sizes.begin(), config.sizes.end())) + 8 * 16;
    std::vector<T> buffer(3 * room);
    T *x = buffer.data(), *one = x + room, *other = one + room;
    std::vector<Activation> activation;
    std::vector<T> option;
    for (const Hidden& hidden : config.hidden) {
        activation.push_back(hidden.activation);
        option.push_back(T(hidden.option));
    }
    const Chain<T> chain{int(config.sizes.size()) - 1, config.sizes.data(), activation.data(), option.data(), theta, theta + parameters};
    const auto take = [&]<class S>(const char* p, S) {
        for (int k = 0; k < features; ++k) {
            S s;
            std::memcpy(&s, p + k * rows.column, sizeof s);
            if (!config.scaled) x[k] = T(s);
            else if (sizeof(S) == 1 || sizeof(S) == sizeof(T)) x[k] = (T(s) - T(config.shift[k])) * T(config.factor[k]);
            else x[k] = T((double(s) - config.shift[k]) * config.factor[k]);
        }
    };
    for (std::int64_t i = 0; i < n; ++i) {
        const char* p = rows.data + i * rows.row;
        if (rows.type == Pixel::uint8) take(p, std::uint8_t());
        else if (rows.type == Pixel::float32) take(p, float());
        else take(p, double());
        T odd = 0;
        for (int k = 0; k < features; ++k) odd += x[k] - x[k];  // 0 but for ∞ and NaN
        if (odd != T(0)) return i;
        std::copy_n(kernels.direct(chain, x, one, other), outputs, scores + i * outputs);
    }
    return -1;
}

std::int64_t forward(std::vector<int> sizes, const std::vector<Named>& activations, const ReadOnly& theta, const ReadOnly& X,
                     const Scale& shift, const Scale& factor, bool scaled, const Written& scores, int threads, const std::string& isa) {
    check_sizes(sizes, activations.size());
    Config config;
    config.sizes = std::move(sizes);
    config.hidden = hidden_layers(activations);
    config.training = false;
    set_scale(config, shift, factor, scaled);
    const Rows rows = rows_of(X, config.sizes[0]);
    const std::int64_t n = std::int64_t(X.shape(0));
    std::int64_t parameters = 0;
    for (std::size_t i = 1; i < config.sizes.size(); ++i) parameters += (std::int64_t(config.sizes[i - 1]) + 1) * config.sizes[i];
    const auto run = [&]<class T>(T) -> std::int64_t {
        const T* flat = data_of<T>(theta, "theta", parameters);
        T* out = matrix_of<T>(scores, "scores", n, config.sizes.back());
        const Kernels<T>& kernels = kernels_of<T>(isa_of(isa));
        if (n <= FEW_ROWS) return few_rows<T>(config, rows, n, flat, parameters, out, kernels);
        const WithoutPython released;
        const int k = threads > 0 ? std::min(threads, MOST_THREADS)
                      : double(parameters) * double(n) < 4e5 ? 1 : get_threads();
        config.batch = rows_at_once(k);  // the same for every n
        // The last call's memory serves the next of the same shape; who finds it taken makes his own.
        // No lock that a fork could leave shut, and never freed while a daemon may still be at work.
        static constinit std::atomic<Trainer<T>*> kept{nullptr};
        std::unique_ptr<Trainer<T>> trainer(kept.exchange(nullptr));
        if (trainer && (trainer->config() != config || trainer->shape().lanes != kernels.shape.lanes)) trainer.reset();
        if (!trainer) trainer = std::make_unique<Trainer<T>>(config, kernels);
        trainer->load(flat, nullptr, nullptr);
        const std::int64_t strange = trainer->forward(rows, n, out, k);
        delete kept.exchange(trainer.release());
        return strange;
    };
    return theta.dtype() == nb::dtype<float>() ? run(float()) : run(double());
}

// -- measuring ------------------------------------------------------------------------------------------------

double peak(const std::string& dtype, int threads, double seconds, const std::string& isa) {
    if (dtype != "float32" && dtype != "float64" && dtype != "bf16") refuse("dtype must be 'float32', 'float64' or 'bf16'.");
    const int found = isa_of(isa);
    struct Team {
        double (*peak)(double (*)(), double);
        double seconds;
        double rate[MOST_THREADS]{};
    } team{dtype == "bf16"      ? half_kernels(found).peak
           : dtype == "float32" ? kernels_of<float>(found).peak
                                : kernels_of<double>(found).peak,
           number(seconds, 0, 60, "seconds")};
    number(threads, 1, MOST_THREADS, "threads");
    const WithoutPython released;
    run_together(threads, [](void*, int) {}, [](void* p, int t) {
        Team& of = *static_cast<Team*>(p);
        of.rate[t] = of.peak(now, of.seconds);
    }, &team);
    return std::accumulate(std::begin(team.rate), std::end(team.rate), 0.0);
}

void elementwise(const std::string& name, double option, const ReadOnly& x, const Written& y, const Written& derivative, const std::string& isa) {
    const auto activation = Activation(named(name, ACTIVATION_NAMES, ACTIVATIONS, "activation"));
    const auto run = [&]<class T>(T) {
        const std::int64_t n = std::int64_t(x.size());
        const Kernels<T>& kernels = kernels_of<T>(isa_of(isa));
        unsigned long long kept;
        const T* from = data_of<T>(x, "x", n);
        T *to = data_of<T>(y, "y", n), *slope = data_of<T>(derivative, "derivative", n);
        kernels.quiet(true, &kept);
        kernels.elementwise(activation, T(option), from, to, slope, n);
        kernels.quiet(false, &kept);
    };
    x.dtype() == nb::dtype<float>() ? run(float()) : run(double());
}

void softmax(const ReadOnly& z, const Written& p) {
    if (z.ndim() != 2 || z.shape(1) < 1 || z.shape(1) > (1 << 30)) refuse("z has the shape " + shape_of(z) + "; needed is (n, k).");
    const auto run = [&]<class T>(T) {
        const std::int64_t n = std::int64_t(z.shape(0)), k = std::int64_t(z.shape(1));
        const T* from = matrix_of<T>(z, "z", n, k);
        T* to = matrix_of<T>(p, "p", n, k);
        std::optional<WithoutPython> released;
        if (n * k > 10000) released.emplace();
        kernels_of<T>(isa_of("auto")).softmax(from, to, n, int(k));
    };
    z.dtype() == nb::dtype<float>() ? run(float()) : run(double());
}

nb::tuple names(const char* const* table, int n) {
    nb::list list;
    for (int i = 0; i < n; ++i) list.append(table[i]);
    return nb::tuple(list);
}

}  // namespace

// What threadpoolctl calls; see engine/limits.py.
extern "C" {
__attribute__((visibility("default"))) int deltarule_get_num_threads() { return get_threads(); }
__attribute__((visibility("default"))) void deltarule_set_num_threads(int n) { set_threads(std::clamp(n, 1, 1024)); }
}

NB_MODULE(_core, m) {
    nb::set_leak_warnings(false);  // a daemon may hold a trainer until the process ends
    m.attr("ISAS") = names(ISA_NAMES, isa_of("auto") + 1);
    m.attr("ACTIVATIONS") = names(ACTIVATION_NAMES, ACTIVATIONS);
    m.attr("LOSSES") = names(LOSS_NAMES, LOSSES);
    m.attr("RULES") = names(RULE_NAMES, RULES);
    m.def("set_threads", [](int n) { set_threads(int(number(n, 1, 1024, "n"))); }, "n"_a);
    m.def("get_threads", &get_threads);
    m.def("peak", &peak, "dtype"_a, "threads"_a, "seconds"_a, "isa"_a = "auto");
    m.def("elementwise", &elementwise, "name"_a, "option"_a, "x"_a, "y"_a, "derivative"_a, "isa"_a = "auto");
    m.def("forward", &forward, "sizes"_a, "activations"_a, "theta"_a, "X"_a, "shift"_a, "factor"_a, "scaled"_a, "scores"_a,
          "threads"_a, "isa"_a = "auto");
    m.def("softmax", &softmax, "z"_a, "p"_a);
    m.def("forward_bytes", &forward_bytes, "sizes"_a, "dtype"_a, "isa"_a = "auto");
    nb::class_<Handle>(m, "Trainer")
        .def(nb::init<std::vector<int>, const std::vector<Named>&, const std::vector<std::tuple<double, std::uint64_t>>&,
                      const Named&, const std::tuple<std::string, double, double, double, bool>&, double, double, double, bool,
                      const Scale&, const Scale&, bool, const std::string&, int, bool, const std::string&>(),
             "sizes"_a, "activations"_a, "dropout"_a, "loss"_a, "rule"_a, "weight_decay"_a, "l2"_a, "clip"_a, "average"_a,
             "shift"_a, "factor"_a, "scaled"_a, "dtype"_a, "batch_size"_a, "bf16"_a = false, "isa"_a = "auto")
        .def_static("bytes_for", &Handle::bytes_for, "sizes"_a, "activations"_a, "dropout"_a, "loss"_a, "rule"_a,
                    "weight_decay"_a, "l2"_a, "clip"_a, "average"_a, "shift"_a, "factor"_a, "scaled"_a, "dtype"_a,
                    "batch_size"_a, "bf16"_a = false, "isa"_a = "auto")
        .def_prop_ro("isa", &Handle::isa)
        .def_prop_ro("state_slots", &Handle::slots)
        .def_prop_ro("bytes", &Handle::bytes)
        .def("load", &Handle::load, "theta"_a, "state"_a, "average"_a.none())
        .def("store", &Handle::store, "theta"_a, "state"_a, "average"_a.none())
        .def("advance", &Handle::advance, "X"_a, "y"_a, "weight"_a.none(), "order"_a, "lr"_a, "scalars"_a, "pace"_a,
             "dropout_key"_a, "t"_a, "scores"_a, "losses"_a, "seconds"_a, "threads"_a, "places"_a.none() = nb::none());
}
