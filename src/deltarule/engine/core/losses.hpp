// Losses of one row of scores, and ∂L/∂z written over them.                       (E0, E2–E8)
//
// c = w/(total·outputs) is multiplied in as the reference does.  Scores beyond the last output are
// padding; `within` says which lanes count.
#pragma once

#include "lanes.hpp"
#include "math.hpp"
#include "plan.hpp"

namespace DR_ISA {

using namespace deltarule;

template <class T> DR_INLINE Vec<T> sign(Vec<T> v) {
    const Vec<T> none{};
    return choose<T>(v > none, splat(T(1)), choose<T>(v < none, splat(T(-1)), v));
}

// Softmax without the target's class: 1 − p and log(1 + Σ others) keep their digits.          (E2)
// q: soft targets (n), or null where `label` is the target.
template <class T>
DR_INLINE T cross_entropy(T* z, int n, std::int64_t label, const T* q, T smoothing, T c) {
    Vec<T> most = splat(z[0]);
    for (int j = 0; j < n; j += LANES<T>)
        most = larger<T>(choose<T>(within<T>(j, n), load(z + j), most), most);
    const Vec<T> top = splat(T(0.5) * largest_of<T>(most));
    // As long as p is being made, z holds `below` = (max − z)/2.
    Vec<T> sum{};
    for (int j = 0; j < n; j += LANES<T>) {
        const Vec<T> below = top - T(0.5) * load(z + j);
        const IVec<T> counts = within<T>(j, n);
        store<T>(z + j, only<T>(counts, below));
        Vec<T> p = only<T>(counts, exponential<T>(T(-2) * below));
        if (label >= j && label < j + LANES<T>) p[label - j] = 0;
        sum += p;
    }
    const T others = sum_of<T>(sum), near = z[label];
    const T own = exponential<T>(splat(T(-2) * near))[0];
    const T log_sum = log_one_plus<T>(splat(others + (own - T(1))))[0];
    const Vec<T> share = splat(T(1) / (others + own));
    const bool hard = !q && smoothing == T(0);
    const T rest = T(1) - smoothing, even = smoothing / T(n);
    Vec<T> mass_of{}, cost_of{};
    if (!hard)
        for (int j = 0; j < n; j += LANES<T>) {
            Vec<T> y{};
            if (q) y = load(q + j);
            else if (label >= j && label < j + LANES<T>) y[label - j] = 1;
            y = only<T>(within<T>(j, n), rest * y + even);
            mass_of += y;
            cost_of += y * load(z + j);
        }
    const T mass = hard ? T(1) : sum_of<T>(mass_of);
    for (int j = 0; j < n; j += LANES<T>) {
        const Vec<T> below = load(z + j);
        const IVec<T> counts = within<T>(j, n);
        const bool here = label >= j && label < j + LANES<T>;
        Vec<T> p = share * exponential<T>(T(-2) * below);
        if (here) p[label - j] = -others * share[0];  // p − 1
        Vec<T> y{};
        if (!hard) {
            if (q) y = load(q + j);
            else if (here) y[label - j] = 1;
            y = rest * y + even;
            if (here) y[label - j] -= mass;
        }
        store<T>(z + j, only<T>(counts, c * (mass * p - y)));
    }
    return hard ? T(2) * c * near + c * log_sum : T(2) * c * sum_of<T>(cost_of) + c * mass * log_sum;
}

// The elementwise losses: value and derivative of one vector, times c.
template <Loss L, class T>
DR_INLINE void of_outputs(Vec<T> y, Vec<T> z, Vec<T> c, T option, Vec<T>& value, Vec<T>& g) {
    [[maybe_unused]] const Vec<T> none{};
    [[maybe_unused]] const Vec<T> h = T(0.5) * z - T(0.5) * y;  //                               (E10)
    if constexpr (L == Loss::binary_cross_entropy) {  //                                          (E3)
        const IVec<T> negative = z < none;
        const Vec<T> size = magnitude<T>(z), no = T(1) - y, e = exponential<T>(-size);
        value = c * size * choose<T>(negative, y, no) + c * log_one_plus<T>(e);
        g = c * (choose<T>(negative, no * e - y, no - y * e) / (T(1) + e));
    } else if constexpr (L == Loss::squared_error) {  //                                          (E4)
        g = T(4) * c * h;
        value = g * h;
    } else if constexpr (L == Loss::absolute_error) {  //                                         (E5)
        value = T(2) * c * magnitude<T>(h);
        g = c * sign<T>(z - y);
    } else if constexpr (L == Loss::huber) {  //                                                  (E6)
        const Vec<T> delta = splat(option), size = magnitude<T>(h), r = T(2) * h;
        const IVec<T> near = size <= T(0.5) * delta;
        value = choose<T>(near, T(2) * c * h * h, T(2) * c * delta * (size - T(0.25) * delta));
        g = c * choose<T>(r > delta, delta, choose<T>(r < -delta, -delta, r));
    } else if constexpr (L == Loss::poisson) {  // c·e^z, right where e^z alone would overflow     (E7)
        const Vec<T> root = exponential<T>(T(0.5) * choose<T>(c == none, T(0) * z, z));
        const Vec<T> mean = (c * root) * root;
        value = mean - c * y * z;
        g = mean - c * y;
    } else if constexpr (L == Loss::quantile) {  //                                               (E8)
        const Vec<T> side = sign<T>(z - y);
        const Vec<T> slope = choose<T>(side > none, (T(1) - option) * side, option * side);
        value = T(2) * c * slope * h;
        g = c * slope;
    }
}

template <Loss L, class T>
T elementwise_loss(T* z, const T* y, int n, T c, T option) {
    Vec<T> sum{};
    for (int j = 0; j < n; j += LANES<T>) {
        Vec<T> value, g;
        of_outputs<L, T>(load(y + j), load(z + j), splat(c), option, value, g);
        const IVec<T> counts = within<T>(j, n);
        sum += only<T>(counts, value);
        store<T>(z + j, only<T>(counts, g));
    }
    return sum_of<T>(sum);
}

// The loss of the row whose padded scores are z; ∂L/∂z replaces them.  y: padded like z, or null.
template <class T>
DR_INLINE T row_loss(const Plan<T>& plan, T* z, int n, std::int64_t row, const T* y) {
    const T weight = plan.row_weight ? plan.row_weight[row] : T(1);
    const bool classes = plan.loss == Loss::cross_entropy;
    const double whole = plan.step.total * (classes ? 1 : n);
    const T c = plan.row_weight ? weight / T(whole) : T(1.0 / whole);
    if (classes) {
        std::int64_t label = 0;
        if (!y) label = plan.labels[row];
        else
            for (int j = 1; j < n; ++j) label = y[j] > y[label] ? j : label;
        return cross_entropy<T>(z, n, label, y, plan.loss_option, c);
    }
#define DR_CASE(name) \
    case Loss::name: return elementwise_loss<Loss::name, T>(z, y, n, c, plan.loss_option);
    switch (plan.loss) { DR_LOSSES(DR_CASE) }
#undef DR_CASE
    return T(0);
}

}  // namespace DR_ISA
