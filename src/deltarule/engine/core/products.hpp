// The three matrix products of a dense layer, each one register-blocked loop.            (L1)
//
//     forward    y  = x W        rows of the batch × units
//     backward   ∂x = g Wᵀ       the same loop on Wᵀ
//     gradient   ∂W = xᵀ g       features × units, summed over the rows of the batch
//
// The left factor comes in strips, quads as a rule, [k/4][row][4]: four features of one row lie
// together, then those of the next row.  For tiles a strip is a tile's row of 32 Halves.  The right
// factor comes in panels of up to PANEL vectors of units, [panel][k][unit]: the panel's units of one k
// lie together, then those of the next k.  Both products then read memory in order.
//
// Every entry of a result is one chain of multiply-adds in the order of k (or of the rows), whatever
// the shape of the tile that holds it: so bits depend on neither threads nor padding.
#pragma once

#include <cstddef>

#include "lanes.hpp"
#include "plan.hpp"
#include "tiles.hpp"

namespace DR_ISA {

using deltarule::Half;

constexpr int QUAD = 4;

// The widest panel, in vectors, and the quads of rows (or of features) in a tile of NV vectors: as
// many sums as there are registers for, and loads that take less time than the multiply-adds.
#if defined(DR_TILES)  // 8 tiles: 2 × 2 sums, each factor loaded serves twice; groups of 16 for quads
constexpr int PANEL = 2;
constexpr int tile_quads(int) { return 2; }
#elif DR_BYTES == 64 || defined(__aarch64__)  // 32 registers
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

// Whether tiles multiply them; how many numbers of a left factor's row lie together; and the rows that
// are the least that is worked on at a time.
template <class T, class O> constexpr bool TILED = HAS_TILES && HALVES<T, O>;
template <class T, class O> constexpr int STRIP = TILED<T, O> ? 32 : QUAD;
template <class T, class O> constexpr int GROUP = TILED<T, O> ? TILE_ROWS : QUAD;

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

#if defined(DR_TILES)
// out = Σ_k left[row][k]·right[k][unit] by tiles, for R·16 rows and NV·16 units, row by row.  A row of a
// strip is a tile's row, and `step` lies between strips; right as above.  For ∂W it is the same with
// features in the place of rows, and rows in that of k.
template <int R, int NV>
DR_INLINE void multiply_tiles(const Half* left, std::ptrdiff_t step, const Half* right, int strips, float* out) {
    constexpr int SIDE = STRIP<float, Half>, ROW = NV * TILE_BYTES, WIDTH = NV * LANES<float>;
    zero_tile<0>(), zero_tile<1>(), zero_tile<2>(), zero_tile<3>();
    for (int q = 0; q < strips; ++q, left += step, right += SIDE * WIDTH) {
        load_tile<4>(left, TILE_BYTES);
        if constexpr (R > 1) load_tile<5>(left + TILE_ROWS * SIDE, TILE_BYTES);
        load_tile<6>(right, ROW);
        if constexpr (NV > 1) load_tile<7>(right + SIDE, ROW);
        multiply_tile<0, 0>();
        if constexpr (NV > 1) multiply_tile<0, 1>();
        if constexpr (R > 1) multiply_tile<1, 0>();
        if constexpr (R > 1 && NV > 1) multiply_tile<1, 1>();
    }
    store_tile<0>(out, ROW);
    if constexpr (NV > 1) store_tile<1>(out + TILE_ROWS, ROW);
    if constexpr (R > 1) store_tile<2>(out + TILE_ROWS * WIDTH, ROW);
    if constexpr (R > 1 && NV > 1) store_tile<3>(out + TILE_ROWS * WIDTH + TILE_ROWS, ROW);
}

// Whether a product by tiles is what it should be: of small whole numbers to the bit, since in whatever
// order they are summed nothing is rounded, of fractions but for rounding.  With a fault one
// factor is another when the tiles multiply it.
inline bool tiles_agree(bool fault) {
    constexpr int SIDE = STRIP<float, Half>, K = 2 * SIDE;
    alignas(64) Half left[K / SIDE][SIDE][SIDE], right[K / 2][SIDE][2];
    float found[SIDE][SIDE];
    std::uint32_t state = 1;
    bool agree = true;
    for (int whole = 0; whole < 2; ++whole) {
        const auto draw = [&] {
            const float x = float(std::int32_t(state = state * 1664525u + 1013904223u) >> 24);
            return Half{std::uint16_t(bits<std::uint32_t>(whole ? x : x / float(1 << (state >> 8) % 9)) >> 16)};
        };
        const auto value = [](Half h) { return double(bits<float>(std::uint32_t(h.bits) << 16)); };
        for (int k = 0; k < K; ++k)
            for (int i = 0; i < SIDE; ++i) left[k / SIDE][i][k % SIDE] = draw(), right[k / 2][i][k % 2] = draw();
        Half& odd = left[1][SIDE - 1][SIDE - 3];
        odd.bits ^= fault;
        configure_tiles();
        multiply_tiles<2, 2>(left[0][0], SIDE * SIDE, right[0][0], K / SIDE, found[0]);
        release_tiles();
        odd.bits ^= fault;
        for (int i = 0; i < SIDE; ++i)
            for (int j = 0; j < SIDE; ++j) {
                double sum = 0, size = 0;
                for (int k = 0; k < K; ++k) {
                    const double term = value(left[k / SIDE][i][k % SIDE]) * value(right[k / 2][j][k % 2]);
                    sum += term, size += __builtin_fabs(term);
                }
                agree = agree && __builtin_fabs(found[i][j] - sum) <= (whole ? 0 : size * K * 0x1p-24);
            }
    }
    return agree;
}
#endif

}  // namespace DR_ISA
