// The module `_core`: what it is made of, and what measures it.
#include <algorithm>
#include <numeric>

#include "border.hpp"

namespace deltarule {
namespace {

double peak(const std::string& dtype, int threads, double seconds, const std::string& isa) {
    if (dtype != "float32" && dtype != "float64" && dtype != "bf16")
        refuse("dtype must be 'float32', 'float64' or 'bf16'.");
    const InstructionSet set = dtype == "bf16" ? half_set(isa, true) : instruction_set(isa);
    struct Team final : Work {
        double (*peak)(double (*)(), double);
        double seconds, rate[MOST_THREADS]{};

        void ready(int) override {}
        void work(int t) override { rate[t] = peak(now, seconds); }
    } team;
    team.peak = dtype == "bf16" ? set.of_half->peak : dtype == "float32" ? set.of_float->peak : set.of_double->peak;
    team.seconds = number(seconds, 0, 60, "seconds");
    number(threads, 1, MOST_THREADS, "threads");
    const WithoutPython released;
    run_together(threads, team);
    return std::accumulate(std::begin(team.rate), std::end(team.rate), 0.0);
}

void elementwise(const std::string& name, double option, const ReadOnly& x, const Written& y, const Written& derivative,
                 const std::string& isa) {
    const auto run = [&]<class T>(T) {
        const std::int64_t n = std::int64_t(x.size());
        const Kernels<T>& kernels = instruction_set(isa).of<T>();
        const T* from = data_of<T>(x, "x", n);
        T *to = data_of<T>(y, "y", n), *slope = data_of<T>(derivative, "derivative", n);
        const Quiet quiet(kernels.quiet);
        kernels.elementwise(activation_of(name), T(option), from, to, slope, n);
    };
    x.dtype() == nb::dtype<float>() ? run(float()) : run(double());
}

nb::tuple tuple_of(const auto& names) {
    nb::list list;
    for (const auto& name : names) list.append(name);
    return nb::tuple(list);
}

}  // namespace
}  // namespace deltarule

using namespace deltarule;

// What threadpoolctl calls; see engine/limits.py.
extern "C" {
__attribute__((visibility("default"))) int deltarule_get_num_threads() { return get_threads(); }
__attribute__((visibility("default"))) void deltarule_set_num_threads(int n) { set_threads(std::clamp(n, 1, 1024)); }
}

NB_MODULE(_core, m) {
    nb::set_leak_warnings(false);  // a daemon may hold a trainer until the process ends
    std::vector<const char*> isas;
    for (const InstructionSet& set : instruction_sets()) isas.push_back(set.name);
    m.attr("ISAS") = tuple_of(isas);
    m.attr("ACTIVATIONS") = tuple_of(ACTIVATION_NAMES);
    m.attr("LOSSES") = tuple_of(LOSS_NAMES);
    m.attr("RULES") = tuple_of(RULE_NAMES);
    m.def("set_threads", [](int n) { set_threads(int(number(n, 1, 1024, "n"))); }, "n"_a);
    m.def("get_threads", &get_threads);
    m.def("peak", &peak, "dtype"_a, "threads"_a, "seconds"_a, "isa"_a = "auto");
    m.def("elementwise", &elementwise, "name"_a, "option"_a, "x"_a, "y"_a, "derivative"_a, "isa"_a = "auto");
    m.def("amx", &state_of_amx);
    m.def("tiles_agree", [](bool fault) { return tiles::tiled.agree(fault); }, "fault"_a);
    bind_inference(m);
    bind_training(m);
}
