// Threads that wait for work, and the barrier at which they wait for each other.
//
// Compiled once, for any processor: templates of the standard library must not be instantiated in
// files that are compiled for one, or the linker might keep that copy for all.
#pragma once

#include <atomic>
#include <cstdint>

namespace deltarule {

class Barrier {
  public:
    // Waits until all `threads` have come; the last one calls serial(argument) before it opens.
    void wait(int threads, void (*serial)(void*), void* argument);

  private:
    std::atomic<int> arrived_{0};
    std::atomic<std::uint32_t> round_{0};
};

constexpr int MOST_THREADS = 64;  // of one call

// Calls work(argument, t) for t = 0 … threads − 1, the first on the caller's thread.  They may be
// fewer, where the pool is busy with another call or no thread can be made: `ready` is told how many
// before any work begins.
void run_together(int threads, void (*ready)(void*, int), void (*work)(void*, int), void* argument);

}  // namespace deltarule
