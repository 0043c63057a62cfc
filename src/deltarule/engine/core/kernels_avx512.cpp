#include "kernels.hpp"

#if defined(__AVX512F__)  // empty for processors of another family
namespace deltarule::avx512 {
constinit const Kernels<float> of_float = ::DR_ISA::kernels<float>();
constinit const Kernels<float> of_half = ::DR_ISA::kernels<float, Half>();
constinit const Kernels<double> of_double = ::DR_ISA::kernels<double>();
}  // namespace deltarule::avx512
#endif
