#include "kernels.hpp"

namespace deltarule::avx512bf16 {
constinit const Kernels<float> of_half = ::DR_ISA::kernels<float, Half>();
}  // namespace deltarule::avx512bf16
