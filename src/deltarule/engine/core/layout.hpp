// What a chain is trained with, and the memory in which that is done.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "plan.hpp"

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

// Owns all memory of a chain that is trained or asked, and packs weights into it.
template <class T> class Layout {
  public:
    Layout(const Config&, const Kernels<T>&);

    // The `bytes` of one, without taking them.
    static double bytes_for(const Config&, const Kernels<T>&);

    // Between row-major flat vectors, matrices first, and the packed ones.
    void load(const T* theta, const T* state, const T* average);
    void store(T* theta, T* state, T* average) const;

    const Config& config() const { return config_; }
    const Shape& shape() const { return kernels_.shape; }
    int slots() const { return second_ ? 2 : 1; }
    std::size_t bytes() const { return bytes_; }
    std::int64_t parameters() const { return parameters_; }
    double multiply_adds() const { return multiply_adds_; }  // of a full step

  protected:
    Config config_;
    Kernels<T> kernels_;
    Plan<T> plan_{};

  private:
    struct Arena;
    struct Unmade {};
    Layout(const Config&, const Kernels<T>&, Unmade);
    double measure();
    void lay_out(Arena&);
    void cut_blocks();
    template <class F> void each_row(F f) const;
    void pack(const T* flat, T* packed) const;
    void unpack(const T* packed, T* flat) const;

    std::unique_ptr<char[], void (*)(char*)> memory_;
    std::size_t bytes_ = 0;
    std::int64_t parameters_ = 0;
    double multiply_adds_ = 0;
    bool second_ = false;
};

extern template class Layout<float>;
extern template class Layout<double>;

}  // namespace deltarule
