// The scores of one row straight from the flat weights: to pack them would take longer.      (C1)
#pragma once

#include "activations.hpp"
#include "lanes.hpp"
#include "plan.hpp"

namespace DR_ISA {

using namespace deltarule;

// A vector at p, of which what lies behind `end` is not read.
template <class T> DR_INLINE Vec<T> load_before(const T* p, const T* end) {
    if (p + LANES<T> <= end) return load(p);
    T part[LANES<T>]{};
    for (int i = 0; p + i < end; ++i) part[i] = p[i];
    return load(part);
}

// y = x W + b of NV vectors of units.  Lanes behind the last unit hold what comes next in θ.
template <class T, int NV>
DR_INLINE void direct_units(const T* x, int n_in, const T* w, int n_out, const T* bias, const T* end, T* y) {
    Vec<T> sum[NV]{};
    const std::ptrdiff_t room = end - w - NV * LANES<T>;
    const int safe = room < 0 ? 0 : room / n_out + 1 < n_in ? int(room / n_out + 1) : n_in;
    for (int k = 0; k < n_in; ++k, w += n_out) {
        const Vec<T> of_k = splat(x[k]);
        if (k < safe) {
#pragma GCC unroll 8
            for (int v = 0; v < NV; ++v) sum[v] += of_k * load(w + v * LANES<T>);
        } else {
            for (int v = 0; v < NV; ++v) sum[v] += of_k * load_before(w + v * LANES<T>, end);
        }
    }
    for (int v = 0; v < NV; ++v) store<T>(y + v * LANES<T>, sum[v] + load_before(bias + v * LANES<T>, end));
}

// y = f(x) and f′(x), which is left out where `slope` is null; both may lie where x lies.
template <Activation A, class T>
void apply_activation(T option, const T* x, T* y, T* slope, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < n; i += LANES<T>) {
        const std::size_t size = (n - i < LANES<T> ? n - i : LANES<T>) * sizeof(T);
        Vec<T> value, derivative;
        activate<A, T>(option, load_before(x + i, x + n), value, derivative);
        __builtin_memcpy(y + i, &value, size);
        if (slope) __builtin_memcpy(slope + i, &derivative, size);
    }
}

template <class T>
void run_elementwise(Activation activation, T option, const T* x, T* y, T* slope, std::ptrdiff_t n) {
#define DR_CASE(name) \
    case Activation::name: return apply_activation<Activation::name, T>(option, x, y, slope, n);
    switch (activation) { DR_ACTIVATIONS(DR_CASE) }
#undef DR_CASE
}

constexpr int MOST = 8;

template <class T, int NV, class... Rest> DR_INLINE void direct_up_to(int vectors, Rest... rest) {
    if constexpr (NV > 1)
        if (vectors < NV) return direct_up_to<T, NV - 1>(vectors, rest...);
    direct_units<T, NV>(rest...);
}

// one, other: each with room for the widest layer and eight vectors more.  Returns the scores.
template <class T> const T* run_direct(const Chain<T>& chain, const T* x, T* one, T* other) {
    T* z = one;
    const T *w = chain.theta, *bias = w;
    for (int i = 0; i < chain.layers; ++i) bias += std::ptrdiff_t(chain.sizes[i]) * chain.sizes[i + 1];
    for (int i = 0; i < chain.layers; ++i) {
        const int n_in = chain.sizes[i], n_out = chain.sizes[i + 1];
        for (int j = 0; j < n_out; j += MOST * LANES<T>)  // as wide as can be: θ is read once, in order
            direct_up_to<T, MOST>((n_out - j + LANES<T> - 1) / LANES<T>, x, n_in, w + j, n_out, bias + j, chain.end,
                                  z + j);
        w += std::ptrdiff_t(n_in) * n_out;
        bias += n_out;
        if (i + 1 == chain.layers) break;
        run_elementwise<T>(chain.activation[i], chain.option[i], z, z, nullptr, n_out);
        x = z;  // what is read next; the other buffer is written
        z = z == one ? other : one;
    }
    return z;
}

// p = softmax(z) of n rows of k scores.                                                          (E1)
template <class T> void run_softmax(const T* z, T* p, std::ptrdiff_t n, int k) {
    for (std::ptrdiff_t i = 0; i < n; ++i, z += k, p += k) {
        const T* end = z + k;
        Vec<T> most = splat(z[0]), sum{};
        for (int j = 0; j < k; j += LANES<T>)
            most = larger<T>(choose<T>(within<T>(j, k), load_before(z + j, end), most), most);
        const Vec<T> top = splat(largest_of<T>(most));
        for (int pass = 0; pass < 2; ++pass) {
            const Vec<T> whole = splat(sum_of<T>(sum));
            for (int j = 0; j < k; j += LANES<T>) {
                const Vec<T> e = only<T>(within<T>(j, k), exponential<T>(load_before(z + j, end) - top));
                if (pass == 0) sum += e;
                const Vec<T> share = e / whole;
                if (pass) __builtin_memcpy(p + j, &share, (k - j < LANES<T> ? k - j : LANES<T>) * sizeof(T));
            }
        }
    }
}

}  // namespace DR_ISA
