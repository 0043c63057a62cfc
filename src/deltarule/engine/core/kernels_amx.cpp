#include "kernels.hpp"

namespace deltarule::amx {
#if defined(DR_TILES)
constinit const Kernels<float> of_half = ::DR_ISA::kernels<float, Half>();
constinit const Tiled tiled{&of_half, ::DR_ISA::tiles_agree};
#else  // the compiler does not know them, or the processor is of another family
constinit const Tiled tiled{nullptr, nullptr};
#endif
}  // namespace deltarule::amx
