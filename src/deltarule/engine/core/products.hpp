// The three matrix products of a dense layer, each one register-blocked loop.            (L1)
//
//     forward    y  = x W        rows of the batch × units
//     backward   ∂x = g Wᵀ       the same loop on Wᵀ
//     gradient   ∂W = xᵀ g       features × units, summed over the rows of the batch
//
// The left factor comes in quads, [k/4][row][4]: four features of one row lie together, then those
// of the next row.  The right factor comes in panels of up to PANEL vectors of units, [panel][k][unit]:
// the panel's units of one k lie together, then those of the next k.  Both products then read memory in order.
//
// Every entry of a result is one chain of multiply-adds in the order of k (or of the rows), whatever
// the shape of the tile that holds it: so bits depend on neither threads nor padding.
#pragma once

#include <cstddef>

#include "lanes.hpp"
#include "plan.hpp"

namespace DR_ISA {

using deltarule::Half;

constexpr int QUAD = 4;

// The widest panel, in vectors, and the quads of rows (or of features) in a tile of NV vectors: as
// many sums as there are registers for, and loads that take less time than the multiply-adds.
#if DR_BYTES == 64 || defined(__aarch64__)  // 32 registers
constexpr int PANEL = 4;
constexpr int tile_quads(int nv) { return nv == 4 ? 1 : 2; }
#elif DR_BYTES == 32  // 16
constexpr int PANEL = 3;
constexpr int tile_quads(int nv) { return nv == 1 ? 2 : 1; }
#else
constexpr int PANEL = 2;
constexpr int tile_quads(int nv) { return nv == 1 ? 2 : 1; }
#endif

template <class T, int R, int NV> using Tile = Vec<T>[R * QUAD][NV];

// Factors are of T, or of Halves that are multiplied two and two and added up in float32.
template <class T, class O> constexpr bool HALVES = sizeof(O) < sizeof(T);

// c += Σ_k left[row][k]·right[k][unit], for R·4 rows and NV vectors of units.  Of Halves, right has
// the units' pairs of two k: [k/2][unit][2].
template <class T, class O, int R, int NV>
DR_INLINE void multiply_rows(Tile<T, R, NV>& c, const O* left, std::ptrdiff_t left_stride,
                             const O* right, int quads) {
    for (int q = 0; q < quads; ++q, left += left_stride, right += QUAD * NV * LANES<T>) {
        if constexpr (HALVES<T, O>) {
#pragma GCC unroll 2
            for (int k = 0; k < QUAD; k += 2) {
                Pairs w[NV];
#pragma GCC unroll 8
                for (int v = 0; v < NV; ++v) w[v] = load_pairs(right + (k * NV + 2 * v) * LANES<T>);
#pragma GCC unroll 8
                for (int r = 0; r < R * QUAD; ++r) {
                    const Pairs x = splat_pair(left + r * QUAD + k);
#pragma GCC unroll 8
                    for (int v = 0; v < NV; ++v) c[r][v] = add_products(c[r][v], x, w[v]);
                }
            }
        } else {
#pragma GCC unroll 4
            for (int k = 0; k < QUAD; ++k) {
                Vec<T> w[NV];
#pragma GCC unroll 8
                for (int v = 0; v < NV; ++v) w[v] = load(right + (k * NV + v) * LANES<T>);
#pragma GCC unroll 8
                for (int r = 0; r < R * QUAD; ++r) {
                    const Vec<T> x = splat(left[r * QUAD + k]);
#pragma GCC unroll 8
                    for (int v = 0; v < NV; ++v) c[r][v] += x * w[v];
                }
            }
        }
    }
}

// c += Σ_row left[row][k]·right[row][unit], for R·4 features k and NV vectors of units.  Of Halves,
// both have pairs of two rows: left [k/4][row/2][4][2], right [row/2][unit][2].
template <class T, class O, int R, int NV>
DR_INLINE void multiply_columns(Tile<T, R, NV>& c, const O* left, std::ptrdiff_t left_stride,
                                const O* right, int rows) {
    constexpr int AT_ONCE = HALVES<T, O> ? 2 : 1;
#pragma GCC unroll 2
    for (int row = 0; row < rows; row += AT_ONCE, left += AT_ONCE * QUAD, right += AT_ONCE * NV * LANES<T>) {
        if constexpr (HALVES<T, O>) {
            Pairs g[NV];
#pragma GCC unroll 8
            for (int v = 0; v < NV; ++v) g[v] = load_pairs(right + 2 * v * LANES<T>);
#pragma GCC unroll 8
            for (int k = 0; k < R * QUAD; ++k) {
                const Pairs x = splat_pair(left + k / QUAD * left_stride + k % QUAD * 2);
#pragma GCC unroll 8
                for (int v = 0; v < NV; ++v) c[k][v] = add_products(c[k][v], x, g[v]);
            }
        } else {
            Vec<T> g[NV];
#pragma GCC unroll 8
            for (int v = 0; v < NV; ++v) g[v] = load(right + v * LANES<T>);
#pragma GCC unroll 8
            for (int k = 0; k < R * QUAD; ++k) {
                const Vec<T> x = splat(left[k / QUAD * left_stride + k % QUAD]);
#pragma GCC unroll 8
                for (int v = 0; v < NV; ++v) c[k][v] += x * g[v];
            }
        }
    }
}

}  // namespace DR_ISA
