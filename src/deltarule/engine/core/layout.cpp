#include "layout.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include "pool.hpp"

namespace deltarule {
namespace {

constexpr int QUAD = 4, BLOCK_QUADS = 8, LINE = 64, CHUNK = 16;
constexpr int PART_FEATURES = 256, MOST_PARTS = 16, FEATURES_FOR_PARTS = 512;

}  // namespace

// Hands out pieces of one block of memory; with no memory it only counts.
template <class T> struct Layout<T>::Arena {
    char* base;
    double size = 0;  // no integer: what does not fit must not wrap around to what does

    template <class U = T> U* take(double n) {
        const double at = size;
        size += std::ceil(n * sizeof(U) / LINE) * LINE;
        return base ? reinterpret_cast<U*>(base + std::size_t(at)) : nullptr;
    }
};

template <class T>
Layout<T>::Layout(const Config& config, const Kernels<T>& kernels, Unmade)
    : config_(config), kernels_(kernels), memory_(nullptr, [](char* p) { std::free(p); }) {
    second_ = config.rule == Rule::adam || config.rule == Rule::nadam;
}

template <class T> double Layout<T>::measure() {
    Arena measured{nullptr};
    lay_out(measured);
    return measured.size + LINE;
}

template <class T> double Layout<T>::bytes_for(const Config& config, const Kernels<T>& kernels) {
    return Layout(config, kernels, Unmade()).measure();
}

template <class T>
Layout<T>::Layout(const Config& config, const Kernels<T>& kernels) : Layout(config, kernels, Unmade()) {
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

template <class T> void Layout<T>::lay_out(Arena& arena) {
    const Shape shape = kernels_.shape;
    const int width = shape.lanes * shape.panel, layers = int(config_.sizes.size()) - 1;
    const double batch = double(padded(config_.batch, shape.strip));
    const auto strips = [&](double n) { return std::ceil(n / shape.strip); };
    plan_.shape = shape;
    plan_.layers = layers;
    plan_.layer = arena.template take<Layer<T>>(layers);
    plan_.batch = config_.batch;
    plan_.room = int(batch);
    plan_.stride = std::ptrdiff_t(batch) * shape.strip + std::max(CHUNK, shape.strip);  // no power of two: cache sets
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
        layer.quads = int(padded(layer.n_in, shape.strip) / QUAD);
        layer.panels = Panels::of(layer.n_out, shape);
        layer.weights = std::ptrdiff_t(size);
        const double columns = layer.panels.columns();
        size = strips(size + double(layer.quads * QUAD + 1) * columns) * shape.strip;
        layer.d = arena.take(batch * columns);
        layer.g_rows = config_.half ? operand(batch * columns) : layer.d;
        if (i) {
            layer.back_rows = int(padded(layer.n_out, shape.strip));
            layer.back_panels = Panels::of(layer.n_in, shape);
            if (config_.training) {
                layer.back = operand(double(layer.back_panels.columns()) * layer.back_rows);
                layer.g = operand(stride * strips(columns));
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
            layer.y = operand(stride * strips(columns));
            layer.y_rows = config_.half ? operand(stride * strips(columns)) : layer.y;
        }
        parameters_ += std::int64_t(layer.n_in + 1) * layer.n_out;
        multiply_adds_ += double(config_.batch) * layer.n_in * layer.n_out * (i ? 3 : 2);
        if (plan_.layer) plan_.layer[i] = layer;
    }
    const int features = config_.sizes[0], room = int(padded(features, shape.strip)) + CHUNK;
    const int outputs = Panels::of(config_.sizes.back(), shape).columns();
    plan_.size = std::ptrdiff_t(std::min(size, 4e18));
    plan_.theta = arena.take(size);
    plan_.w = config_.half ? operand(size) : plan_.theta;
    plan_.x = operand(stride * strips(features));
    plan_.x_rows = config_.half ? operand(stride * strips(features)) : plan_.x;
    plan_.z = arena.take(batch * outputs);
    plan_.quad_loss = arena.template take<double>(batch / QUAD);
    plan_.shift64 = arena.template take<double>(room);
    plan_.factor64 = arena.template take<double>(room);
    plan_.shift = arena.take(room);
    plan_.factor = arena.take(room);
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
    plan_.odd = arena.template take<T>(blocks);
    plan_.penalty_sum = config_.l2 > 0 ? arena.template take<double>(blocks) : nullptr;
    plan_.norm_sum = config_.clip > 0 ? arena.template take<double>(blocks) : nullptr;
    plan_.penalty = T(config_.l2);
    plan_.loss = config_.loss, plan_.loss_option = T(config_.loss_option);
    plan_.rule = config_.rule, plan_.nesterov = config_.nesterov;
    plan_.beta1 = T(config_.beta1), plan_.beta2 = T(config_.beta2), plan_.epsilon = T(config_.epsilon);
    plan_.rest1 = T(1 - config_.beta1), plan_.rest2 = T(1 - config_.beta2);
}

// Cuts the weights into blocks: the first layer's by part, then all others.
template <class T> void Layout<T>::cut_blocks() {
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
    const int step = std::max(2, plan_.shape.strip / QUAD);  // the most quads of features in a tile
    const int quads = plan_.layer[0].quads;
    for (int part = 0; part < plan_.parts; ++part) {
        plan_.part_quads[part + 1] = std::min(quads, int(padded(std::int64_t(quads) * (part + 1) / plan_.parts, step)));
        cut(0, plan_.part_quads[part], plan_.part_quads[part + 1]);
        plan_.part_blocks[part + 1] = plan_.blocks;
    }
    for (int i = plan_.parts ? 1 : 0; i < plan_.layers; ++i) cut(i, 0, plan_.layer[i].quads);
}

// -- between flat and packed --------------------------------------------------------------------------

// Calls f(place in the flat vector, place in the packed one, how many) for each run of units.
template <class T> template <class F> void Layout<T>::each_row(F f) const {
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

template <class T> void Layout<T>::pack(const T* flat, T* packed) const {
    each_row([=](std::ptrdiff_t from, std::ptrdiff_t to, int n) {
        std::memcpy(packed + to, flat + from, n * sizeof(T));
    });
}

template <class T> void Layout<T>::unpack(const T* packed, T* flat) const {
    each_row([=](std::ptrdiff_t to, std::ptrdiff_t from, int n) {
        std::memcpy(flat + to, packed + from, n * sizeof(T));
    });
}

template <class T> void Layout<T>::load(const T* theta, const T* state, const T* average) {
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

template <class T> void Layout<T>::store(T* theta, T* state, T* average) const {
    unpack(plan_.theta, theta);
    unpack(plan_.memory1, state);
    if (second_) unpack(plan_.memory2, state + parameters_);
    if (plan_.average) unpack(plan_.average, average);
}

template class Layout<float>;
template class Layout<double>;

}  // namespace deltarule
