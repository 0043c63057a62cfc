// The only file that knows a processor: vectors of its width, and what C++ has no operator for.
//
// Everything else is written on Vec<float> and Vec<double> with + - * / and comparisons, and is
// compiled once for each instruction set, in a namespace of its own.  GCC's and Clang's vector
// extensions do the rest on any processor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(DR_EMULATED_TILES)
#define DR_ISA tiles
#define DR_BYTES 64
#define DR_TILES
#elif defined(__linux__) && (defined(__AMX_BF16__) || defined(__AMXBF16__))  // as Clang said up to 14
#define DR_ISA amx
#define DR_BYTES 64
#define DR_TILES
#elif defined(__AVX512BF16__)
#define DR_ISA avx512bf16
#define DR_BYTES 64
#elif defined(__AVX512F__)
#define DR_ISA avx512
#define DR_BYTES 64
#elif defined(__AVX2__)
#define DR_ISA avx2
#define DR_BYTES 32
#else
#define DR_ISA baseline
#define DR_BYTES 16
#endif

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if !defined(DR_INLINE)
#define DR_INLINE inline __attribute__((always_inline))
#endif
#define DR_LAMBDA __attribute__((always_inline))

namespace DR_ISA {

template <class T> struct Of;

template <> struct Of<float> {
    typedef float V __attribute__((vector_size(DR_BYTES)));
    typedef int32_t I __attribute__((vector_size(DR_BYTES)));  // also the type of comparisons
    typedef uint32_t U __attribute__((vector_size(DR_BYTES)));
    typedef int32_t Int;
    typedef float Four __attribute__((vector_size(16)));
};

template <> struct Of<double> {
    typedef double V __attribute__((vector_size(DR_BYTES)));
    typedef int64_t I __attribute__((vector_size(DR_BYTES)));
    typedef uint64_t U __attribute__((vector_size(DR_BYTES)));
    typedef int64_t Int;
    typedef double Four __attribute__((vector_size(32)));
};

template <class T> using Vec = typename Of<T>::V;    // of T
template <class T> using IVec = typename Of<T>::I;   // of integers as wide as T, and of masks (0, −1)
template <class T> using UVec = typename Of<T>::U;
template <class T> constexpr int LANES = DR_BYTES / int(sizeof(T));

template <class T> DR_INLINE Vec<T> load(const T* p) {
    Vec<T> v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

template <class T> DR_INLINE void store(T* p, Vec<T> v) { std::memcpy(p, &v, sizeof v); }

template <class T> DR_INLINE Vec<T> splat(T x) { return x - Vec<T>{}; }

// The bits of v as another type of the same size.
template <class To, class From> DR_INLINE To bits(From v) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    std::memcpy(&to, &v, sizeof to);
    return to;
}

// mask ? a : b, lane by lane; the mask is what a comparison returns.
template <class T> DR_INLINE Vec<T> choose(IVec<T> mask, Vec<T> a, Vec<T> b) {
    return bits<Vec<T>>((mask & bits<IVec<T>>(a)) | (~mask & bits<IVec<T>>(b)));
}

template <class T> DR_INLINE Vec<T> larger(Vec<T> a, Vec<T> b) { return choose<T>(a > b, a, b); }

template <class T> DR_INLINE Vec<T> magnitude(Vec<T> a) {
    constexpr int top = int(sizeof(T)) * 8 - 1;
    return bits<Vec<T>>(bits<UVec<T>>(a) & ~((UVec<T>{} + 1) << top));
}

template <class T> DR_INLINE Vec<T> square_root(Vec<T> v) {
    T lane[LANES<T>];
    store(lane, v);
    for (int i = 0; i < LANES<T>; ++i) lane[i] = sizeof(T) == 4 ? __builtin_sqrtf(lane[i]) : __builtin_sqrt(lane[i]);
    return load(lane);
}

// Bytes as numbers.
template <class T> DR_INLINE Vec<T> load_bytes(const std::uint8_t* p) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        return bits<Vec<T>>(_mm512_maskz_cvtepi32_ps(0xFFFF, _mm512_maskz_cvtepu8_epi32(0xFFFF, bytes)));
    } else {
        const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
        return bits<Vec<T>>(_mm512_maskz_cvtepi32_pd(0xFF, _mm256_cvtepu8_epi32(bytes)));
    }
#elif defined(__AVX2__) && DR_BYTES == 32
    if constexpr (sizeof(T) == 4) {
        const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
        return bits<Vec<T>>(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)));
    } else {
        int four;
        std::memcpy(&four, p, sizeof four);
        return bits<Vec<T>>(_mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four))));
    }
#else
    Vec<T> v;
    for (int i = 0; i < LANES<T>; ++i) v[i] = T(p[i]);
    return v;
#endif
}

// -- Halves: the upper 16 bits of a float32, rounded to nearest, ties to even ---------------------------

using Pairs = UVec<float>;  // two Halves in each lane, the first in the lower bits

DR_INLINE UVec<float> round_to_half(Vec<float> v) {
    const UVec<float> u = bits<UVec<float>>(v);
    const UVec<float> rounded = u + 0x7FFFu + ((u >> 16) & 1u);
    return bits<UVec<float>>(choose<float>(v == v, bits<Vec<float>>(rounded), bits<Vec<float>>(u | 0x400000u)));
}

DR_INLINE Pairs pack_pairs(Vec<float> first, Vec<float> second) {
#if defined(__AVX512BF16__)
    __m512i order;  // 0, 16, 1, 17, …
    std::uint16_t place[2 * LANES<float>];
    for (int i = 0; i < LANES<float>; ++i) place[2 * i] = std::uint16_t(i), place[2 * i + 1] = std::uint16_t(i + LANES<float>);
    std::memcpy(&order, place, sizeof order);
    return bits<Pairs>(_mm512_permutexvar_epi16(
        order, bits<__m512i>(_mm512_cvtne2ps_pbh(bits<__m512>(second), bits<__m512>(first)))));
#endif
    return (round_to_half(first) >> 16) | (round_to_half(second) & 0xFFFF0000u);
}

DR_INLINE Pairs load_pairs(const void* p) {
    Pairs v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

DR_INLINE Pairs splat_pair(const void* p) {
    std::uint32_t pair;
    std::memcpy(&pair, p, sizeof pair);
    return pair - Pairs{};
}

// LANES Halves side by side.
DR_INLINE void store_halves(void* to, Vec<float> v) {
#if defined(__AVX512BF16__)
    const __m256bh half = _mm512_cvtneps_pbh(bits<__m512>(v));
    std::memcpy(to, &half, sizeof half);
#elif defined(__AVX512F__)
    const __m256i half = _mm512_maskz_cvtepi32_epi16(0xFFFF, bits<__m512i>(round_to_half(v) >> 16));
    std::memcpy(to, &half, sizeof half);
#else
    std::uint32_t whole[LANES<float>];
    std::uint16_t half[LANES<float>];
    const UVec<float> u = round_to_half(v) >> 16;
    std::memcpy(whole, &u, sizeof u);
    for (int i = 0; i < LANES<float>; ++i) half[i] = std::uint16_t(whole[i]);
    std::memcpy(to, half, sizeof half);
#endif
}

// The lower 16 bits of each lane, side by side.
DR_INLINE void store_low(void* to, UVec<float> v) {
    typedef std::uint16_t Low __attribute__((vector_size(DR_BYTES / 2)));
    const Low low = __builtin_convertvector(v, Low);
    std::memcpy(to, &low, sizeof low);
}

// c + x₀w₀ + x₁w₁ in each lane, added up in float32.
DR_INLINE Vec<float> add_products(Vec<float> c, Pairs x, Pairs w) {
#if defined(__AVX512BF16__)
    return bits<Vec<float>>(_mm512_dpbf16_ps(bits<__m512>(c), bits<__m512bh>(x), bits<__m512bh>(w)));
#else
    c += bits<Vec<float>>(x << 16) * bits<Vec<float>>(w << 16);
    return c + bits<Vec<float>>(x & 0xFFFF0000u) * bits<Vec<float>>(w & 0xFFFF0000u);
#endif
}

// Which lanes of the vector at `unit` lie below n.
template <class T> DR_INLINE IVec<T> within(int unit, int n) {
    IVec<T> lane;
    for (int i = 0; i < LANES<T>; ++i) lane[i] = typename Of<T>::Int(unit + i);
    return lane < typename Of<T>::Int(n);
}

// mask ? v : 0
template <class T> DR_INLINE Vec<T> only(IVec<T> mask, Vec<T> v) { return choose<T>(mask, v, Vec<T>{}); }

// to[j][i] = from[i][j], four by four.
template <class T>
DR_INLINE void transpose_quad(const T* from, std::ptrdiff_t from_step, T* to, std::ptrdiff_t to_step) {
    using F = typename Of<T>::Four;
    F a, b, c, d;
    std::memcpy(&a, from, sizeof a);
    std::memcpy(&b, from + from_step, sizeof b);
    std::memcpy(&c, from + 2 * from_step, sizeof c);
    std::memcpy(&d, from + 3 * from_step, sizeof d);
    const F ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const F ef = __builtin_shufflevector(a, b, 2, 6, 3, 7), gh = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    const F rows[4] = {
        __builtin_shufflevector(ab, cd, 0, 1, 4, 5), __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
        __builtin_shufflevector(ef, gh, 0, 1, 4, 5), __builtin_shufflevector(ef, gh, 2, 3, 6, 7)};
    for (int i = 0; i < 4; ++i) std::memcpy(to + i * to_step, rows + i, sizeof(F));
}

// Σ of the lanes, halving: the same tree on every run.
template <class T> DR_INLINE T sum_of(Vec<T> v) {
    T part[LANES<T>];
    store(part, v);
    for (int half = LANES<T> / 2; half; half /= 2)
        for (int i = 0; i < half; ++i) part[i] += part[i + half];
    return part[0];
}

template <class T> DR_INLINE T largest_of(Vec<T> v) {
    T top = v[0];
    for (int i = 1; i < LANES<T>; ++i) top = v[i] > top ? v[i] : top;
    return top;
}

// Has the processor take denormal numbers for zero on this thread, and remembers how it was; or
// restores what was remembered.
DR_INLINE void flush_to_zero(bool on, unsigned long long* kept) {
#if defined(__x86_64__)
    if (on) *kept = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(unsigned(on ? *kept | 0x8040 : *kept));
#elif defined(__aarch64__)
    if (on) asm volatile("mrs %0, fpcr" : "=r"(*kept));
    asm volatile("msr fpcr, %0" ::"r"(on ? *kept | (1ULL << 24) : *kept));
#else
    (void)on, (void)kept;
#endif
}

}  // namespace DR_ISA
