#include "amx.hpp"

#include "plan.hpp"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace deltarule {
namespace {

constexpr char IN_USE[] = "in use";

const char* find() {
#if defined(__x86_64__) && defined(__linux__)
    unsigned a, b, c, d;
    constexpr unsigned BF16 = 1u << 22, TILE = 1u << 24, SAVES_STATE = 1u << 27;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & (BF16 | TILE)) != (BF16 | TILE)) return "";
    if (!__builtin_cpu_supports("avx512bf16")) return "";
    if (!amx::tiled.of_half) return "not used: this engine was built by a compiler that does not know it";
    unsigned saved = 0, high;
    if (__get_cpuid(1, &a, &b, &c, &d) && (c & SAVES_STATE)) asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    constexpr unsigned STATE = 3u << 17;
    constexpr long ASK = 0x1023, DATA = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    if ((saved & STATE) != STATE || syscall(SYS_arch_prctl, ASK, DATA) != 0)
        return "not used: the system does not allow it";
    if (!amx::tiled.agree(false)) return "not used: it multiplied otherwise than it should";
    return IN_USE;
#else
    return "";
#endif
}

}  // namespace

const char* state_of_amx() {
    static const char* const state = find();
    return state;
}

bool amx_in_use() { return state_of_amx() == IN_USE; }

}  // namespace deltarule
