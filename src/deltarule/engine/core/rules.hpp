// Decay and the update rules, a vector of parameters at a time.                    (R1, O1–O5)
//
// Denormal numbers are flushed to zero by the processor while a training runs, which does what
// the reference's flush of the rules' memory does (O7).
#pragma once

#include "lanes.hpp"
#include "plan.hpp"

namespace DR_ISA {

using namespace deltarule;

// The constants of a step, one per vector register or folded into the instruction.
template <class T> struct Pace {
    Vec<T> rate, keep, l2, beta1, beta2, rest1, rest2, epsilon, a, b, root;
};

template <Rule R, class T>
DR_INLINE Vec<T> change(const Plan<T>& plan, const Pace<T>& s, Vec<T> g, Vec<T>& m, Vec<T>& v) {
    if constexpr (R == Rule::sgd) {  // u ← μu + ∇;  Δ = η·u, or η·(∇ + μu)                     (O1)
        m = s.beta1 * m + g;
        return s.rate * (plan.nesterov ? s.beta1 * m + g : m);
    } else if constexpr (R == Rule::rmsprop) {  // v ← ρv + (1 − ρ)∇²;  Δ = η·∇/(√v + ε)        (O2)
        m = s.beta1 * m + s.rest1 * (g * g);
        return s.rate * (g / (square_root<T>(m) + s.epsilon));
    } else if constexpr (R == Rule::lion) {  // Δ = η·sign(β₁m + (1 − β₁)∇), then m             (O5)
        const Vec<T> c = m + s.rest1 * (g - m), none = Vec<T>{};
        m = s.beta2 * m + s.rest2 * g;
        return choose<T>(c > none, s.rate, choose<T>(c < none, -s.rate, c));
    } else {  // m ← β₁m + (1 − β₁)∇;  v ← β₂v + (1 − β₂)∇²                                     (O3)
        m = s.beta1 * m + s.rest1 * g;
        v = s.beta2 * v + s.rest2 * (g * g);
        const Vec<T> spread = s.root * square_root<T>(v) + s.epsilon;  // √v̂ + ε
        if constexpr (R == Rule::adam) return s.a * m / spread;       // a = η/(1 − β₁ᵗ)
        else return s.rate * ((s.a * g + s.b * m) / spread);          //                        (O4)
    }
}

// θ ← θ(1 − ηλ) − Δ(∇ + λ₂θ) on n parameters from `at` on; of biases neither decay nor penalty.
// Returns 0, or NaN where ∇ holds what is not finite: in a register, it costs no time.
template <Rule R, class T>
T apply_rule(const Plan<T>& plan, std::ptrdiff_t at, const T* grad, std::ptrdiff_t n, bool matrix) {
    constexpr bool second = R == Rule::adam || R == Rule::nadam;
    const Step<T>& step = plan.step;
    Pace<T> s;
    s.rate = splat(step.rate);
    s.keep = splat(matrix ? step.keep : T(1));
    s.l2 = splat(matrix ? step.l2 : T(0));
    s.beta1 = splat(plan.beta1), s.beta2 = splat(plan.beta2);
    s.rest1 = splat(plan.rest1), s.rest2 = splat(plan.rest2);
    s.epsilon = splat(plan.epsilon);
    s.a = splat(R == Rule::adam ? step.rate / step.a : step.a);
    s.b = splat(step.b);
    s.root = splat(T(1)) / square_root<T>(splat(R == Rule::adam ? step.b : step.c));
    const Vec<T> pace = splat(step.pace);
    T *theta = plan.theta + at, *m = plan.memory1 + at, *v = plan.memory2 + at;
    T* average = plan.average ? plan.average + at : nullptr;
    Vec<T> odd{};
    for (std::ptrdiff_t i = 0; i < n; i += LANES<T>) {
        const Vec<T> old = load(theta + i);
        Vec<T> first = load(m + i), squares = second ? load(v + i) : Vec<T>{};
        const Vec<T> g = s.l2 * old + load(grad + i);
        odd += g * Vec<T>{};  // 0 but for ∞ and NaN
        const Vec<T> now = s.keep * old - change<R, T>(plan, s, g, first, squares);
        store<T>(theta + i, now);
        store<T>(m + i, first);
        if constexpr (second) store<T>(v + i, squares);
        if (average) {
            const Vec<T> mean = load(average + i);
            store<T>(average + i, pace * (now - mean) + mean);
        }
    }
    return sum_of<T>(odd);
}

template <class T>
DR_INLINE T apply_rule_of_plan(const Plan<T>& plan, std::ptrdiff_t at, const T* grad,
                               std::ptrdiff_t n, bool matrix) {
#define DR_CASE(name) \
    case Rule::name: return apply_rule<Rule::name, T>(plan, at, grad, n, matrix);
    switch (plan.rule) { DR_RULES(DR_CASE) }
#undef DR_CASE
    return T(0);
}

}  // namespace DR_ISA
