#include "kernels.hpp"

#if defined(__AVX512BF16__)  // empty for processors of another family
namespace deltarule::avx512bf16 {
constinit const Kernels<float> of_half = ::DR_ISA::kernels<float, Half>();
}  // namespace deltarule::avx512bf16
#endif
