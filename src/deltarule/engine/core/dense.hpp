// The passes of a dense layer over a share of the batch's rows: gather, forward, backward.  (L1–L3)
#pragma once

#include "activations.hpp"
#include "dropout.hpp"
#include "lanes.hpp"
#include "plan.hpp"
#include "products.hpp"

namespace DR_ISA {

using namespace deltarule;

// Where a panel begins: of weights, in packed vectors; of the batch's rows, in d and sums of parts.
template <class T> DR_INLINE std::ptrdiff_t panel_at(const Layer<T>& of, int panel) {
    return of.weights + std::ptrdiff_t(of.panels.unit(panel)) * (of.quads * QUAD + 1);
}

template <class T> DR_INLINE std::ptrdiff_t rows_at(const Plan<T>& plan, const Layer<T>& of, int panel) {
    return std::ptrdiff_t(of.panels.unit(panel)) * plan.room;
}

// Where the strip of a left factor begins that holds a quad of features.
template <class T, class O> DR_INLINE std::ptrdiff_t strip_at(const Plan<T>& plan, int quad) {
    return quad * QUAD / STRIP<T, O> * plan.stride;
}

// Calls f.template operator()<NV>() for nv = 1 … PANEL.
template <class F> DR_INLINE void with_vectors(int nv, F f) {
    if (nv == 1) return f.template operator()<1>();
    if (nv == 2) return f.template operator()<2>();
    if constexpr (PANEL > 2)
        if (nv == 3) return f.template operator()<3>();
    if constexpr (PANEL > 3) f.template operator()<4>();
}

template <class T, class O, int R, int NV, class Sink>
DR_INLINE void tile(const O* left, std::ptrdiff_t stride, const O* right, int quads, Sink sink) {
#if defined(DR_TILES)
    if constexpr (TILED<T, O>) {
        alignas(64) T c[R * TILE_ROWS][NV * LANES<T>];
        multiply_tiles<R, NV>(left, stride, right, quads * QUAD / STRIP<T, O>, c[0]);
        for (int r = 0; r < R * TILE_ROWS; ++r)
            for (int v = 0; v < NV; ++v) sink(r, v, load(c[r] + v * LANES<T>));
        return;
    }
#endif
    Tile<T, R, NV> c{};
    multiply_rows<T, O, R, NV>(c, left, stride, right, quads);
#pragma GCC unroll 8
    for (int r = 0; r < R * QUAD; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) sink(r, v, c[r][v]);
}

// left·right for the rows of quads [from, to) and one panel; sink(row, vector, value) takes it.
template <class T, class O, class Sink>
DR_INLINE void multiply_panel(const O* left, std::ptrdiff_t stride, int from, int to, const O* right,
                              int quads, int nv, Sink sink) {
    with_vectors(nv, [&]<int NV>() DR_LAMBDA {
        constexpr int R = tile_quads(NV), ONE = GROUP<T, O> / QUAD;
        std::ptrdiff_t q = from;
        for (; q + R * ONE <= to; q += R * ONE)
            tile<T, O, R, NV>(left + q * QUAD * STRIP<T, O>, stride, right, quads,
                                   [&](int r, int v, Vec<T> c) DR_LAMBDA { sink.template operator()<NV>(q * QUAD + r, v, c); });
        for (; R > 1 && q < to; q += ONE)
            tile<T, O, 1, NV>(left + q * QUAD * STRIP<T, O>, stride, right, quads,
                           [&](int r, int v, Vec<T> c) DR_LAMBDA { sink.template operator()<NV>(q * QUAD + r, v, c); });
    });
}

// Puts LANES units of one row, from `unit` on, where the left factor of the next product has them.
template <class T, class O>
DR_INLINE void store_quads(void* quads, std::ptrdiff_t stride, std::ptrdiff_t row, int unit, Vec<T> v) {
    constexpr int SIDE = STRIP<T, O>;
    O* to = static_cast<O*>(quads) + unit / SIDE * stride + row * SIDE + unit % SIDE;
    O part[LANES<T>];
    if constexpr (HALVES<T, O>) store_halves(part, v);
    else store<T>(part, v);
    constexpr int PIECE = LANES<T> < SIDE ? LANES<T> : SIDE;
    for (int i = 0; i < LANES<T> / PIECE; ++i, to += stride) __builtin_memcpy(to, part + i * PIECE, PIECE * sizeof(O));
}

// Of Halves, what ∂W reads of the quads [from, to) of features and the rows [first, end): the same
// with two rows in pairs, or for tiles [k/32][row/32][k mod 32][32 rows].
template <class T, class O>
DR_INLINE void pair_rows(const Plan<T>& plan, const void* quads, void* rows, int from, int to, int first, int end) {
    if constexpr (TILED<T, O>) {
        constexpr int SIDE = STRIP<T, O>, HALF = SIDE / 2;
        for (int k = from * QUAD; k < to * QUAD; k += SIDE)
            for (std::ptrdiff_t b = first; b < end; b += HALF) {
                const O* x = static_cast<const O*>(quads) + strip_at<T, O>(plan, k / QUAD) + b * SIDE;
                O* of_k = static_cast<O*>(rows) + strip_at<T, O>(plan, k / QUAD) + b / SIDE * SIDE * SIDE + b % SIDE;
                const float* both_of = reinterpret_cast<const float*>(x);  // two features of a row
                float pairs[HALF][HALF];
                for (int i = 0; i < HALF; i += QUAD)
                    for (int j = 0; j < HALF; j += QUAD)
                        transpose_quad<float>(both_of + i * HALF + j, HALF, &pairs[j][i], HALF);
                for (int j = 0; j < HALF; ++j, of_k += 2 * SIDE) {
                    const Pairs both = load_pairs(pairs[j]);
                    store_low(of_k, both);
                    store_low(of_k + SIDE, both >> 16);
                }
            }
    } else if constexpr (HALVES<T, O>) {
        typedef std::uint16_t Two __attribute__((vector_size(4 * QUAD)));  // two rows of a quad
        for (int q = from; q < to; ++q)
            for (std::ptrdiff_t b = first; b < end; b += 2) {
                const std::ptrdiff_t at = q * plan.stride + b * QUAD;
                Two v;
                __builtin_memcpy(&v, static_cast<const O*>(quads) + at, sizeof v);
                v = __builtin_shufflevector(v, v, 0, 4, 1, 5, 2, 6, 3, 7);
                __builtin_memcpy(static_cast<O*>(rows) + at, &v, sizeof v);
            }
    }
}

// Of Halves, what ∂W reads of ∂L/∂z of the rows of quads [from, to): the panels of d in pairs of rows.
template <class T, class O> DR_INLINE void pair_panels(const Plan<T>& plan, const Layer<T>& layer, int from, int to) {
    if constexpr (HALVES<T, O>)
        for (int p = 0; p < layer.panels.count; ++p) {
            const int width = layer.panels.width(p) * LANES<T>;
            const T* d = layer.d + rows_at(plan, layer, p);
            O* pairs = static_cast<O*>(layer.g_rows) + rows_at(plan, layer, p);
            for (std::ptrdiff_t b = from * QUAD; b < to * QUAD; b += 2)
                for (int j = 0; j < width; j += LANES<T>) {
                    const Pairs both = pack_pairs(load(d + b * width + j), load(d + (b + 1) * width + j));
                    __builtin_memcpy(pairs + b * width + 2 * j, &both, sizeof both);
                }
        }
}

// -- gather ---------------------------------------------------------------------------------------

constexpr int CHUNK = 16;  // features that are converted at a time

// LANES<T> numbers of type S.
template <class S, class T> struct Some {
    typedef S V __attribute__((vector_size(LANES<T> * sizeof(S))));
};

template <class S, class T> DR_INLINE typename Some<S, T>::V load_some(const S* p) {
    typename Some<S, T>::V v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

// x = (s − shift)·factor of one chunk from feature k on, rounded as the reference rounds: bytes and
// numbers of T lose nothing in T, others are shifted in float64.
template <class T, class S> DR_INLINE void convert(const Plan<T>& plan, const S* s, int k, T* x) {
    if constexpr (sizeof(S) == 1 || sizeof(S) == sizeof(T)) {
        for (int i = 0; i < CHUNK; i += LANES<T>) {
            Vec<T> v;
            if constexpr (sizeof(S) == 1) v = load_bytes<T>(s + i);
            else v = load(s + i);
            if (plan.rows.scaled) v = (v - load(plan.shift + k + i)) * load(plan.factor + k + i);
            store<T>(x + i, v);
        }
    } else {
        for (int i = 0; i < CHUNK; i += LANES<double>) {
            Vec<double> v = __builtin_convertvector(load_some<S, double>(s + i), Vec<double>);
            if (plan.rows.scaled) v = (v - load(plan.shift64 + k + i)) * load(plan.factor64 + k + i);
            const auto rounded = __builtin_convertvector(v, typename Some<T, double>::V);
            __builtin_memcpy(x + i, &rounded, sizeof rounded);
        }
    }
}

template <class T, class O> DR_INLINE std::ptrdiff_t place_in_quads(const Plan<T>& plan, int k, std::ptrdiff_t row) {
    return k / STRIP<T, O> * plan.stride + row * STRIP<T, O> + k % STRIP<T, O>;
}

template <class T, class O> DR_INLINE O as(T x) {
    if constexpr (HALVES<T, O>) return {std::uint16_t(round_to_half(splat(x))[0] >> 16)};
    else return x;
}

// Features [from, to) of one row, as row `at` of the quads.
template <class T, class O, class S>
DR_INLINE void gather_row(const Plan<T>& plan, const char* row, int from, int to, int features, std::ptrdiff_t at) {
    int k = from;
    if (plan.rows.column == sizeof(S))
        for (; k + CHUNK <= to && k + CHUNK <= features; k += CHUNK) {
            S s[CHUNK];
            T x[CHUNK];
            __builtin_memcpy(s, row + k * sizeof(S), sizeof s);
            convert<T, S>(plan, s, k, x);
            for (int i = 0; i < CHUNK; i += LANES<T>) store_quads<T, O>(plan.x, plan.stride, at, k + i, load(x + i));
        }
    for (; k < to; k += CHUNK) {
        S s[CHUNK]{};
        T x[CHUNK];
        const int n = features < k ? 0 : features - k < CHUNK ? features - k : CHUNK;
        for (int i = 0; i < n; ++i) __builtin_memcpy(s + i, row + (k + i) * plan.rows.column, sizeof(S));
        convert<T, S>(plan, s, k, x);
        for (int i = n; i < CHUNK; ++i) x[i] = 0;
        for (int i = 0; i < CHUNK && k + i < to; ++i)
            static_cast<O*>(plan.x)[place_in_quads<T, O>(plan, k + i, at)] = as<T, O>(x[i]);
    }
}

// Has features [from, to) of rows [first, end) brought nearer while there is other work to do: rows lie
// anywhere in memory, so no processor foresees them.
template <class T>
DR_INLINE void fetch_ahead(const Plan<T>& plan, const std::int64_t* order, int first, int end, int from, int to) {
    const std::ptrdiff_t column = plan.rows.column, step = column > 64 ? column : 64;
    for (int b = first; b < end; ++b) {
        const char* row = plan.rows.data + order[b] * plan.rows.row;
        for (std::ptrdiff_t i = from * column; i < to * column; i += step) __builtin_prefetch(row + i, 0, 2);
    }
}

template <class T, class O>
void gather(const Plan<T>& plan, const std::int64_t* order, int count, int row_from, int row_to,
            int quad_from, int quad_to) {
    constexpr int AHEAD = 6, NEAR = 256;  // rows, features
    const int features = plan.layer[0].n_in, from = quad_from * QUAD, to = quad_to * QUAD;
    for (std::ptrdiff_t b = row_from; b < row_to; ++b) {
        if (b >= count) {
            for (int k = from; k < to; k += STRIP<T, O>)
                __builtin_memset(static_cast<O*>(plan.x) + place_in_quads<T, O>(plan, k, b), 0,
                                 STRIP<T, O> * sizeof(O));
            continue;
        }
        const char* row = plan.rows.data + order[b] * plan.rows.row;
        if (b + AHEAD < row_to && b + AHEAD < count)
            fetch_ahead<T>(plan, order, int(b) + AHEAD, int(b) + AHEAD + 1, from, to < from + NEAR ? to : from + NEAR);
        switch (plan.rows.type) {
            case Pixel::uint8: gather_row<T, O, std::uint8_t>(plan, row, from, to, features, b); break;
            case Pixel::float32: gather_row<T, O, float>(plan, row, from, to, features, b); break;
            case Pixel::float64: gather_row<T, O, double>(plan, row, from, to, features, b); break;
        }
    }
    pair_rows<T, O>(plan, plan.x, plan.x_rows, quad_from, quad_to, row_from, row_to);
}

// -- forward --------------------------------------------------------------------------------------

// y = f(z) and f′(z), dropout on both: d holds z on the way in and f′(z) on the way out. (A1–A11, L3)
template <Activation A, class T, class O>
void activate_rows(const Plan<T>& plan, const Layer<T>& layer, int from, int to) {
    const std::uint64_t key = layer.scale != T(0) ? derive_next(plan.step.key, layer.place) : 0;
    for (int p = 0; p < layer.panels.count; ++p) {
        const int nv = layer.panels.width(p);
        T* d = layer.d + rows_at(plan, layer, p);
        for (std::ptrdiff_t b = from; b < to; ++b) {
            const std::uint32_t of_row = hash32(std::uint32_t(b) * 0x9E3779B9u ^ std::uint32_t(key));
            for (int v = 0; v < nv; ++v) {
                const int unit = layer.panels.unit(p) + v * LANES<T>;
                T* at = d + (b * nv + v) * LANES<T>;
                Vec<T> y, slope;
                activate<A, T>(layer.option, load(at), y, slope);
                if (layer.scale != T(0)) {
                    const Vec<T> kept = only<T>(keep<T>(of_row, std::uint32_t(key >> 32), unit, layer.threshold),
                                                splat(layer.scale));
                    y *= kept;
                    slope *= kept;
                }
                if (unit + LANES<T> > layer.n_out) y = only<T>(within<T>(unit, layer.n_out), y);
                store<T>(at, slope);
                store_quads<T, O>(layer.y, plan.stride, b, unit, y);
            }
        }
    }
}

template <class T, class O>
DR_INLINE void activate_layer(const Plan<T>& plan, const Layer<T>& layer, int from, int to) {
#define DR_CASE(name) \
    case Activation::name: return activate_rows<Activation::name, T, O>(plan, layer, from, to);
    switch (layer.activation) { DR_ACTIVATIONS(DR_CASE) }
#undef DR_CASE
}

// Of a long panel as many quads of features as stay in the cache.
constexpr int QUADS_AT_ONCE = 128;

DR_INLINE int quads_end(int k, int quads) { return k + QUADS_AT_ONCE < quads ? k + QUADS_AT_ONCE : quads; }

// Where z of a row and a panel lies: in d or, of the last layer, row by row in z; rows are `step` apart.
template <class T> struct Scores {
    T* z;
    std::ptrdiff_t step;
};

template <class T> DR_INLINE Scores<T> scores_of(const Plan<T>& plan, int index, int p) {
    const Layer<T>& layer = plan.layer[index];
    if (index + 1 == plan.layers) return {plan.z + layer.panels.unit(p), layer.panels.columns()};
    return {layer.d + rows_at(plan, layer, p), layer.panels.width(p) * LANES<T>};
}

template <class T> DR_INLINE const T* bias_of(const Plan<T>& plan, const Layer<T>& layer, int p) {
    return plan.theta + panel_at(layer, p) + std::ptrdiff_t(layer.quads) * QUAD * layer.panels.width(p) * LANES<T>;
}

// z = x W + b of the rows of quads [from, to), the part of the features of quads [k, end).       (L1)
template <class T, class O>
void add_features(const Plan<T>& plan, int index, int from, int to, int k, int end) {
    const Layer<T>& layer = plan.layer[index];
    const O* x = static_cast<const O*>(index ? plan.layer[index - 1].y : plan.x) + strip_at<T, O>(plan, k);
    for (int p = 0; p < layer.panels.count; ++p) {
        const int nv = layer.panels.width(p);
        const O* w = static_cast<const O*>(plan.w) + panel_at(layer, p) + std::ptrdiff_t(k) * QUAD * nv * LANES<T>;
        const T* bias = bias_of(plan, layer, p);
        const Scores<T> to_z = scores_of(plan, index, p);
        multiply_panel<T, O>(x, plan.stride, from, to, w, end - k, nv, [&]<int NV>(std::ptrdiff_t b, int v, Vec<T> c) DR_LAMBDA {
            T* at = to_z.z + b * to_z.step + v * LANES<T>;
            store<T>(at, c + load(k ? at : bias + v * LANES<T>));
        });
    }
}

// The same from the sums of the parts, in order.
template <class T> void add_parts(const Plan<T>& plan, int from, int to) {
    const Layer<T>& layer = plan.layer[0];
    const std::ptrdiff_t part = rows_at(plan, layer, layer.panels.count);
    for (int p = 0; p < layer.panels.count; ++p) {
        const int nv = layer.panels.width(p);
        const T* bias = bias_of(plan, layer, p);
        const Scores<T> to_z = scores_of(plan, 0, p);
        for (std::ptrdiff_t b = from * QUAD; b < to * QUAD; ++b)
            for (int v = 0; v < nv; ++v) {
                const T* sum = plan.part_sums + rows_at(plan, layer, p) + (b * nv + v) * LANES<T>;
                Vec<T> z = load(bias + v * LANES<T>);
                for (int i = 0; i < plan.parts; ++i) z += load(sum + i * part);
                store<T>(to_z.z + b * to_z.step + v * LANES<T>, z);
            }
    }
}

// From z to the left factor of the next layer.
template <class T, class O> void finish_layer(const Plan<T>& plan, int index, int from, int to) {
    const Layer<T>& layer = plan.layer[index];
    if (index + 1 == plan.layers) return;
    activate_layer<T, O>(plan, layer, from * QUAD, to * QUAD);
    const int quads = int(padded(layer.panels.columns(), STRIP<T, O>)) / QUAD;
    pair_rows<T, O>(plan, layer.y, layer.y_rows, 0, quads, from * QUAD, to * QUAD);
}

template <class T, class O> void forward_layer(const Plan<T>& plan, int index, int from, int to) {
    const int quads = plan.layer[index].quads;
    if (index == 0 && plan.parts) add_parts<T>(plan, from, to);
    else
        for (int k = 0; k < quads; k += QUADS_AT_ONCE) add_features<T, O>(plan, index, from, to, k, quads_end(k, quads));
    finish_layer<T, O>(plan, index, from, to);
}

// ∂L/∂z of the layer below = (g Wᵀ) ⊙ f′(z), into its d (for ∂W) and g (for the next ∂x).  (L1, L2)
template <class T, class O> void backward_layer(const Plan<T>& plan, int index, int from, int to) {
    const Layer<T>&layer = plan.layer[index], &below = plan.layer[index - 1];
    for (int p = 0; p < layer.back_panels.count; ++p) {
        const int unit = layer.back_panels.unit(p);
        T* d = below.d + rows_at(plan, below, p);
        const O* back = static_cast<const O*>(layer.back) + std::ptrdiff_t(unit) * layer.back_rows;
        multiply_panel<T, O>(static_cast<const O*>(layer.g), plan.stride, from, to, back,
                          layer.back_rows / QUAD, layer.back_panels.width(p),
                          [&]<int NV>(std::ptrdiff_t b, int v, Vec<T> c) DR_LAMBDA {
                              T* at = d + (b * NV + v) * LANES<T>;
                              c *= load(at);
                              store<T>(at, c);
                              if (below.g) store_quads<T, O>(below.g, plan.stride, b, unit + v * LANES<T>, c);
                          });
    }
    pair_panels<T, O>(plan, below, from, to);
}

}  // namespace DR_ISA
