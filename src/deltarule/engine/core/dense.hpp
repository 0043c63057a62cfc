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
    return of.panels.unit(panel) * padded(plan.batch, QUAD);
}

// Calls f.template operator()<NV>() for nv = 1 … PANEL.
template <class F> DR_INLINE void with_vectors(int nv, F f) {
    if (nv == 1) return f.template operator()<1>();
    if (nv == 2) return f.template operator()<2>();
    if constexpr (PANEL > 2)
        if (nv == 3) return f.template operator()<3>();
    if constexpr (PANEL > 3) f.template operator()<4>();
}

template <class T, int R, int NV, class Sink>
DR_INLINE void tile(const T* left, std::ptrdiff_t stride, const T* right, int quads, Sink sink) {
    Tile<T, R, NV> c{};
    multiply_rows<T, R, NV>(c, left, stride, right, quads);
#pragma GCC unroll 8
    for (int r = 0; r < R * QUAD; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) sink(r, v, c[r][v]);
}

// left·right for the rows of quads [from, to) and one panel; sink(row, vector, value) takes it.
template <class T, class Sink>
DR_INLINE void multiply_panel(const T* left, std::ptrdiff_t stride, int from, int to, const T* right,
                              int quads, int nv, Sink sink) {
    with_vectors(nv, [&]<int NV>() DR_LAMBDA {
        constexpr int R = tile_quads(NV);
        int q = from;
        for (; q + R <= to; q += R)
            tile<T, R, NV>(left + q * QUAD * QUAD, stride, right, quads,
                                   [&](int r, int v, Vec<T> c) DR_LAMBDA { sink.template operator()<NV>(q * QUAD + r, v, c); });
        for (; R > 1 && q < to; ++q)
            tile<T, 1, NV>(left + q * QUAD * QUAD, stride, right, quads,
                           [&](int r, int v, Vec<T> c) DR_LAMBDA { sink.template operator()<NV>(q * QUAD + r, v, c); });
    });
}

// Puts LANES units of one row, from `unit` on, where the left factor of the next product has them.
template <class T>
DR_INLINE void store_quads(T* quads, std::ptrdiff_t stride, int row, int unit, Vec<T> v) {
    if constexpr (LANES<T> < QUAD) {
        store<T>(quads + unit / QUAD * stride + row * QUAD + unit % QUAD, v);
    } else {
        T part[LANES<T>];
        store<T>(part, v);
        for (int i = 0; i < LANES<T> / QUAD; ++i)
            __builtin_memcpy(quads + (unit / QUAD + i) * stride + row * QUAD, part + i * QUAD, QUAD * sizeof(T));
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

// Features [from, to) of one row, as row `at` of the quads.
template <class T, class S>
DR_INLINE void gather_row(const Plan<T>& plan, const char* row, int from, int to, int features, int at) {
    T* quad = plan.x + from / QUAD * plan.stride + at * QUAD;
    int k = from;
    if (plan.rows.column == sizeof(S))
        for (; k + CHUNK <= to && k + CHUNK <= features; k += CHUNK) {
            S s[CHUNK];
            T x[CHUNK];
            __builtin_memcpy(s, row + k * sizeof(S), sizeof s);
            convert<T, S>(plan, s, k, x);
            for (int q = 0; q < CHUNK / QUAD; ++q, quad += plan.stride)
                __builtin_memcpy(quad, x + q * QUAD, QUAD * sizeof(T));
        }
    for (; k < to; k += CHUNK) {
        S s[CHUNK]{};
        T x[CHUNK];
        const int n = features - k < CHUNK ? features - k : CHUNK;
        for (int i = 0; i < n; ++i) __builtin_memcpy(s + i, row + (k + i) * plan.rows.column, sizeof(S));
        convert<T, S>(plan, s, k, x);
        for (int i = n; i < CHUNK; ++i) x[i] = 0;
        for (int q = 0; q < CHUNK / QUAD && k + q * QUAD < to; ++q, quad += plan.stride)
            __builtin_memcpy(quad, x + q * QUAD, QUAD * sizeof(T));
    }
}

template <class T>
void gather(const Plan<T>& plan, const std::int64_t* order, int count, int row_from,
                      int row_to, int quad_from, int quad_to) {
    constexpr int AHEAD = 6;
    const int features = plan.layer[0].n_in, from = quad_from * QUAD, to = quad_to * QUAD;
    for (int b = row_from; b < row_to; ++b) {
        if (b >= count) {
            for (int q = quad_from; q < quad_to; ++q)
                __builtin_memset(plan.x + q * plan.stride + b * QUAD, 0, QUAD * sizeof(T));
            continue;
        }
        const char* row = plan.rows.data + order[b] * plan.rows.row;
        if (b + AHEAD < row_to && b + AHEAD < count) {  // rows lie anywhere: no processor foresees them
            const char* next = plan.rows.data + order[b + AHEAD] * plan.rows.row;
            for (std::ptrdiff_t i = from * plan.rows.column; i < to * plan.rows.column; i += 64) __builtin_prefetch(next + i);
        }
        switch (plan.rows.type) {
            case Pixel::uint8: gather_row<T, std::uint8_t>(plan, row, from, to, features, b); break;
            case Pixel::float32: gather_row<T, float>(plan, row, from, to, features, b); break;
            case Pixel::float64: gather_row<T, double>(plan, row, from, to, features, b); break;
        }
    }
}

// -- forward --------------------------------------------------------------------------------------

// y = f(z) and f′(z), dropout on both: d holds z on the way in and f′(z) on the way out. (A1–A11, L3)
template <Activation A, class T>
void activate_rows(const Plan<T>& plan, const Layer<T>& layer, int from, int to) {
    const std::uint64_t key = layer.scale != T(0) ? derive_next(plan.step.key, layer.place) : 0;
    for (int p = 0; p < layer.panels.count; ++p) {
        const int nv = layer.panels.width(p);
        T* d = layer.d + rows_at(plan, layer, p);
        for (int b = from; b < to; ++b) {
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
                store_quads<T>(layer.y, plan.stride, b, unit, y);
            }
        }
    }
}

template <class T> DR_INLINE void activate_layer(const Plan<T>& plan, const Layer<T>& layer, int from, int to) {
#define DR_CASE(name) \
    case Activation::name: return activate_rows<Activation::name, T>(plan, layer, from, to);
    switch (layer.activation) { DR_ACTIVATIONS(DR_CASE) }
#undef DR_CASE
}

// z = x W + b of the rows of quads [from, to), into d (or, of the last layer, row by row into z). (L1)
template <class T>
void forward_layer(const Plan<T>& plan, int index, const T* x, int from, int to) {
    const Layer<T>& layer = plan.layer[index];
    const bool last = index + 1 == plan.layers, summed = index == 0 && plan.parts > 0;
    for (int p = 0; p < layer.panels.count; ++p) {
        const int nv = layer.panels.width(p);
        const T* w = plan.theta + panel_at(layer, p);
        const T* bias = w + layer.quads * QUAD * nv * LANES<T>;
        T* d = last ? plan.z + layer.panels.unit(p) : layer.d + rows_at(plan, layer, p);
        const std::ptrdiff_t step = last ? layer.panels.columns() : nv * LANES<T>;
        if (summed) {  // the parts of the features, in order
            const std::ptrdiff_t part = rows_at(plan, layer, layer.panels.count);
            for (int b = from * QUAD; b < to * QUAD; ++b)
                for (int v = 0; v < nv; ++v) {
                    const T* sum = plan.part_sums + rows_at(plan, layer, p) + (b * nv + v) * LANES<T>;
                    Vec<T> z = load(bias + v * LANES<T>);
                    for (int i = 0; i < plan.parts; ++i) z += load(sum + i * part);
                    store<T>(d + b * step + v * LANES<T>, z);
                }
        } else {
            multiply_panel<T>(x, plan.stride, from, to, w, layer.quads, nv,
                              [&]<int NV>(int b, int v, Vec<T> c) DR_LAMBDA {
                                  store<T>(d + b * step + v * LANES<T>, c + load(bias + v * LANES<T>));
                              });
        }
    }
    if (!last) activate_layer<T>(plan, layer, from * QUAD, to * QUAD);
}

// ∂L/∂z of the layer below = (g Wᵀ) ⊙ f′(z), into its d (for ∂W) and g (for the next ∂x).  (L1, L2)
template <class T> void backward_layer(const Plan<T>& plan, int index, int from, int to) {
    const Layer<T>&layer = plan.layer[index], &below = plan.layer[index - 1];
    for (int p = 0; p < layer.back_panels.count; ++p) {
        const int unit = layer.back_panels.unit(p);
        T* d = below.d + rows_at(plan, below, p);
        multiply_panel<T>(layer.g, plan.stride, from, to, layer.back + std::ptrdiff_t(unit) * layer.back_rows,
                          layer.back_rows / QUAD, layer.back_panels.width(p),
                          [&]<int NV>(int b, int v, Vec<T> c) DR_LAMBDA {
                              T* at = d + (b * NV + v) * LANES<T>;
                              c *= load(at);
                              store<T>(at, c);
                              if (below.g) store_quads<T>(below.g, plan.stride, b, unit + v * LANES<T>, c);
                          });
    }
}

}  // namespace DR_ISA
