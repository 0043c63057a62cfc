#include "trainer.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <thread>

#include "dropout.hpp"

namespace deltarule {
namespace {

constexpr int QUAD = 4, BLOCK_QUADS = 8, LINE = 64, CHUNK = 16;
constexpr int PART_FEATURES = 256, MOST_PARTS = 16, FEATURES_FOR_PARTS = 512;

// Below so many multiply-adds in a step a second thread waits longer than it helps.
constexpr double FOR_TWO_THREADS = 6e5;

std::atomic<int> chosen_threads{0};

}  // namespace

void set_threads(int n) { chosen_threads = n; }

int get_threads() {
    const int n = chosen_threads;
    return n > 0 ? n : std::max(1, int(std::thread::hardware_concurrency()));
}

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Hands out pieces of one block of memory; with no memory it only counts.
template <class T> struct Trainer<T>::Arena {
    char* base;
    double size = 0;  // no integer: what does not fit must not wrap around to what does

    template <class U = T> U* take(double n) {
        const double at = size;
        size += std::ceil(n * sizeof(U) / LINE) * LINE;
        return base ? reinterpret_cast<U*>(base + std::size_t(at)) : nullptr;
    }
};

template <class T>
Trainer<T>::Trainer(const Config& config, const Kernels<T>& kernels, std::nullptr_t)
    : config_(config), kernels_(kernels), memory_(nullptr, [](char* p) { std::free(p); }) {
    second_ = config.rule == Rule::adam || config.rule == Rule::nadam;
}

template <class T> double Trainer<T>::measure() {
    Arena measured{nullptr};
    lay_out(measured);
    return measured.size + LINE;
}

template <class T> double Trainer<T>::bytes_for(const Config& config, const Kernels<T>& kernels) {
    return Trainer(config, kernels, nullptr).measure();
}

template <class T>
Trainer<T>::Trainer(const Config& config, const Kernels<T>& kernels) : Trainer(config, kernels, nullptr) {
    const double size = measure();
    if (size > double(std::numeric_limits<std::ptrdiff_t>::max()) / 2) throw std::bad_alloc();
    bytes_ = std::size_t(size);
    memory_.reset(static_cast<char*>(std::calloc(bytes_, 1)));  // zeros: padding stays zero
    if (!memory_) throw std::bad_alloc();
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
    Arena arena{memory_.get() + (LINE - address % LINE) % LINE};
    lay_out(arena);
    cut_blocks();
    for (std::size_t i = 0; i < config.shift.size(); ++i) {
        const_cast<double*>(plan_.shift64)[i] = config.shift[i];
        const_cast<double*>(plan_.factor64)[i] = config.factor[i];
        const_cast<T*>(plan_.shift)[i] = T(config.shift[i]);
        const_cast<T*>(plan_.factor)[i] = T(config.factor[i]);
    }
}

template <class T> void Trainer<T>::lay_out(Arena& arena) {
    const Shape shape = kernels_.shape;
    const int width = shape.lanes * shape.panel, layers = int(config_.sizes.size()) - 1;
    const double batch = double(padded(config_.batch, QUAD));
    plan_.shape = shape;
    plan_.layers = layers;
    plan_.layer = arena.template take<Layer<T>>(layers);
    plan_.batch = config_.batch;
    plan_.stride = std::ptrdiff_t(batch) * QUAD + CHUNK;  // not a power of two: sets of the cache
    const double stride = double(plan_.stride);
    const auto operand = [&](double n) -> void* {
        return config_.half ? static_cast<void*>(arena.template take<Half>(n)) : arena.take(n);
    };
    double size = 0;
    parameters_ = 0;
    multiply_adds_ = 0;
    for (int i = 0; i < layers; ++i) {
        Layer<T> layer{};
        layer.n_in = config_.sizes[i], layer.n_out = config_.sizes[i + 1];
        layer.quads = int(padded(layer.n_in, QUAD) / QUAD);
        layer.panels = Panels::of(layer.n_out, shape);
        layer.weights = std::ptrdiff_t(size);
        const double columns = layer.panels.columns();
        size += double(layer.quads * QUAD + 1) * columns;
        layer.d = arena.take(batch * columns);
        layer.g_rows = config_.half ? operand(batch * columns) : layer.d;
        if (i) {
            layer.back_rows = int(padded(layer.n_out, QUAD));
            layer.back_panels = Panels::of(layer.n_in, shape);
            if (config_.training) {
                layer.back = operand(double(layer.back_panels.columns()) * layer.back_rows);
                layer.g = operand(stride * (columns / QUAD));
            }
        }
        if (i + 1 < layers) {
            const Hidden& hidden = config_.hidden[i];
            layer.activation = hidden.activation;
            layer.option = T(hidden.option);
            layer.place = hidden.place;
            if (hidden.rate > 0 && config_.training) {
                layer.threshold = std::uint32_t(std::min(std::nearbyint(hidden.rate * 4294967296.0), 4294967295.0));
                layer.scale = T(1) / T(1 - hidden.rate);
            }
            layer.y = operand(stride * (columns / QUAD));
            layer.y_rows = config_.half ? operand(stride * (columns / QUAD)) : layer.y;
        }
        parameters_ += std::int64_t(layer.n_in + 1) * layer.n_out;
        multiply_adds_ += double(config_.batch) * layer.n_in * layer.n_out * (i ? 3 : 2);
        if (plan_.layer) plan_.layer[i] = layer;
    }
    const int features = config_.sizes[0], quads = int(padded(features, QUAD) / QUAD);
    const int outputs = Panels::of(config_.sizes.back(), shape).columns();
    plan_.size = std::ptrdiff_t(std::min(size, 4e18));
    plan_.theta = arena.take(size);
    plan_.w = config_.half ? operand(size) : plan_.theta;
    plan_.x = operand(stride * quads);
    plan_.x_rows = config_.half ? operand(stride * quads) : plan_.x;
    plan_.z = arena.take(batch * outputs);
    plan_.quad_loss = arena.template take<double>(batch / QUAD);
    plan_.shift64 = arena.template take<double>(features + CHUNK);
    plan_.factor64 = arena.template take<double>(features + CHUNK);
    plan_.shift = arena.take(features + CHUNK);
    plan_.factor = arena.take(features + CHUNK);
    if (!config_.training) return;

    plan_.memory1 = plan_.memory2 = arena.take(size);
    if (second_) plan_.memory2 = arena.take(size);
    plan_.average = config_.average ? arena.take(size) : nullptr;
    plan_.gradient = config_.clip > 0 ? arena.take(size) : nullptr;
    plan_.parts = 0;
    if (features >= FEATURES_FOR_PARTS)  // an even number, so that two threads have as much to do
        plan_.parts = std::min(MOST_PARTS, std::max(1, (features + PART_FEATURES) / (2 * PART_FEATURES)) * 2);
    plan_.part_sums = arena.take(plan_.parts * batch * Panels::of(config_.sizes[1], shape).columns());
    plan_.scratch_size = padded(std::max(BLOCK_QUADS * QUAD * width, outputs), CHUNK) + padded(width, CHUNK);
    plan_.scratch = arena.take(double(plan_.scratch_size) * MOST_THREADS);

    double blocks = 0;
    for (int i = 0; i < layers; ++i) {
        const double panels = Panels::of(config_.sizes[i + 1], shape).count;
        blocks += panels * (std::ceil(config_.sizes[i] / double(QUAD * BLOCK_QUADS)) + (i ? 0 : plan_.parts));
    }
    plan_.part_quads = arena.template take<int>(plan_.parts + 1);
    plan_.part_blocks = arena.template take<int>(plan_.parts + 1);
    plan_.block = arena.template take<Block>(blocks);
    plan_.cost = arena.template take<std::int64_t>(blocks + 1);
    plan_.penalty_sum = config_.l2 > 0 ? arena.template take<double>(blocks) : nullptr;
    plan_.norm_sum = config_.clip > 0 ? arena.template take<double>(blocks) : nullptr;
    plan_.penalty = T(config_.l2);
    plan_.loss = config_.loss, plan_.loss_option = T(config_.loss_option);
    plan_.rule = config_.rule, plan_.nesterov = config_.nesterov;
    plan_.beta1 = T(config_.beta1), plan_.beta2 = T(config_.beta2), plan_.epsilon = T(config_.epsilon);
    plan_.rest1 = T(1 - config_.beta1), plan_.rest2 = T(1 - config_.beta2);
}

// Cuts the weights into blocks: the first layer's by part, then all others.
template <class T> void Trainer<T>::cut_blocks() {
    if (!config_.training) return;
    const auto cut = [&](int i, int from, int to) {
        const Layer<T>& layer = plan_.layer[i];
        for (int p = 0; p < layer.panels.count; ++p)
            for (int q = from; q < to; q += BLOCK_QUADS) {
                const int quads = std::min(BLOCK_QUADS, to - q);
                const int vectors = layer.panels.width(p);
                plan_.block[plan_.blocks] = {i, p, q, quads};
                plan_.cost[plan_.blocks + 1] = plan_.cost[plan_.blocks] + quads * vectors;
                ++plan_.blocks;
            }
    };
    constexpr int STEP = 2;  // the most quads of features in a tile
    const int quads = plan_.layer[0].quads;
    for (int part = 0; part < plan_.parts; ++part) {
        plan_.part_quads[part + 1] = std::min(quads, int(padded(std::int64_t(quads) * (part + 1) / plan_.parts, STEP)));
        cut(0, plan_.part_quads[part], plan_.part_quads[part + 1]);
        plan_.part_blocks[part + 1] = plan_.blocks;
    }
    for (int i = plan_.parts ? 1 : 0; i < plan_.layers; ++i) cut(i, 0, plan_.layer[i].quads);
}

// -- between flat and packed --------------------------------------------------------------------------

// Calls f(place in the flat vector, place in the packed one, how many) for each run of units.
template <class T> template <class F> void Trainer<T>::each_row(F f) const {
    std::ptrdiff_t matrix = 0, bias = 0;
    for (int i = 0; i < plan_.layers; ++i) bias += std::ptrdiff_t(plan_.layer[i].n_in) * plan_.layer[i].n_out;
    for (int i = 0; i < plan_.layers; ++i) {
        const Layer<T>& layer = plan_.layer[i];
        for (int p = 0; p < layer.panels.count; ++p) {
            const int first = layer.panels.unit(p), step = layer.panels.width(p) * plan_.shape.lanes;
            const int units = std::min(step, layer.n_out - first);
            const std::ptrdiff_t at = layer.weights + std::ptrdiff_t(first) * (layer.quads * QUAD + 1);
            for (std::ptrdiff_t k = 0; k < layer.n_in; ++k) f(matrix + k * layer.n_out + first, at + k * step, units);
            f(bias + first, at + std::ptrdiff_t(layer.quads) * QUAD * step, units);
        }
        matrix += std::ptrdiff_t(layer.n_in) * layer.n_out;
        bias += layer.n_out;
    }
}

template <class T> void Trainer<T>::pack(const T* flat, T* packed) const {
    each_row([&](std::ptrdiff_t from, std::ptrdiff_t to, int n) { std::memcpy(packed + to, flat + from, n * sizeof(T)); });
}

template <class T> void Trainer<T>::unpack(const T* packed, T* flat) const {
    each_row([&](std::ptrdiff_t to, std::ptrdiff_t from, int n) { std::memcpy(flat + to, packed + from, n * sizeof(T)); });
}

template <class T> void Trainer<T>::load(const T* theta, const T* state, const T* average) {
    if (!config_.training) return pack(theta, plan_.theta);
    const auto take = [&](const T* flat, T* packed) {
        std::fill_n(packed, plan_.size, T(0));  // NaN of earlier steps is in the padding, too
        pack(flat, packed);
    };
    take(theta, plan_.theta);
    take(state, plan_.memory1);
    if (second_) take(state + parameters_, plan_.memory2);
    if (plan_.average) take(average, plan_.average);
    kernels_.repack(plan_);
}

template <class T> void Trainer<T>::store(T* theta, T* state, T* average) const {
    unpack(plan_.theta, theta);
    unpack(plan_.memory1, state);
    if (second_) unpack(plan_.memory2, state + parameters_);
    if (plan_.average) unpack(plan_.average, average);
}

// -- the loop ---------------------------------------------------------------------------------------------

template <class T> struct Trainer<T>::Run {
    Trainer& self;
    const Course<T>& course;
    Barrier barrier;
    std::int64_t step = 0;
    bool last = false;
    double deadline = 0;

    Plan<T>& plan() { return self.plan_; }

    // The rows of step s: as many as the order still has, at most a batch.
    const std::int64_t* rows_of(std::int64_t s, int* count) const {
        const std::int64_t batch = self.config_.batch, begin = s * batch;
        *count = int(std::max<std::int64_t>(0, std::min(batch, course.n_order - begin)));
        return course.order + begin;
    }
    const std::int64_t* places_of(std::int64_t s) const {
        return (course.places ? course.places : course.order) + s * std::int64_t(self.config_.batch);
    }

    void prepare() {
        Step<T>& now = plan().step;
        const Config& config = self.config_;
        plan().order = rows_of(step, &plan().count);
        plan().places = places_of(step);
        const double lr = course.lr[step];
        const double* scalars = course.scalars + step * course.n_scalars;
        now.rate = T(lr);
        now.keep = T(1.0 - lr * config.weight_decay);
        now.l2 = config.clip > 0 ? T(0) : plan().penalty;
        now.a = course.n_scalars > 0 ? T(scalars[0]) : T(0);
        now.b = course.n_scalars > 1 ? T(scalars[1]) : T(0);
        now.c = course.n_scalars > 2 ? T(scalars[2]) : T(0);
        now.pace = T(course.pace[step]);
        now.shrink = T(1);
        now.total = plan().count;
        if (course.weight) {
            now.total = 0;
            for (int b = 0; b < plan().count; ++b) now.total += double(course.weight[plan().order[b]]);
            if (now.total == 0) now.total = 1;
        }
        now.key = ::DR_ISA::derive_next(course.dropout_key, course.t + std::uint64_t(step));
    }

    void after_rows() {
        double loss = 0;
        for (int q = 0; q < (plan().count + QUAD - 1) / QUAD; ++q) loss += plan().quad_loss[q];
        course.losses[step] = double(T(loss));
        rows_of(step + 1, &plan().next_count);
        plan().next_places = places_of(step + 1);
        if (!std::isfinite(course.losses[step]) || now() > deadline) plan().next_count = 0;
        last = plan().next_count == 0;
    }

    // ‖∇‖ and what shortens it to the greatest length.                                       (T2)
    void after_gradients() {
        double squares = 0;
        for (int i = 0; i < plan().blocks; ++i) squares += plan().norm_sum[i];
        double norm = std::sqrt(squares);
        if (!std::isfinite(norm)) {  // the squares overflowed, the length may not have
            double peak = 0;
            squares = 0;
            for (std::ptrdiff_t i = 0; i < plan().size; ++i) peak = std::max(peak, std::abs(double(plan().gradient[i])));
            for (std::ptrdiff_t i = 0; i < plan().size; ++i) squares += std::pow(plan().gradient[i] / peak, 2);
            norm = peak * std::sqrt(squares);
        }
        if (norm > self.config_.clip) plan().step.shrink = T(self.config_.clip / norm);
    }

    void after_update() {
        if (plan().penalty_sum) {
            double squares = 0;
            for (int i = 0; i < plan().blocks; ++i) squares += plan().penalty_sum[i];
            course.losses[step] = double(T(course.losses[step] + 0.5 * self.config_.l2 * squares));
            last = last || !std::isfinite(course.losses[step]);
        }
        ++step;
        if (!last) prepare();
    }

    template <void (Run::*F)()> void meet() {
        barrier.wait(plan().threads, [](void* run) { (static_cast<Run*>(run)->*F)(); }, this);
    }

    void work(int t) {
        unsigned long long kept;
        self.kernels_.quiet(true, &kept);
        const Kernels<T>& kernels = self.kernels_;
        kernels.begin(plan(), t);
        barrier.wait(plan().threads, nullptr, nullptr);
        do {
            kernels.rows(plan(), t);
            meet<&Run::after_rows>();
            if (plan().gradient) {
                kernels.gradients(plan(), t);
                meet<&Run::after_gradients>();
                kernels.apply(plan(), t);
            } else {
                kernels.update(plan(), t);
            }
            meet<&Run::after_update>();
        } while (!last);
        self.kernels_.quiet(false, &kept);
    }
};

template <class T> int Trainer<T>::threads_for(int wanted) const {
    if (wanted > 0) return wanted;
    return multiply_adds_ < FOR_TWO_THREADS ? 1 : get_threads();
}

template <class T> std::int64_t Trainer<T>::advance(const Course<T>& course, int threads) {
    if (course.n_order == 0) return 0;
    plan_.rows = course.rows;
    plan_.rows.scaled = config_.scaled;
    plan_.labels = course.labels;
    plan_.targets = course.targets;
    plan_.row_weight = course.weight;
    plan_.scores = course.scores;
    Run run{*this, course, {}};
    run.deadline = now() + course.seconds;
    run.rows_of(0, &plan_.next_count);
    plan_.next_places = run.places_of(0);
    run_together(
        threads_for(threads), [](void* r, int n) {
            static_cast<Run*>(r)->plan().threads = n;
            static_cast<Run*>(r)->prepare();
        },
        [](void* r, int t) { static_cast<Run*>(r)->work(t); }, &run);
    return run.step;
}

template <class T>
std::int64_t Trainer<T>::forward(const Rows& rows, std::int64_t n, T* scores, int threads) {
    struct Part {
        Trainer* self;
        Barrier barrier;
        std::int64_t n, done = 0, bad = -1;
        std::vector<std::int64_t> order;

        void prepare() {
            Plan<T>& plan = self->plan_;
            plan.count = int(std::min<std::int64_t>(n - done, plan.batch));
            for (int b = 0; b < plan.count; ++b) order[b] = done + b;
        }
        void after() {
            const Plan<T>& plan = self->plan_;
            for (int q = 0; bad < 0 && q < (plan.count + QUAD - 1) / QUAD; ++q)
                if (plan.quad_loss[q] != 0) bad = done + q * QUAD + std::int64_t(plan.quad_loss[q]) - 1;
            done += plan.count;
            if (done < n) prepare();
        }
        void work(int t) {
            unsigned long long kept;
            self->kernels_.quiet(true, &kept);
            do {
                self->kernels_.forward(self->plan_, t);
                barrier.wait(self->plan_.threads, [](void* p) { static_cast<Part*>(p)->after(); }, this);
            } while (done < n);
            self->kernels_.quiet(false, &kept);
        }
    } part{this, {}, n, 0, -1, {}};
    if (n == 0) return -1;
    part.order.resize(config_.batch);
    plan_.rows = rows;
    plan_.rows.scaled = config_.scaled;
    plan_.scores = scores;
    plan_.order = plan_.places = part.order.data();
    run_together(
        threads,
        [](void* p, int k) {
            static_cast<Part*>(p)->self->plan_.threads = k;
            static_cast<Part*>(p)->prepare();
        },
        [](void* p, int t) { static_cast<Part*>(p)->work(t); }, &part);
    return part.bad;
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace deltarule
