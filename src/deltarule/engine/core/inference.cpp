// Scores at the border: of a few rows straight from θ, of many by all threads.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>

#include "border.hpp"

namespace deltarule {
namespace {

constexpr int FEW_ROWS = 4, ROWS_PER_THREAD = 64;
constexpr double FOR_TWO_THREADS = 4e5;  // multiply-adds, below which a second one would not help

// The same for every number of rows, so that memory is kept from call to call.
int rows_at_once(int threads) { return ROWS_PER_THREAD * std::min(std::max(get_threads(), threads), MOST_THREADS); }

// What `forward` keeps for the next call of the same chain.
double forward_bytes(std::vector<int> sizes, const std::string& dtype, const std::string& isa) {
    if (sizes.size() < 2) refuse("There must be at least two sizes.");
    check_sizes(sizes);
    Config config;
    config.hidden.resize(sizes.size() - 2);
    config.sizes = std::move(sizes);
    config.training = false;
    config.batch = rows_at_once(1);
    if (dtype == "float32") return Trainer<float>::bytes_for(config, instruction_set(isa).of<float>());
    if (dtype == "float64") return Trainer<double>::bytes_for(config, instruction_set(isa).of<double>());
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
    const Chain<T> chain{int(config.sizes.size()) - 1, config.sizes.data(), activation.data(), option.data(),
                         theta, theta + parameters};
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

std::int64_t forward(std::vector<int> sizes, const std::vector<Named>& activations, const ReadOnly& theta,
                     const ReadOnly& X, const Scale& shift, const Scale& factor, bool scaled, const Written& scores,
                     int threads, const std::string& isa) {
    Config config = chain_of(std::move(sizes), activations, shift, factor, scaled);
    config.training = false;
    const Rows rows = rows_of(X, config.sizes[0]);
    const std::int64_t n = std::int64_t(X.shape(0));
    std::int64_t parameters = 0;
    for (std::size_t i = 1; i < config.sizes.size(); ++i)
        parameters += (std::int64_t(config.sizes[i - 1]) + 1) * config.sizes[i];
    if (threads < 1 && double(parameters) * double(n) < FOR_TWO_THREADS) threads = 1;
    const auto run = [&]<class T>(T) -> std::int64_t {
        const T* flat = data_of<T>(theta, "theta", parameters);
        T* out = matrix_of<T>(scores, "scores", n, config.sizes.back());
        const Kernels<T>& kernels = instruction_set(isa).of<T>();
        if (n <= FEW_ROWS) return few_rows<T>(config, rows, n, flat, parameters, out, kernels);
        const WithoutPython released;
        config.batch = rows_at_once(threads);
        // The last call's memory serves the next of the same shape; who finds it taken makes his own.
        // No lock that a fork could leave shut, and never freed while a daemon may still be at work.
        static constinit std::atomic<Trainer<T>*> kept{nullptr};
        std::unique_ptr<Trainer<T>> trainer(kept.exchange(nullptr));
        if (trainer && (trainer->config() != config || trainer->shape().lanes != kernels.shape.lanes)) trainer.reset();
        if (!trainer) trainer = std::make_unique<Trainer<T>>(config, kernels);
        trainer->load(flat, nullptr, nullptr);
        const std::int64_t strange = trainer->forward(rows, n, out, threads);
        delete kept.exchange(trainer.release());
        return strange;
    };
    return theta.dtype() == nb::dtype<float>() ? run(float()) : run(double());
}

void softmax(const ReadOnly& z, const Written& p) {
    if (z.ndim() != 2 || z.shape(1) < 1 || z.shape(1) > (1 << 30))
        refuse("z has the shape " + shape_of(z) + "; needed is (n, k).");
    const auto run = [&]<class T>(T) {
        const std::int64_t n = std::int64_t(z.shape(0)), k = std::int64_t(z.shape(1));
        const T* from = matrix_of<T>(z, "z", n, k);
        T* to = matrix_of<T>(p, "p", n, k);
        std::optional<WithoutPython> released;
        if (n * k > 10000) released.emplace();
        instruction_set("auto").of<T>().softmax(from, to, n, int(k));
    };
    z.dtype() == nb::dtype<float>() ? run(float()) : run(double());
}

}  // namespace

void bind_inference(nb::module_& m) {
    m.def("forward", &forward, "sizes"_a, "activations"_a, "theta"_a, "X"_a, "shift"_a, "factor"_a, "scaled"_a,
          "scores"_a, "threads"_a, "isa"_a = "auto");
    m.def("softmax", &softmax, "z"_a, "p"_a);
    m.def("forward_bytes", &forward_bytes, "sizes"_a, "dtype"_a, "isa"_a = "auto");
}

}  // namespace deltarule
