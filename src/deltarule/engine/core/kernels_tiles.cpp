// The kernels of kernels_amx.cpp on emulated tiles, for any processor: for tests, never for speed.
#define DR_EMULATED_TILES
#include "kernels.hpp"

namespace deltarule::tiles {
constinit const Kernels<float> of_half = ::DR_ISA::kernels<float, Half>();
constinit const Tiled tiled{&of_half, ::DR_ISA::tiles_agree};
}  // namespace deltarule::tiles
