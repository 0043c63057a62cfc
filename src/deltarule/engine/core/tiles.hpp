// The matrix tiles of a processor (AMX): eight registers of 16 rows × 64 bytes.
//
// Two implementations of the same few operations: the processor's own, and plain C++ that does what
// Intel's manual says of them, by which every product is tested where there are no such registers.
// Here four of the tiles are sums, c[2r + v]; 4 + r hold two left factors, 6 + v two right ones.
#pragma once

#include "lanes.hpp"

namespace DR_ISA {

#if defined(DR_TILES)
constexpr bool HAS_TILES = true;
#else
constexpr bool HAS_TILES = false;
#endif

constexpr int TILE_ROWS = 16, TILE_BYTES = 64;

#if defined(DR_EMULATED_TILES)

struct TileState {
    bool configured;
    std::uint32_t lane[8][TILE_ROWS][LANES<float>];
};

inline constinit thread_local TileState tile_state{};

DR_INLINE void configure_tiles() { tile_state = {}, tile_state.configured = true; }
DR_INLINE void release_tiles() { tile_state.configured = false; }

template <int N> DR_INLINE auto& tile_lanes() {
    if (!tile_state.configured) __builtin_trap();  // as the processor would
    return tile_state.lane[N];
}

template <int N> DR_INLINE void zero_tile() { std::memset(tile_lanes<N>(), 0, TILE_ROWS * TILE_BYTES); }

template <int N> DR_INLINE void load_tile(const void* from, std::ptrdiff_t step) {
    const char* row = static_cast<const char*>(from);
    for (int i = 0; i < TILE_ROWS; ++i, row += step) std::memcpy(tile_lanes<N>()[i], row, TILE_BYTES);
}

template <int N> DR_INLINE void store_tile(void* to, std::ptrdiff_t step) {
    char* row = static_cast<char*>(to);
    for (int i = 0; i < TILE_ROWS; ++i, row += step) std::memcpy(row, tile_lanes<N>()[i], TILE_BYTES);
}

// TDPBF16PS: first halves and second halves are summed up apart, from zero, then added to each other
// and to the sum, rounded to nearest.  It takes denormal numbers for zero, as `flush_to_zero` has this
// thread do, and fuses products with sums: so does this, since the product of two Halves is exact in
// float32 unless it over- or underflows.
template <int R, int V> DR_INLINE void multiply_tile() {
    auto &c = tile_lanes<2 * R + V>(), &left = tile_lanes<4 + R>(), &right = tile_lanes<6 + V>();
    for (int i = 0; i < TILE_ROWS; ++i) {
        Vec<float> first{}, second{}, sum;
        for (int k = 0; k < TILE_ROWS; ++k) {
            const Pairs x = splat_pair(&left[i][k]), w = load_pairs(right[k]);
            first += bits<Vec<float>>(x << 16) * bits<Vec<float>>(w << 16);
            second += bits<Vec<float>>(x & 0xFFFF0000u) * bits<Vec<float>>(w & 0xFFFF0000u);
        }
        std::memcpy(&sum, c[i], sizeof sum);
        sum += first + second;
        std::memcpy(c[i], &sum, sizeof sum);
    }
}

#elif defined(DR_TILES)

// Some compilers' intrinsics do not tell that they read memory.
DR_INLINE void written_before(const void* p) { asm volatile("" ::"r"(p) : "memory"); }

DR_INLINE void configure_tiles() {
    struct alignas(64) {
        std::uint8_t palette, start, reserved[14];
        std::uint16_t bytes[16];
        std::uint8_t rows[16];
    } shape{1, 0, {}, {}, {}};
    for (int i = 0; i < 8; ++i) shape.bytes[i] = TILE_BYTES, shape.rows[i] = TILE_ROWS;
    written_before(&shape);
    _tile_loadconfig(&shape);
}

DR_INLINE void release_tiles() { _tile_release(); }

// The number of a tile must be a literal.
#define DR_EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

template <int N> DR_INLINE void zero_tile() {
#define DR_CASE(n) if constexpr (N == n) _tile_zero(n);
    DR_EACH(DR_CASE)
#undef DR_CASE
}

template <int N> DR_INLINE void load_tile(const void* from, std::ptrdiff_t step) {
    written_before(from);
#define DR_CASE(n) if constexpr (N == n) _tile_loadd(n, from, step);
    DR_EACH(DR_CASE)
#undef DR_CASE
}

template <int N> DR_INLINE void store_tile(void* to, std::ptrdiff_t step) {
#define DR_CASE(n) if constexpr (N == n) _tile_stored(n, to, step);
    DR_EACH(DR_CASE)
#undef DR_CASE
}

#undef DR_EACH

template <int R, int V> DR_INLINE void multiply_tile() {
    if constexpr (R == 0 && V == 0) _tile_dpbf16ps(0, 4, 6);
    if constexpr (R == 0 && V == 1) _tile_dpbf16ps(1, 4, 7);
    if constexpr (R == 1 && V == 0) _tile_dpbf16ps(2, 5, 6);
    if constexpr (R == 1 && V == 1) _tile_dpbf16ps(3, 5, 7);
}

#else

DR_INLINE void configure_tiles() {}
DR_INLINE void release_tiles() {}

#endif

}  // namespace DR_ISA
