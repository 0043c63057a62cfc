// What the files at the border to Python share: everything that comes in is checked there, once;
// nothing can crash behind it.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "amx.hpp"
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
    ~WithoutPython() {
        try {
            PyEval_RestoreThread(state_);
        } catch (...) {
            for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
        }
    }

  private:
    PyThreadState* state_ = PyEval_SaveThread();
};

// -- checks -------------------------------------------------------------------------------------------

[[noreturn]] inline void refuse(const std::string& what) { throw nb::value_error(what.c_str()); }

inline double number(double value, double low, double high, const char* name) {
    if (!(value >= low && value <= high)) refuse(std::string(name) + " is out of range.");
    return value;
}

inline int named(const std::string& name, const auto& table, const char* kind) {
    const auto found = std::find(std::begin(table), std::end(table), name);
    if (found == std::end(table)) refuse("Unknown " + std::string(kind) + " '" + name + "'.");
    return int(found - std::begin(table));
}

inline Activation activation_of(const std::string& name) {
    return Activation(named(name, ACTIVATION_NAMES, "activation"));
}

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

inline Rows rows_of(const ReadOnly& X, int features) {
    if (X.ndim() != 2 || X.shape(1) != std::size_t(features))
        refuse("X has the shape " + shape_of(X) + "; needed is (n, " + std::to_string(features) + ").");
    Rows rows{};
    std::ptrdiff_t size;
    if (X.dtype() == nb::dtype<std::uint8_t>()) rows.type = Pixel::uint8, size = 1;
    else if (X.dtype() == nb::dtype<float>()) rows.type = Pixel::float32, size = 4;
    else if (X.dtype() == nb::dtype<double>()) rows.type = Pixel::float64, size = 8;
    else refuse("X must be uint8, float32 or float64.");
    rows.data = static_cast<const char*>(X.data());
    rows.row = X.stride(0) * size, rows.column = X.stride(1) * size;
    return rows;
}

// Sizes, activations and scaling; the rest of a Config is the caller's.
inline void check_sizes(const std::vector<int>& sizes) {
    for (int n : sizes)
        if (n < 1 || n > (1 << 30)) refuse("Every size must lie in 1 … 2³⁰.");
    double parameters = 0;  // no integer: what does not fit must not wrap around to what does
    for (std::size_t i = 1; i < sizes.size(); ++i) parameters += (double(sizes[i - 1]) + 1) * sizes[i];
    if (parameters > 0x1p60) throw std::bad_alloc();
}

inline Config chain_of(std::vector<int> sizes, const std::vector<Named>& activations, const Scale& shift,
                       const Scale& factor, bool scaled) {
    if (sizes.size() < 2 || activations.size() != sizes.size() - 2)
        refuse("There must be one activation for each hidden layer.");
    check_sizes(sizes);
    const std::size_t features = std::size_t(sizes[0]);
    if (shift.size() != features || factor.size() != features)
        refuse("shift and factor must hold one number for each feature.");
    Config config;
    config.sizes = std::move(sizes);
    for (const auto& [name, option] : activations) config.hidden.push_back({activation_of(name), option, 0, 0});
    config.shift.assign(shift.data(), shift.data() + features);
    config.factor.assign(factor.data(), factor.data() + features);
    config.scaled = scaled;
    return config;
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
inline const std::vector<InstructionSet>& instruction_sets() {
    static const std::vector<InstructionSet> found = [] {
        std::vector<InstructionSet> sets{{"baseline", &baseline::of_float, &baseline::of_half, &baseline::of_double}};
#if defined(__x86_64__)
        if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return sets;
        sets.push_back({"avx2", &avx2::of_float, &avx2::of_half, &avx2::of_double});
        if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq") ||
            !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512bw"))
            return sets;
        const bool pairs = __builtin_cpu_supports("avx512bf16");
        sets.push_back({"avx512", &avx512::of_float, pairs ? &avx512bf16::of_half : &avx512::of_half,
                        &avx512::of_double});
#endif
        return sets;
    }();
    return found;
}

inline const InstructionSet& instruction_set(const std::string& name) {
    const auto& sets = instruction_sets();
    if (name == "auto") return sets.back();
    for (const InstructionSet& one : sets)
        if (name == one.name) return one;
    refuse("This processor does not have the instruction set '" + name + "'.");
}

// Of bf16; by tiles where there are any and they are filled, by emulated ones where these are asked for.
inline InstructionSet half_set(const std::string& name, bool filled) {
    if (name == "tiles") return {"tiles", nullptr, tiles::tiled.of_half, nullptr};
    if (name == "auto" && filled && amx_in_use()) return {"amx", nullptr, amx::tiled.of_half, nullptr};
    return instruction_set(name);
}

}  // namespace deltarule
