// Which units stay in a step: the bits of ground/randomness.py.                              (L3)
#pragma once

#include "lanes.hpp"

namespace DR_ISA {

DR_INLINE std::uint64_t mix64(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

// The key of one number more: derive(seed, …, number) from derive(seed, …).
DR_INLINE std::uint64_t derive_next(std::uint64_t key, std::uint64_t number) {
    key = mix64(key + 0x9E3779B97F4A7C15ull * (2 * number + 1));
    return mix64(key ^ 1);
}

template <class U> DR_INLINE U hash32(U x) {
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x *= 0x846CA68Bu;
    return x ^ (x >> 16);
}

// 32 bits for each lane of Vec<T>.
template <class T> struct Words {
    typedef std::uint32_t U __attribute__((vector_size(LANES<T> * 4)));
    typedef std::int32_t I __attribute__((vector_size(LANES<T> * 4)));
};

// Which of the units from `unit` on stay in a row: those whose bits are not below the threshold.
template <class T>
DR_INLINE IVec<T> keep(std::uint32_t of_row, std::uint32_t high, int unit, std::uint32_t threshold) {
    using U = typename Words<T>::U;
    U number;
    for (int i = 0; i < LANES<T>; ++i) number[i] = std::uint32_t(unit + i);
    const U word = hash32<U>((number * 0x85EBCA6Bu ^ high) ^ of_row);
    return __builtin_convertvector(word >= threshold, IVec<T>);
}

}  // namespace DR_ISA
