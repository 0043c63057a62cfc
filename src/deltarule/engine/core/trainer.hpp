// The chain of layers that is trained or asked: its memory, and the loop over steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "plan.hpp"
#include "pool.hpp"

namespace deltarule {

struct Hidden {
    Activation activation;
    double option;         // slope or α
    double rate;           // of dropout
    std::uint64_t place;   // of the dropout in the chain

    bool operator==(const Hidden&) const = default;
};

struct Config {
    std::vector<int> sizes;
    std::vector<Hidden> hidden;
    Loss loss = Loss::squared_error;
    double loss_option = 0;
    Rule rule = Rule::sgd;
    double beta1 = 0, beta2 = 0, epsilon = 0;
    bool nesterov = false;
    double weight_decay = 0, l2 = 0, clip = 0;
    bool average = false;
    std::vector<double> shift, factor;
    bool scaled = false;
    int batch = 1;
    bool half = false;     // operands of products are rounded to bf16
    bool training = true;  // otherwise only forward, and no memory for more

    bool operator==(const Config&) const = default;
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

template <class T> class Trainer {
  public:
    Trainer(const Config&, const Kernels<T>&);

    // What one would hold, without taking it.
    static double bytes_for(const Config&, const Kernels<T>&);

    // Between row-major flat vectors, matrices first, and the packed ones.
    void load(const T* theta, const T* state, const T* average);
    void store(T* theta, T* state, T* average) const;

    // Steps until the order ends, time is up, or after one whose loss is not finite; how many.
    std::int64_t advance(const Course<T>&, int threads);

    // The scores of n rows; −1, or the first row whose input is not finite in T.
    std::int64_t forward(const Rows&, std::int64_t n, T* scores, int threads);

    const Config& config() const { return config_; }
    const Shape& shape() const { return kernels_.shape; }
    int slots() const { return second_ ? 2 : 1; }
    std::size_t bytes() const { return bytes_; }
    std::int64_t parameters() const { return parameters_; }
    double multiply_adds() const { return multiply_adds_; }  // of a full step

  private:
    struct Arena;
    struct Run;
    Trainer(const Config&, const Kernels<T>&, std::nullptr_t no_memory);
    double measure();
    void lay_out(Arena&);
    void cut_blocks();
    template <class F> void each_row(F f) const;
    void pack(const T* flat, T* packed) const;
    void unpack(const T* packed, T* flat) const;
    int threads_for(int wanted) const;

    Config config_;
    Kernels<T> kernels_;
    Plan<T> plan_{};
    std::unique_ptr<char[], void (*)(char*)> memory_;
    std::size_t bytes_ = 0;
    std::int64_t parameters_ = 0;
    double multiply_adds_ = 0;
    bool second_ = false;
};

extern template class Trainer<float>;
extern template class Trainer<double>;

void set_threads(int n);
int get_threads();
double now();  // seconds of a clock that never goes back

}  // namespace deltarule
