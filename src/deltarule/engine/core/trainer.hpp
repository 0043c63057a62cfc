// The loop over steps, and over rows whose scores are asked for.
#pragma once

#include "layout.hpp"
#include "pool.hpp"

namespace deltarule {

// While it lives this thread takes denormal numbers for zero.
class Quiet {
  public:
    using Switch = void (*)(bool, unsigned long long*);

    explicit Quiet(Switch of) : switch_(of) { switch_(true, &kept_); }
    ~Quiet() { switch_(false, &kept_); }

  private:
    Switch switch_;
    unsigned long long kept_;
};

// What one call of `advance` works on.
template <class T> struct Course {
    Rows rows;
    const std::int64_t* labels;
    const T *targets, *weight;
    const std::int64_t* order;  // no row twice in a batch: two threads would write its scores
    std::int64_t n_order;
    const std::int64_t* places;  // of the input of each row of the order; null: the order itself
    const double *lr, *scalars, *pace;
    int n_scalars;
    std::uint64_t dropout_key, t;
    T* scores;
    double* losses;
    double seconds;
};

template <class T> class Trainer : public Layout<T> {
  public:
    using Layout<T>::Layout;

    // Steps until the order ends, time is up, or after one whose loss or ∇ is not finite; how many.
    // By so many threads, with the same bits; 0: by as many as are worth it.
    std::int64_t advance(const Course<T>&, int threads);

    // The scores of n rows; −1, or the first row whose input is not finite in T.
    std::int64_t forward(const Rows&, std::int64_t n, T* scores, int threads);

    int threads() const { return this->plan_.threads; }  // of the last call
    bool gradient_is_finite() const { return gradient_is_finite_; }  // of the last step

  private:
    struct Run;
    struct Answer;
    bool gradient_is_finite_ = true;
};

extern template class Trainer<float>;
extern template class Trainer<double>;

}  // namespace deltarule
