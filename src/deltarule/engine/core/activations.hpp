// Activations: y = f(z) and d = f′(z), lane by lane; ∂L/∂z is then g·d.                   (A0)
//
// The formulas, the subgradients at kinks and the clips are those of mathematics/activations.py.
#pragma once

#include "math.hpp"
#include "names.hpp"

namespace DR_ISA {

using deltarule::Activation;

// option is the slope of leaky_relu and the α of elu; the others ignore it.
template <Activation A, class T> DR_INLINE void activate(T option, Vec<T> z, Vec<T>& y, Vec<T>& d) {
    const Vec<T> zero = {}, one = splat(T(1));
    if constexpr (A == Activation::identity) {  // (A1)
        y = z;
        d = one;
    } else if constexpr (A == Activation::relu) {  // (A2)
        y = choose<T>(z > 0, z, zero);
        d = choose<T>(z > 0, one, zero);
    } else if constexpr (A == Activation::leaky_relu) {  // (A3)
        y = choose<T>(z > 0, z, option * z);
        d = choose<T>(z > 0, one, splat(option));
    } else if constexpr (A == Activation::elu) {  // (A4)
        Vec<T> e;
        const Vec<T> m = exponential_minus_one<T>(z, e);
        y = choose<T>(z > 0, z, option * m);
        d = choose<T>(z > 0, one, option * e);
    } else if constexpr (A == Activation::selu) {  // (A5)  λ·elu(z; α)
        activate<Activation::elu, T>(T(1.6732632423543772), z, y, d);
        y *= T(1.0507009873554805);
        d *= T(1.0507009873554805);
    } else if constexpr (A == Activation::gelu) {  // (A6)  Φ + z·φ,  φ = e^(−z²/2)/√(2π)
        Vec<T> bell;
        const Vec<T> cdf = normal_cdf<T>(z, bell);
        y = z * cdf;
        d = cdf + z * (bell * T(0.3989422804014327));
    } else if constexpr (A == Activation::silu) {  // (A7)
        const Vec<T> s = sigma<T>(z);
        y = z * s;
        d = s * (1 + z * (1 - s));
    } else if constexpr (A == Activation::mish) {  // (A8)  τ = (u² − 1)/(u² + 1),  u = 1 + eᶻ
        const Vec<T> e = exponential<T>(-magnitude<T>(z));  // above 0 both are divided by e²ᶻ
        const Vec<T> top = choose<T>(z < 0, e * (e + 2), 1 + 2 * e);
        const Vec<T> rest = choose<T>(z < 0, splat(T(2)), 2 * e * e);
        const Vec<T> t = top / (top + rest), below_one = rest / (top + rest);
        y = z * t;
        d = t + z * (below_one * (1 + t) * sigma<T>(z, e));  // (1 − τ)(1 + τ)σ
    } else if constexpr (A == Activation::tanh) {  // (A9)
        y = hyperbolic_tangent<T>(z);
        d = 1 - y * y;
    } else if constexpr (A == Activation::sigmoid) {  // (A10)
        y = sigma<T>(z);
        d = y * (1 - y);
    } else {  // (A11)
        static_assert(A == Activation::softplus);
        const Vec<T> e = exponential<T>(-magnitude<T>(z));
        y = soft_plus<T>(z, e);
        d = sigma<T>(z, e);
    }
}

}  // namespace DR_ISA
