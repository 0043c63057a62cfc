// Executes the instructions of matrix tiles (AMX) where the processor has none: each one is a trap,
// and the handler does what Intel's manual says, from the bytes of the instruction and the registers.
//
// So what a compiler made of kernels_amx.cpp runs here, with its shapes, addresses and steps.  The
// arithmetic is written apart from that of the engine's emulated tiles.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <csignal>
#include <cstdlib>
#include <ucontext.h>

namespace traps {

struct Tiles {
    bool configured;
    std::uint16_t row_bytes[8];
    std::uint8_t rows[8], data[8][16][64];
};
inline thread_local Tiles tiles;

inline void refuse(int) {
    signal(SIGILL, SIG_DFL);  // on return it traps again, for good
}

inline float as_float(std::uint16_t half) {
    const std::uint32_t bits = (half & 0x7F80) ? std::uint32_t(half) << 16 : std::uint32_t(half & 0x8000) << 16;
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}

// The number of a register and its value, as they stand in a signal's context.
inline std::uint64_t value_of(const ucontext_t* context, int number) {
    constexpr int AT[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                          REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return std::uint64_t(context->uc_mcontext.gregs[AT[number]]);
}

inline void multiply(int to, int left, int right) {
    for (int i = 0; i < tiles.rows[to]; ++i)
        for (int j = 0; j < tiles.row_bytes[to] / 4; ++j) {
            float part[2] = {0, 0}, sum;
            for (int k = 0; k < tiles.row_bytes[left] / 4; ++k)
                for (int half = 0; half < 2; ++half) {
                    std::uint16_t x, w;
                    std::memcpy(&x, tiles.data[left][i] + 4 * k + 2 * half, 2);
                    std::memcpy(&w, tiles.data[right][k] + 4 * j + 2 * half, 2);
                    part[half] = std::fma(as_float(x), as_float(w), part[half]);
                }
            std::memcpy(&sum, tiles.data[to][i] + 4 * j, 4);
            sum += part[0] + part[1];
            std::memcpy(tiles.data[to][i] + 4 * j, &sum, 4);
        }
}

inline void execute(int, siginfo_t*, void* given) {
    ucontext_t* context = static_cast<ucontext_t*>(given);
    const auto* code = reinterpret_cast<const std::uint8_t*>(context->uc_mcontext.gregs[REG_RIP]);
    // Three bytes of VEX: 0F38 opcodes, W = 0, 128 bits; then the opcode and ModRM.
    if (code[0] != 0xC4 || (code[1] & 0x1F) != 2 || (code[2] & 0x84)) return refuse(0);
    const int prefix = code[2] & 3, opcode = code[3], mode = code[4] >> 6, reg = code[4] >> 3 & 7, rm = code[4] & 7;
    const int more_index = code[1] & 0x40 ? 0 : 8, more_base = code[1] & 0x20 ? 0 : 8;
    const std::uint8_t* next = code + 5;
    char* memory = nullptr;
    std::int64_t step = 0;
    if (mode != 3) {
        int base = rm + more_base;
        std::uint64_t at = 0;
        if (rm == 4) {
            const int index = (*next >> 3 & 7) + more_index, scale = *next >> 6;
            base = (*next++ & 7) + more_base;
            step = index == 4 ? 0 : std::int64_t(value_of(context, index) << scale);
        }
        if (mode == 0 && (base & 7) == 5) return refuse(0);  // no base, or RIP: not made of our code
        at = value_of(context, base);
        std::int32_t far;
        if (mode == 1) at += std::int64_t(std::int8_t(*next++));
        if (mode == 2) std::memcpy(&far, next, 4), at += std::int64_t(far), next += 4;
        memory = reinterpret_cast<char*>(at);
    }
    if (opcode != 0x49 && !tiles.configured) return refuse(0);
    if (opcode == 0x49 && prefix == 0 && memory) {  // LDTILECFG
        if (memory[0] != 1 || memory[1] != 0) return refuse(0);
        for (int i = 2; i < 16; ++i)
            if (memory[i]) return refuse(0);
        tiles = {};
        tiles.configured = true;
        for (int i = 0; i < 16; ++i) {
            std::uint16_t bytes;
            std::memcpy(&bytes, memory + 16 + 2 * i, 2);
            const auto rows = std::uint8_t(memory[48 + i]);
            if (i < 8 ? bytes > 64 || bytes % 4 || rows > 16 || !bytes != !rows : bytes || rows) return refuse(0);
            if (i < 8) tiles.row_bytes[i] = bytes, tiles.rows[i] = rows;
        }
    } else if (opcode == 0x49 && prefix == 0 && code[4] == 0xC0) {  // TILERELEASE
        tiles = {};
    } else if (opcode == 0x49 && prefix == 3 && mode == 3 && tiles.configured) {  // TILEZERO
        std::memset(tiles.data[reg], 0, sizeof tiles.data[reg]);
    } else if (opcode == 0x4B && memory && prefix >= 2) {  // TILELOADD, TILESTORED
        if (prefix == 3) std::memset(tiles.data[reg], 0, sizeof tiles.data[reg]);
        for (int i = 0; i < tiles.rows[reg]; ++i, memory += step)
            if (prefix == 3) std::memcpy(tiles.data[reg][i], memory, tiles.row_bytes[reg]);
            else std::memcpy(memory, tiles.data[reg][i], tiles.row_bytes[reg]);
    } else if (opcode == 0x5C && mode == 3 && prefix == 2) {  // TDPBF16PS
        const int right = ~(code[2] >> 3) & 15;
        if (tiles.rows[reg] != tiles.rows[rm] || tiles.row_bytes[reg] != tiles.row_bytes[right] ||
            tiles.row_bytes[rm] != 4 * tiles.rows[right] || reg == rm || reg == right || rm == right)
            return refuse(0);
        multiply(reg, rm, right);
    } else {
        return refuse(0);
    }
    context->uc_mcontext.gregs[REG_RIP] += next - code;
}

// Whether from now on such instructions are executed here.
inline bool set() {
    if (!__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512bw")) return false;
    struct sigaction action{};
    action.sa_sigaction = execute;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    return sigaction(SIGILL, &action, nullptr) == 0;
}

}  // namespace traps
#else
namespace traps {
inline bool set() { return false; }
}  // namespace traps
#endif
