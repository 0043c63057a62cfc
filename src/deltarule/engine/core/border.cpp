#include "border.hpp"

#include <chrono>
#include <new>
#include <thread>

namespace deltarule {

WithoutPython::~WithoutPython() {
    try {
        PyEval_RestoreThread(state_);
    } catch (...) {
        for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
}

void refuse(const std::string& what) { throw nb::value_error(what.c_str()); }

double number(double value, double low, double high, const char* name) {
    if (!(value >= low && value <= high)) refuse(std::string(name) + " is out of range.");
    return value;
}

int named(const std::string& name, const char* const* table, int n, const char* kind) {
    const int found = index_of(name.c_str(), table, n);
    if (found < 0) refuse("Unknown " + std::string(kind) + " '" + name + "'.");
    return found;
}

Activation activation_of(const std::string& name) {
    return Activation(named(name, ACTIVATION_NAMES, ACTIVATIONS, "activation"));
}

Config chain_of(std::vector<int> sizes, const std::vector<Named>& activations, const Scale& shift, const Scale& factor,
                bool scaled) {
    if (sizes.size() < 2 || activations.size() != sizes.size() - 2)
        refuse("There must be one activation for each hidden layer.");
    for (int n : sizes)
        if (n < 1 || n > (1 << 30)) refuse("Every size must lie in 1 … 2³⁰.");
    double parameters = 0;  // no integer: what does not fit must not wrap around to what does
    for (std::size_t i = 1; i < sizes.size(); ++i) parameters += (double(sizes[i - 1]) + 1) * sizes[i];
    if (parameters > 0x1p60) throw std::bad_alloc();
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

Rows rows_of(const ReadOnly& X, int features) {
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

const std::vector<InstructionSet>& instruction_sets() {
    static const std::vector<InstructionSet> found = [] {
        std::vector<InstructionSet> sets{{"baseline", &baseline::of_float, &baseline::of_half, &baseline::of_double}};
#if defined(__x86_64__)
        if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return sets;
        sets.push_back({"avx2", &avx2::of_float, &avx2::of_half, &avx2::of_double});
        if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq") ||
            !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512bw"))
            return sets;
        const bool pairs = __builtin_cpu_supports("avx512bf16");
        sets.push_back({"avx512", &avx512::of_float, pairs ? &avx512bf16::of_half : &avx512::of_half, &avx512::of_double});
#endif
        return sets;
    }();
    return found;
}

const InstructionSet& instruction_set(const std::string& name) {
    const auto& sets = instruction_sets();
    if (name == "auto") return sets.back();
    for (const InstructionSet& one : sets)
        if (name == one.name) return one;
    refuse("This processor does not have the instruction set '" + name + "'.");
}

}  // namespace deltarule
