// Threads that wait for work, and the barrier at which they wait for each other.
#pragma once

#include <atomic>
#include <cstdint>

namespace deltarule {

class Barrier {
  public:
    // Waits until all `threads` have come; the last one calls serial() before it opens.
    template <class F> void wait(int threads, F serial) {
        if (!comes_last(threads)) return;
        serial();
        open();
    }

  private:
    bool comes_last(int threads);  // false, when it has been opened, to all others
    void open();

    std::atomic<int> arrived_{0};
    std::atomic<std::uint32_t> round_{0};
};

// What several threads do together.
class Work {
  public:
    virtual void ready(int threads) = 0;  // how many they are, before any begins
    virtual void work(int t) = 0;         // t = 0 … threads − 1, the first on the caller's thread

  protected:
    ~Work() = default;
};

constexpr int MOST_THREADS = 64;  // of one call

// Has `threads` of them work; 0: as many as set_threads allows, fewer while other processes want the
// processors.  They are fewer, too, where the pool is busy with another call or no thread can be made.
void run_together(int threads, Work&);

void set_threads(int n);
int get_threads();
double now();  // seconds of a clock that never goes back

}  // namespace deltarule
