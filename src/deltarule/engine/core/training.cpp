// A training at the border: what is trained with what, its vectors, its steps.
#include <atomic>
#include <limits>
#include <stdexcept>
#include <variant>

#include "border.hpp"

namespace deltarule {
namespace {

using Dropped = std::tuple<double, std::uint64_t>;                      // rate, place in the chain
using Ruled = std::tuple<std::string, double, double, double, bool>;  // name, β₁, β₂, ε, Nesterov's

// Whether the padding of tiles no more than doubles the work.
bool fills_tiles(const Config& config) {
    const auto full = [](int n) { return double(padded(n, 32)); };
    double work = 0, with_padding = 0;
    for (std::size_t i = 1; i < config.sizes.size(); ++i) {
        work += double(config.batch) * config.sizes[i - 1] * config.sizes[i];
        with_padding += full(config.batch) * full(config.sizes[i - 1]) * full(config.sizes[i]);
    }
    return with_padding <= 2 * work;
}

// A training in words, checked.
Config config_of(std::vector<int> sizes, const std::vector<Named>& activations, const std::vector<Dropped>& dropout,
                 const Named& loss, const Ruled& rule, double weight_decay, double l2, double clip, bool average,
                 const Scale& shift, const Scale& factor, bool scaled, const std::string& dtype, int batch_size,
                 bool bf16) {
    const double large = std::numeric_limits<double>::max();
    const auto& [rule_name, beta1, beta2, epsilon, nesterov] = rule;
    Config config = chain_of(std::move(sizes), activations, shift, factor, scaled);
    if (dropout.size() != activations.size()) refuse("There must be one dropout for each hidden layer.");
    if (dtype != "float32" && dtype != "float64") refuse("dtype must be 'float32' or 'float64'.");
    if (bf16 && dtype != "float32") refuse("bf16 is for float32.");
    for (std::size_t i = 0; i < dropout.size(); ++i) {
        const auto& [rate, place] = dropout[i];
        if (number(rate, 0, 1, "A dropout rate") == 1) refuse("A dropout rate must be below 1.");
        config.hidden[i].rate = rate;
        config.hidden[i].place = place;
    }
    config.loss = Loss(named(std::get<0>(loss), LOSS_NAMES, "loss"));
    config.loss_option = number(std::get<1>(loss), 0, large, "The loss's option");
    config.rule = Rule(named(rule_name, RULE_NAMES, "rule"));
    config.beta1 = number(beta1, 0, 1, "beta1");
    config.beta2 = number(beta2, 0, 1, "beta2");
    config.epsilon = number(epsilon, 0, large, "epsilon");
    config.nesterov = nesterov;
    config.weight_decay = number(weight_decay, 0, large, "weight_decay");
    config.l2 = number(l2, 0, large, "l2");
    config.clip = number(clip, 0, large, "clip");
    config.average = average;
    config.half = bf16;
    config.batch = int(number(batch_size, 1, 1 << 30, "batch_size"));
    return config;
}

// Calls f with a Trainer's kind and the kernels that it would have.
template <class F> auto with_kernels(const Config& config, bool wide, const std::string& isa, F f) {
    const InstructionSet set = config.half ? half_set(isa, fills_tiles(config)) : instruction_set(isa);
    if (wide) return f(double(), *set.of_double, set.name);
    return f(float(), config.half ? *set.of_half : *set.of_float, set.name);
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

    // Calls f with θ, the rule's memory and the average, null where there is none.
    template <class A, class F>
    void with_vectors(const A& theta, const A& state, const std::optional<A>& average, F f) {
        const Lease lease(taken_);
        with([&]<class T>(Trainer<T>& trainer) {
            const std::int64_t n = trainer.parameters();
            if (average.has_value() != trainer.config().average)
                refuse("average must be given where weights are averaged.");
            f(trainer, data_of<T>(theta, "theta", n), data_of<T>(state, "state", n * trainer.slots()),
              average ? data_of<T>(*average, "average", n) : nullptr);
        });
    }

  public:
    Handle(std::vector<int> sizes, const std::vector<Named>& activations, const std::vector<Dropped>& dropout,
           const Named& loss, const Ruled& rule, double weight_decay, double l2, double clip, bool average,
           const Scale& shift, const Scale& factor, bool scaled, const std::string& dtype, int batch_size, bool bf16,
           const std::string& isa) {
        const Config config = config_of(std::move(sizes), activations, dropout, loss, rule, weight_decay, l2, clip,
                                        average, shift, factor, scaled, dtype, batch_size, bf16);
        with_kernels(config, dtype == "float64", isa, [&]<class T>(T, const Kernels<T>& kernels, const char* name) {
            isa_ = name;
            trainer_.template emplace<Trainer<T>>(config, kernels);
        });
    }

    // The `bytes` of such a trainer, without making it.
    static double bytes_for(std::vector<int> sizes, const std::vector<Named>& activations,
                            const std::vector<Dropped>& dropout, const Named& loss, const Ruled& rule,
                            double weight_decay, double l2, double clip, bool average, const Scale& shift,
                            const Scale& factor, bool scaled, const std::string& dtype, int batch_size, bool bf16,
                            const std::string& isa) {
        const Config config = config_of(std::move(sizes), activations, dropout, loss, rule, weight_decay, l2, clip,
                                        average, shift, factor, scaled, dtype, batch_size, bf16);
        return with_kernels(config, dtype == "float64", isa, [&]<class T>(T, const Kernels<T>& kernels, const char*) {
            return Trainer<T>::bytes_for(config, kernels);
        });
    }

    void load(const ReadOnly& theta, const ReadOnly& state, const std::optional<ReadOnly>& average) {
        with_vectors(theta, state, average, [&](auto& trainer, auto... vectors) {
            trainer.load(vectors...);
            loaded_ = true;
        });
    }

    void store(const Written& theta, const Written& state, const std::optional<Written>& average) {
        with_vectors(theta, state, average, [&](const auto& trainer, auto... vectors) {
            if (!loaded_) refuse("load must come before store.");
            trainer.store(vectors...);
        });
    }

    std::int64_t advance(const ReadOnly& X, const ReadOnly& y, const std::optional<ReadOnly>& weight,
                         const ReadOnly& order, const ReadOnly& lr, const ReadOnly& scalars, const ReadOnly& pace,
                         std::uint64_t dropout_key, std::uint64_t t, const Written& scores, const Written& losses,
                         double seconds, int threads, const std::optional<ReadOnly>& places) {
        const Lease lease(taken_);
        return with([&]<class T>(Trainer<T>& trainer) -> std::int64_t {
            if (!loaded_) refuse("load must come before advance.");
            const Config& config = trainer.config();
            const int outputs = config.sizes.back();
            Course<T> course{};
            course.rows = rows_of(X, config.sizes[0]);
            const std::int64_t inputs = std::int64_t(X.shape(0));
            const std::int64_t n = places && scores.ndim() ? std::int64_t(scores.shape(0)) : inputs;
            const bool classes = config.loss == Loss::cross_entropy && y.ndim() == 1;
            if (classes) course.labels = data_of<std::int64_t>(y, "y", n);
            else course.targets = matrix_of<T>(y, "y", n, outputs);
            if (weight) course.weight = data_of<T>(*weight, "weight", n);
            course.n_order = std::int64_t(order.size());
            course.order = data_of<std::int64_t>(order, "order", course.n_order);
            if (places) course.places = data_of<std::int64_t>(*places, "places", course.n_order);
            const std::int64_t steps = (course.n_order + config.batch - 1) / config.batch;
            course.lr = data_of<double>(lr, "lr", steps);
            course.n_scalars = steps ? int(scalars.size() / std::size_t(steps)) : 0;
            const int needed = config.rule == Rule::adam ? 2 : config.rule == Rule::nadam ? 3 : 0;
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
                if (row < 0 || row >= n)
                    refuse("order names row " + std::to_string(row) + " of " + std::to_string(n) + ".");
                if (places && (course.places[i] < 0 || course.places[i] >= inputs))
                    refuse("places names row " + std::to_string(course.places[i]) + " of " +
                           std::to_string(inputs) + ".");
                if (classes && (course.labels[row] < 0 || course.labels[row] >= outputs))
                    refuse("y holds the class " + std::to_string(course.labels[row]) + " of " +
                           std::to_string(outputs) + ".");
            }
            const WithoutPython released;
            return trainer.advance(course, threads);
        });
    }

    std::string isa() const { return isa_; }
    int slots() {
        return with([](auto& trainer) { return trainer.slots(); });
    }
    std::size_t bytes() {
        return with([](auto& trainer) { return trainer.bytes(); });
    }
    bool gradient_is_finite() {
        const Lease lease(taken_);
        return with([](auto& trainer) { return trainer.gradient_is_finite(); });
    }
    int threads() {
        const Lease lease(taken_);
        return with([](auto& trainer) { return trainer.threads(); });
    }

  private:
    const char* isa_;
    bool loaded_ = false;
    std::atomic<bool> taken_ = false;
    std::variant<std::monostate, Trainer<float>, Trainer<double>> trainer_;
};

}  // namespace

void bind_training(nb::module_& m) {
    nb::class_<Handle>(m, "Trainer")
        .def(nb::init<std::vector<int>, const std::vector<Named>&, const std::vector<Dropped>&, const Named&,
                      const Ruled&, double, double, double, bool, const Scale&, const Scale&, bool,
                      const std::string&, int, bool, const std::string&>(),
             "sizes"_a, "activations"_a, "dropout"_a, "loss"_a, "rule"_a, "weight_decay"_a, "l2"_a, "clip"_a,
             "average"_a, "shift"_a, "factor"_a, "scaled"_a, "dtype"_a, "batch_size"_a,
             "bf16"_a = false, "isa"_a = "auto")
        .def_static("bytes_for", &Handle::bytes_for, "sizes"_a, "activations"_a, "dropout"_a, "loss"_a, "rule"_a,
                    "weight_decay"_a, "l2"_a, "clip"_a, "average"_a, "shift"_a, "factor"_a, "scaled"_a, "dtype"_a,
                    "batch_size"_a, "bf16"_a = false, "isa"_a = "auto")
        .def_prop_ro("isa", &Handle::isa)
        .def_prop_ro("state_slots", &Handle::slots)
        .def_prop_ro("bytes", &Handle::bytes)
        .def_prop_ro("threads", &Handle::threads)
        .def_prop_ro("gradient_is_finite", &Handle::gradient_is_finite)
        .def("load", &Handle::load, "theta"_a, "state"_a, "average"_a.none())
        .def("store", &Handle::store, "theta"_a, "state"_a, "average"_a.none())
        .def("advance", &Handle::advance, "X"_a, "y"_a, "weight"_a.none(), "order"_a, "lr"_a, "scalars"_a, "pace"_a,
             "dropout_key"_a, "t"_a, "scores"_a, "losses"_a, "seconds"_a, "threads"_a, "places"_a.none() = nb::none());
}

}  // namespace deltarule
