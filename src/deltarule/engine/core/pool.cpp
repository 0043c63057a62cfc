#include "pool.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace deltarule {
namespace {

// Long enough for what others still have to do between two barriers, too short to be felt.
constexpr int SPINS = 4000;

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Waits until `value` is no longer `old`.
void wait_for_change(std::atomic<std::uint32_t>& value, std::uint32_t old) {
    for (int i = 0; i < SPINS; ++i) {
        if (value.load(std::memory_order_acquire) != old) return;
        relax();
    }
    while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

class Pool {
  public:
    bool enter() { return busy_.try_lock(); }
    void leave() { busy_.unlock(); }

    // Makes workers until there are n, or the system refuses; returns how many there are.
    int grow(int n) {
        while (int(workers_) < n) {
            try {
                std::thread([this, id = workers_ + 1, seen = round_.load()] { serve(id, seen); }).detach();
            } catch (const std::exception&) {
                break;
            }
            ++workers_;
        }
        return workers_ < n ? workers_ : n;
    }

    void run(int helpers, void (*work)(void*, int), void* argument) {
        work_ = work;
        argument_ = argument;
        pending_.store(std::uint32_t(helpers), std::memory_order_relaxed);
        const std::uint32_t number = round_.load(std::memory_order_relaxed) / MOST_THREADS + 1;
        round_.store(number * MOST_THREADS + std::uint32_t(helpers), std::memory_order_release);
        round_.notify_all();
        work(argument, 0);
        for (std::uint32_t left; (left = pending_.load(std::memory_order_acquire)) != 0;)
            wait_for_change(pending_, left);
    }

  private:
    void serve(int id, std::uint32_t seen) {
        for (;;) {
            wait_for_change(round_, seen);
            // A round does not end before those whom it calls: only they may read what it is about.
            seen = round_.load(std::memory_order_acquire);
            if (id > int(seen % MOST_THREADS)) continue;
            work_(argument_, id);
            if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_all();
        }
    }

    std::mutex busy_;
    int workers_ = 0;
    std::atomic<std::uint32_t> round_{0};  // its number and how many workers it calls
    std::atomic<std::uint32_t> pending_{0};
    void (*work_)(void*, int) = nullptr;
    void* argument_ = nullptr;
};

// The pool of this process.  Pools are never destroyed: their threads sleep until the process ends.
constinit std::atomic<Pool*> own{nullptr};

#if !defined(_WIN32)  // a fork has its parent's memory but none of its threads: it makes a new pool
[[maybe_unused]] const int at_fork = pthread_atfork(nullptr, nullptr, [] { own = nullptr; });
#endif

Pool& pool() {
    Pool* now = own;
    if (now) return *now;
    Pool* fresh = new Pool;
    if (own.compare_exchange_strong(now, fresh)) return *fresh;
    delete fresh;
    return *now;
}

}  // namespace

void Barrier::wait(int threads, void (*serial)(void*), void* argument) {
    const std::uint32_t round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
        if (serial) serial(argument);
        arrived_.store(0, std::memory_order_relaxed);
        round_.fetch_add(1, std::memory_order_release);
        round_.notify_all();
    } else {
        wait_for_change(round_, round);
    }
}

void run_together(int threads, void (*ready)(void*, int), void (*work)(void*, int), void* argument) {
    Pool& team = pool();
    if (threads > 1 && team.enter()) {
        threads = 1 + team.grow(std::min(threads, MOST_THREADS) - 1);
        ready(argument, threads);
        team.run(threads - 1, work, argument);
        team.leave();
    } else {
        ready(argument, 1);
        work(argument, 0);
    }
}

}  // namespace deltarule
