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

inline void quiet(bool on, unsigned long long* kept) {
    flush_to_zero(on, kept);
    on ? configure_tiles() : release_tiles();
}

template <class T, class O = T> constexpr Kernels<T> kernels() {
    return {{LANES<T>, PANEL, STRIP<T, O>}, run_begin<T, O>, run_rows<T, O>, run_update<T, O>,
            run_gradients<T, O>, run_apply<T, O>, run_repack<T, O>, run_forward<T>, run_direct<T>, run_softmax<T>,
            quiet, peak<T, O>, run_elementwise<T>};
}

}  // namespace DR_ISA
