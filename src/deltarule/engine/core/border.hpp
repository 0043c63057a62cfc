// What the files at the border to Python share: everything that comes in is checked there, once;
// nothing can crash behind it.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "trainer.hpp"

namespace deltarule {

namespace nb = nanobind;
using namespace nb::literals;

using Written = nb::ndarray<nb::device::cpu>;
using ReadOnly = nb::ndarray<nb::ro, nb::device::cpu>;
using Scale = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Named = std::tuple<std::string, double>;

void bind_training(nb::module_&);
void bind_inference(nb::module_&);

// Releases the GIL.  A thread that asks for it when Python has shut down is ended by unwinding it,
// which no destructor survives: it sleeps instead, until the process ends.
class WithoutPython {
  public:
    ~WithoutPython();

  private:
    PyThreadState* state_ = PyEval_SaveThread();
};

// -- checks -------------------------------------------------------------------------------------------

[[noreturn]] void refuse(const std::string& what);
double number(double value, double low, double high, const char* name);
int named(const std::string& name, const char* const* table, int n, const char* kind);
Activation activation_of(const std::string& name);

// Sizes, activations and scaling; the rest of a Config is the caller's.
Config chain_of(std::vector<int> sizes, const std::vector<Named>& activations, const Scale& shift, const Scale& factor,
                bool scaled);
Rows rows_of(const ReadOnly& X, int features);

std::string shape_of(const auto& a) {
    std::string s = "(";
    for (std::size_t i = 0; i < a.ndim(); ++i) s += (i ? ", " : "") + std::to_string(a.shape(i));
    return s + ")";
}

// The data of a C-contiguous array of T with these many entries in all.
template <class T, class A> auto* data_of(const A& a, const char* name, std::int64_t size) {
    if (a.dtype() != nb::dtype<T>()) refuse(std::string(name) + " has the wrong dtype.");
    std::int64_t step = 1;
    for (std::size_t i = a.ndim(); i-- > 0; step *= std::int64_t(a.shape(i)))
        if (a.size() && a.shape(i) > 1 && a.stride(i) != step) refuse(std::string(name) + " is not C-contiguous.");
    if (std::int64_t(a.size()) != size)
        refuse(std::string(name) + " has the shape " + shape_of(a) + ", which is not " + std::to_string(size) +
               " numbers.");
    if constexpr (std::is_same_v<A, ReadOnly>) return static_cast<const T*>(a.data());
    else return static_cast<T*>(a.data());
}

// The same of a matrix of these axes in this order.
template <class T> auto* matrix_of(const auto& a, const char* name, std::int64_t n, std::int64_t columns) {
    if (a.ndim() != 2 || std::int64_t(a.shape(0)) != n || std::int64_t(a.shape(1)) != columns)
        refuse(std::string(name) + " has the shape " + shape_of(a) + "; needed is (" + std::to_string(n) + ", " +
               std::to_string(columns) + ").");
    return data_of<T>(a, name, n * columns);
}

// -- instruction sets ---------------------------------------------------------------------------------

// What one has for each kind of numbers; `of_half` multiplies bf16 pairs by the best that there is.
struct InstructionSet {
    const char* name;
    const Kernels<float>*of_float, *of_half;
    const Kernels<double>* of_double;

    template <class T> const Kernels<T>& of() const {
        if constexpr (sizeof(T) == 4) return *of_float;
        else return *of_double;
    }
};

// Those that this processor has, slowest first; `auto` is the last.
const std::vector<InstructionSet>& instruction_sets();
const InstructionSet& instruction_set(const std::string& name);

}  // namespace deltarule
