// eˣ, log(1 + x), tanh x, σ(x), softplus and the normal distribution function, lane by lane.
//
// Each is one formula for every lane, free of branches and tables, so that a lane's bits never
// depend on its neighbours, and on the processor only through the rounding of a·b + c.  Errors in
// units of the last place stayed below these in dense sweeps against 64-bit mantissas:
//
//             eˣ    eˣ − 1   log(1 + x)   tanh   σ     softplus   Φ
//     float   1.1    1.0        1.2       2.5    2.3     1.9      4.0
//     double  1.1    1.2        1.4       2.7    2.5     2.0      4.4
//
// Below the smallest normal number eˣ is 0, since the engine flushes denormal numbers anyway.  NaN
// gives NaN.
#pragma once

#include "lanes.hpp"

namespace DR_ISA {

// Where a format keeps its exponent, and polynomials as exact as it can tell.  These were fitted by
// Remez's exchange in 60 digits, then rounded from c₀ up, the rest fitted again each time; the
// bounds are those of the rounded polynomials, relative to the function that they serve.
template <class T> struct Format;

template <> struct Format<float> {
    static constexpr int PLACES = 23, BIAS = 127, LOW_HALF = 12;
    static constexpr float WHOLE = 12582912;  // 1.5·2²³: what is added to it is rounded to integers
    static constexpr float LOWEST = -87.33654f, HIGHEST = 88.72284f;  // logs of normal numbers
    static constexpr float LOG2_HIGH = 0.693145751953125f;  // 15 bits: exact times an exponent
    static constexpr float LOG2_LOW = 1.4286068e-6f;
    // (eʳ − 1 − r)/r² for |r| ≤ ½ log 2, to 1.4e-8 of eʳ − 1
    static constexpr float EXP[] = {
        0.49999997f, 0.16666542f, 0.041667525f, 0.008366683f, 0.0013862448f,
    };
    // (log((1 + s)/(1 − s)) − 2s)/s³ in s² ≤ 1/9, to 4.8e-9 of the logarithm
    static constexpr float LOG[] = {0.6666643f, 0.40020883f, 0.28010806f, 0.27972785f};
    // (a + 5/4) e^(a²/2) Φ(−a) in (a − 4)/(a + 4), 0 ≤ a ≤ 14, to 5.7e-9
    static constexpr float CDF[] = {
        0.49565586f, -0.1393029f, 0.045094512f, 0.010673175f, -0.0244821f, 0.015815888f,
        -0.00487411f, -0.00013701222f, 0.00064528733f, -8.272641e-05f, -7.30264e-05f,
    };
};

template <> struct Format<double> {
    static constexpr int PLACES = 52, BIAS = 1023, LOW_HALF = 27;
    static constexpr double WHOLE = 6755399441055744;  // 1.5·2⁵²
    static constexpr double LOWEST = -708.3964185322641, HIGHEST = 709.782712893384;
    static constexpr double LOG2_HIGH = 0.6931471805592082091607153;  // 40 bits
    static constexpr double LOG2_LOW = 7.37100256516779890183404e-13;
    static constexpr double EXP[] = {  // to 2.1e-17
        0.5000000000000003, 0.1666666666666658, 0.04166666666659151, 0.008333333333399322,
        0.0013888888927894158, 0.0001984126969175415, 2.4801508876267437e-05,
        2.7557436159905776e-06, 2.7624818723595044e-07, 2.504363940248122e-08,
    };
    static constexpr double LOG[] = {  // to 1.7e-18
        0.6666666666666659, 0.4000000000007819, 0.2857142855614483, 0.2222222352359851,
        0.1818175789884063, 0.15386290416259157, 0.1330421996878658, 0.1208228370442954,
        0.08437283265100089, 0.1684915312325943,
    };
    static constexpr double CDF[] = {  // 0 ≤ a ≤ 40, to 5.4e-17
        0.4956558668353369, -0.13930290771363935, 0.04509444855924523, 0.01067351221908174,
        -0.024481636401750894, 0.015813073610232174, -0.004875488066749644,
        -0.00012591965017973275, 0.0006481009735568084, -0.00010581886502283656,
        -8.06906696437818e-05, 2.2407458021750543e-05, 1.2549177396654308e-05,
        -3.6383589189680265e-06, -2.4426244448933177e-06, 4.5444421321250296e-07,
        5.198312052218169e-07, -1.1344560211881247e-08, -9.91957961516881e-08,
        -1.5365690675108612e-08, 1.1791585336677704e-08, 3.776403707345139e-09,
    };
};

// c₀ + c₁x + c₂x² + …
template <class T, int N> DR_INLINE Vec<T> polynomial(const T (&c)[N], Vec<T> x) {
    Vec<T> y = splat(c[N - 1]);
#pragma GCC unroll 32
    for (int i = N - 2; i >= 0; --i) y = y * x + c[i];
    return y;
}

// x = r + n·log 2, |r| ≤ ½ log 2, with n ready to be added to the bits of a number's exponent.
template <class T> struct Split {
    Vec<T> r;
    UVec<T> exponent;
};

template <class T> DR_INLINE Split<T> split(Vec<T> x) {
    using F = Format<T>;
    const Vec<T> whole = x * T(1.4426950408889634) + F::WHOLE, n = whole - F::WHOLE;
    return {x - n * F::LOG2_HIGH - n * F::LOG2_LOW, bits<UVec<T>>(whole) << F::PLACES};
}

template <class T> DR_INLINE Vec<T> scaled(Vec<T> v, UVec<T> exponent) {
    return bits<Vec<T>>(bits<UVec<T>>(v) + exponent);
}

template <class T> DR_INLINE Vec<T> expm1_of_small(Vec<T> r) {
    return r + r * r * polynomial(Format<T>::EXP, r);
}

// eˣ from x (for its range) and its split, whose r may hold more digits than x has.
template <class T> DR_INLINE Vec<T> exponential(Vec<T> x, Split<T> s) {
    const Vec<T> y = scaled<T>(1 + expm1_of_small<T>(s.r), s.exponent);
    const Vec<T> above = x + T(__builtin_inf());  // inf, or NaN
    return choose<T>(x <= Format<T>::HIGHEST, choose<T>(x < Format<T>::LOWEST, Vec<T>{}, y), above);
}

template <class T> DR_INLINE Vec<T> exponential(Vec<T> x) { return exponential<T>(x, split<T>(x)); }

// eˣ − 1 for x ≤ 0, with eˣ beside it.
template <class T> DR_INLINE Vec<T> exponential_minus_one(Vec<T> x, Vec<T>& exp_x) {
    const Split<T> s = split<T>(x);
    exp_x = exponential<T>(x, s);
    const Vec<T> power = scaled<T>(splat(T(1)), s.exponent);
    const Vec<T> y = power * expm1_of_small<T>(s.r) + (power - 1);
    return choose<T>(x < -40, splat(T(-1)), y);
}

// log(1 + x) for x ≥ 0:  1 + x = 2ᵏ(1 + f), and log(1 + f) = 2 artanh s with s = f/(2 + f), written
// so that f, which is exact for x < 1, dominates.
template <class T> DR_INLINE Vec<T> log_one_plus(Vec<T> x) {
    using F = Format<T>;
    const Vec<T> one = splat(T(1));
    const UVec<T> biased = bits<UVec<T>>(1 + x) >> F::PLACES;
    const UVec<T> down = bits<UVec<T>>(one) - (biased << F::PLACES);
    const Vec<T> k = bits<Vec<T>>(biased + bits<UVec<T>>(splat(F::WHOLE))) - (F::WHOLE + F::BIAS);
    const Vec<T> f = scaled<T>(x, down) + (scaled<T>(one, down) - 1);
    const Vec<T> s = f / (2 + f), square = s * s;
    const Vec<T> log_f = f - s * (f - square * polynomial(F::LOG, square));
    return choose<T>(x < T(__builtin_inf()), k * F::LOG2_HIGH + (k * F::LOG2_LOW + log_f), x);
}

// tanh x = |m/(2 + m)|,   m = e^(−2|x|) − 1, with the sign of x
template <class T> DR_INLINE Vec<T> hyperbolic_tangent(Vec<T> x) {
    Vec<T> unused;
    const Vec<T> a = magnitude<T>(x), m = exponential_minus_one<T>(-2 * a, unused);
    const Vec<T> y = magnitude<T>(m / (2 + m));
    return bits<Vec<T>>(bits<UVec<T>>(y) | (bits<UVec<T>>(x) ^ bits<UVec<T>>(a)));
}

// σ(x) = (1 if x ≥ 0, else e)/(1 + e),   e = e^(−|x|) ≤ 1                                (A12)
template <class T> DR_INLINE Vec<T> sigma(Vec<T> x, Vec<T> e) {
    return choose<T>(x < 0, e, splat(T(1))) / (1 + e);
}

template <class T> DR_INLINE Vec<T> sigma(Vec<T> x) {
    return sigma<T>(x, exponential<T>(-magnitude<T>(x)));
}

// log(1 + eˣ) = max(x, 0) + log(1 + e^(−|x|))                                            (A13)
template <class T> DR_INLINE Vec<T> soft_plus(Vec<T> x, Vec<T> e) {
    return choose<T>(x < 0, Vec<T>{}, x) + log_one_plus<T>(e);
}

// Φ(x) = ½ erfc(−x/√2), and bell = e^(−x²/2).  With |x| = h + l, h of half the digits, h² is exact:
// x² itself, rounded, would cost the far tail two digits.
template <class T> DR_INLINE Vec<T> normal_cdf(Vec<T> x, Vec<T>& bell) {
    using F = Format<T>;
    Vec<T> a = magnitude<T>(x);
    a = choose<T>(a > 40, splat(T(40)), a);  // the bell is 0 there
    const Vec<T> h = bits<Vec<T>>(bits<UVec<T>>(a) >> F::LOW_HALF << F::LOW_HALF);
    const Vec<T> high = T(-0.5) * h * h;
    Split<T> s = split<T>(high);
    s.r -= T(0.5) * (a - h) * (a + h);
    bell = exponential<T>(high, s);
    const Vec<T> tail = bell * polynomial(F::CDF, (a - 4) / (a + 4)) / (a + T(1.25));
    return choose<T>(x < 0, tail, 1 - tail);
}

}  // namespace DR_ISA
