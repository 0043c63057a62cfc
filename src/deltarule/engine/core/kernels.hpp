// The table of one instruction set's kernels; each kernels_*.cpp fills one.
#pragma once

#include "direct.hpp"
#include "phases.hpp"

namespace DR_ISA {

// Multiply-adds a second in registers: the limit that the products are measured against.
template <class T, class O> double peak(double (*clock)(), double seconds) {
    constexpr int CHAINS = PANEL * QUAD, ROUNDS = 4096;
    Vec<T> sum[CHAINS]{};
    const Vec<T> factor = splat(T(0.999)), term = splat(T(0.001));
    double done = 0, start = clock(), now = start;
    configure_tiles();
    for (; now - start < seconds; now = clock()) {
        for (int i = 0; i < ROUNDS; ++i) {
#if defined(DR_TILES)
            if constexpr (TILED<T, O>) {
                multiply_tile<0, 0>(), multiply_tile<0, 1>(), multiply_tile<1, 0>(), multiply_tile<1, 1>();
                done += 4 * TILE_ROWS * LANES<T> * STRIP<T, O>;
                continue;
            }
#endif
#pragma GCC unroll 32
            for (int j = 0; j < CHAINS; ++j) {
                if constexpr (HALVES<T, O>) sum[j] = add_products(sum[j], bits<Pairs>(factor), bits<Pairs>(term));
                else sum[j] = sum[j] * factor + term;
            }
        }
        if (!TILED<T, O>) done += double(ROUNDS) * CHAINS * LANES<T> * (HALVES<T, O> ? 2 : 1);
    }
    release_tiles();
    T total = 0;
    for (int j = 0; j < CHAINS; ++j) total += sum_of<T>(sum[j]);
    return TILED<T, O> || total != T(0) ? done / (now - start) : 0;  // the sums are used: none may be left out
}

template <Activation A, class T>
void apply_activation(T option, const T* x, T* y, T* slope, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; i += LANES<T>) {
        const std::ptrdiff_t m = n - i < LANES<T> ? n - i : LANES<T>;
        T part[LANES<T>]{};
        __builtin_memcpy(part, x + i, m * sizeof(T));
        Vec<T> value, derivative;
        activate<A, T>(option, load(part), value, derivative);
        store<T>(part, value);
        __builtin_memcpy(y + i, part, m * sizeof(T));
        store<T>(part, derivative);
        __builtin_memcpy(slope + i, part, m * sizeof(T));
    }
}

template <class T>
void elementwise(Activation activation, T option, const T* x, T* y, T* slope, std::ptrdiff_t n) {
#define DR_CASE(name) \
    case Activation::name: return apply_activation<Activation::name, T>(option, x, y, slope, n);
    switch (activation) { DR_ACTIVATIONS(DR_CASE) }
#undef DR_CASE
}

inline void quiet(bool on, unsigned long long* kept) {
    flush_to_zero(on, kept);
    on ? configure_tiles() : release_tiles();
}

template <class T, class O = T> constexpr Kernels<T> kernels() {
    return {{LANES<T>, PANEL, STRIP<T, O>}, run_begin<T, O>, run_rows<T, O>, run_update<T, O>,
            run_gradients<T, O>, run_apply<T, O>, run_repack<T, O>, run_forward<T>, run_direct<T>, run_softmax<T>,
            quiet, peak<T, O>, elementwise<T>};
}

}  // namespace DR_ISA
