// Trains and asks the core without Python: for sanitizers, and for processors that this machine
// only pretends to be.
//
// Every case must give the same bits at 1, 2 and 4 threads and however its steps are cut into calls;
// exit code 0 says that all did.  What is printed, a loss and the length of θ for each case, is to
// be compared with what another processor prints.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "amx.hpp"
#include "tile_traps.hpp"
#include "trainer.hpp"

using namespace deltarule;

namespace {

// Numbers in [0, 1), the same everywhere.
struct Draws {
    std::uint64_t state;

    double next() {
        state += 0x9E3779B97F4A7C15ull;
        std::uint64_t z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        return double((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
    }
};

struct Case {
    const char* name;
    Config config;
    Pixel rows = Pixel::float64;
    bool weighted = false;
    bool soft = false;
    int n = 150, epochs = 2;  // n is no less than a batch: no row comes twice in one
    bool strided = false;
};

struct Outcome {
    std::vector<char> bits;
    double loss, length;
};

template <class T> void append(std::vector<char>& bits, const std::vector<T>& more) {
    const char* from = reinterpret_cast<const char*>(more.data());
    bits.insert(bits.end(), from, from + more.size() * sizeof(T));
}

// The rows of a case, each number as `Pixel` says; every second column is another's where strided.
struct Table {
    std::vector<char> data;
    Rows rows{};

    Table(const Case& of, Draws& draws) {
        const int size = of.rows == Pixel::uint8 ? 1 : of.rows == Pixel::float32 ? 4 : 8;
        const std::ptrdiff_t features = of.config.sizes.front(), step = of.strided ? 2 * size : size;
        data.resize(std::size_t(of.n * features * step));
        for (std::ptrdiff_t i = 0; i < of.n * features; ++i) {
            const double x = draws.next();
            const auto byte = std::uint8_t(256 * x);
            const auto single = float(2 * x - 1);
            const double number = 2 * x - 1;
            char* at = data.data() + i * step;
            if (size == 1) std::memcpy(at, &byte, 1);
            else if (size == 4) std::memcpy(at, &single, 4);
            else std::memcpy(at, &number, 8);
        }
        rows = {data.data(), features * step, step, of.rows, of.config.scaled};
    }
};

// η and the rule's scalars of step t, as learning and `rule.scalars` would have them.
void schedule(const Config& config, int t, std::vector<double>& lr, std::vector<double>& scalars) {
    lr.push_back(0.01 / t);
    const double first = std::pow(config.beta1, t), second = std::pow(config.beta2, t);
    if (config.rule == Rule::adam) scalars.insert(scalars.end(), {1 - first, 1 - second});
    if (config.rule == Rule::nadam)
        scalars.insert(scalars.end(), {(1 - config.beta1) / (1 - first), config.beta1 / (1 - first * config.beta1), 1 - second});
}

template <class T> struct Tables {
    const Kernels<T>&training, &asking;  // of bf16 they are not the same
};

template <class T> Outcome train(const Case& of, const Tables<T>& tables, int threads, int steps_at_once) {
    const Config& config = of.config;
    Draws draws{1};
    Trainer<T> trainer(config, tables.training);
    const auto parameters = std::size_t(trainer.parameters());
    const auto outputs = std::size_t(config.sizes.back());
    std::vector<T> theta(parameters), state(parameters * std::size_t(trainer.slots())), average;
    for (T& value : theta) value = T(0.2 * (draws.next() - 0.5));
    if (config.average) average = theta;

    const Table table(of, draws);
    std::vector<std::int64_t> labels, order;
    std::vector<T> targets, weight;
    for (int i = 0; i < of.n; ++i) labels.push_back(std::int64_t(draws.next() * double(outputs)));
    for (std::size_t i = 0; i < std::size_t(of.n) * outputs; ++i) targets.push_back(T(draws.next()));
    for (int i = 0; i < of.n; ++i) weight.push_back(T(0.5 + draws.next()));
    for (int i = 0; i < of.n * of.epochs; ++i) order.push_back(std::int64_t(i) * 7 % of.n);
    const std::int64_t all = (std::int64_t(order.size()) + config.batch - 1) / config.batch;
    std::vector<double> lr, scalars, pace(std::size_t(all), 0.1), losses(std::size_t(all), 0.0);
    for (int t = 1; t <= all; ++t) schedule(config, t, lr, scalars);
    std::vector<T> scores(std::size_t(of.n) * outputs);

    trainer.load(theta.data(), state.data(), average.data());
    for (std::int64_t done = 0; done < all;) {
        const std::int64_t begin = done * config.batch, end = begin + std::int64_t(steps_at_once) * config.batch;
        const int columns = int(scalars.size() / std::size_t(all));
        Course<T> course{};
        course.rows = table.rows;
        course.labels = config.loss == Loss::cross_entropy && !of.soft ? labels.data() : nullptr;
        course.targets = course.labels ? nullptr : targets.data();
        course.weight = of.weighted ? weight.data() : nullptr;
        course.order = order.data() + begin;
        course.n_order = std::min(end, std::int64_t(order.size())) - begin;
        course.lr = lr.data() + done;
        course.scalars = scalars.data() + done * columns;
        course.pace = pace.data() + done;
        course.n_scalars = columns;
        course.dropout_key = 5;
        course.t = std::uint64_t(done + 1);
        course.scores = scores.data();
        course.losses = losses.data() + done;
        course.seconds = 1e9;
        done += trainer.advance(course, threads);
    }
    trainer.store(theta.data(), state.data(), average.data());

    Config asked = config;
    asked.training = asked.half = false;
    asked.batch = 16 * threads;
    Trainer<T> asking(asked, tables.asking);
    asking.load(theta.data(), nullptr, nullptr);
    std::vector<T> answers(scores.size());
    const std::int64_t bad = asking.forward(table.rows, of.n, answers.data(), threads);

    Outcome outcome{{}, losses.back(), 0};
    for (T value : theta) outcome.length += double(value) * double(value);
    outcome.length = std::sqrt(outcome.length);
    append(outcome.bits, theta);
    append(outcome.bits, state);
    append(outcome.bits, average);
    append(outcome.bits, losses);
    append(outcome.bits, scores);
    append(outcome.bits, answers);
    append(outcome.bits, std::vector<std::int64_t>{bad});
    return outcome;
}

Case make(const char* name, std::vector<int> sizes, Activation activation, Loss loss, Rule rule) {
    Case made{name, {}};
    Config& config = made.config;
    for (std::size_t i = 0; i + 2 < sizes.size(); ++i) config.hidden.push_back({activation, 0.1, 0, 2 * i});
    config.shift.assign(std::size_t(sizes[0]), 0.1);
    config.factor.assign(std::size_t(sizes[0]), 0.7);
    config.sizes = std::move(sizes);
    config.loss = loss, config.rule = rule;
    config.loss_option = loss == Loss::huber || loss == Loss::quantile ? 0.5 : 0;
    config.beta1 = 0.9, config.beta2 = 0.99, config.epsilon = 1e-8;
    config.scaled = true;
    config.batch = 37;
    return made;
}

std::vector<Case> cases() {
    std::vector<Case> all;
    all.push_back(make("parts of features", {600, 50, 10}, Activation::relu, Loss::cross_entropy, Rule::adam));
    all.back().rows = Pixel::uint8;
    all.back().config.shift.assign(600, 128);
    all.back().config.factor.assign(600, 1 / 64.0);
    all.push_back(make("rows", {64, 100, 50, 10}, Activation::gelu, Loss::cross_entropy, Rule::nadam));
    all.back().config.loss_option = 0.1;
    all.back().weighted = true;
    all.push_back(make("everything at once", {530, 33, 17, 3}, Activation::silu, Loss::cross_entropy, Rule::sgd));
    all.back().config.nesterov = all.back().config.average = all.back().soft = all.back().strided = true;
    all.back().config.weight_decay = all.back().config.l2 = all.back().config.clip = 0.1;
    for (Hidden& hidden : all.back().config.hidden) hidden.rate = 0.3;
    all.push_back(make("one feature", {1, 1}, Activation::relu, Loss::squared_error, Rule::sgd));
    all.back().config.batch = 1;
    all.push_back(make("a batch of all", {7, 5, 1}, Activation::tanh, Loss::poisson, Rule::rmsprop));
    all.back().config.batch = 400;
    all.back().n = 500;
    all.push_back(make("small", {20, 7, 2}, Activation::mish, Loss::huber, Rule::rmsprop));
    all.back().rows = Pixel::float32;
    all.push_back(make("odd", {13, 9, 31, 5}, Activation::elu, Loss::binary_cross_entropy, Rule::lion));
    all.push_back(make("kinks", {13, 21, 2}, Activation::leaky_relu, Loss::quantile, Rule::adam));
    all.push_back(make("smooth", {13, 9, 2}, Activation::softplus, Loss::absolute_error, Rule::adam));
    return all;
}

int differing = 0, compared = 0;

template <class T> void check(const Case& of, const char* isa, const Tables<T>& kernels) {
    const Outcome alone = train<T>(of, kernels, 1, 1 << 20);
    for (int threads : {1, 2, 4})
        for (int steps : {3, 1 << 20}) {
            ++compared;
            if (train<T>(of, kernels, threads, steps).bits == alone.bits) continue;
            ++differing;
            std::fprintf(stderr, "%s, %s: other bits at %d threads, %d steps a call\n", of.name, isa, threads, steps);
        }
    // Two callers share the pool: one of them works alone, with the same bits.
    Outcome other;
    std::thread second([&] { other = train<T>(of, kernels, 2, 2); });
    const Outcome first = train<T>(of, kernels, 2, 1);
    second.join();
    compared += 2;
    differing += (first.bits != alone.bits) + (other.bits != alone.bits);
    const char* dtype = of.config.half ? "bf16" : sizeof(T) == 4 ? "float32" : "float64";
    std::printf("%s|%s|%s|%.9g|%.9g\n", of.name, isa, dtype, alone.loss, alone.length);
}

void check_all(const char* isa, const Kernels<float>& of_float, const Kernels<double>& of_double) {
    for (const Case& one : cases()) {
        check<float>(one, isa, {of_float, of_float});
        check<double>(one, isa, {of_double, of_double});
    }
}

void check_half(const char* isa, const Kernels<float>& of_half) {
    for (Case one : cases()) {
        one.config.half = true;
        check<float>(one, isa, {of_half, baseline::of_float});
    }
}

}  // namespace

int main() {
    check_all("baseline", baseline::of_float, baseline::of_double);
    check_half("baseline", baseline::of_half);
    check_half("tiles", *tiles::tiled.of_half);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) check_all("avx2", avx2::of_float, avx2::of_double);
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        check_all("avx512", avx512::of_float, avx512::of_double);
    if (__builtin_cpu_supports("avx512bf16")) check_half("avx512bf16", avx512bf16::of_half);
    if (amx_in_use() || (amx::tiled.of_half && traps::set())) {
        differing += !amx::tiled.agree(false) || amx::tiled.agree(true);
        check_half(amx_in_use() ? "amx" : "amx, trapped", *amx::tiled.of_half);
    }
#endif
    std::fprintf(stderr, "%d of %d differ\n", differing, compared);
    return differing ? 1 : 0;
}
