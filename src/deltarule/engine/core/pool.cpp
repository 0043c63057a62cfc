#include "pool.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

#if !defined(_WIN32)
#include <pthread.h>
#endif

#include "team.hpp"

namespace deltarule {
namespace {

// Long enough for what others still have to do between two barriers, too short to be felt.
constexpr int SPINS = 4000;

std::atomic<int> chosen_threads{0};

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

// Seconds for which this thread has had a processor.
double served() {
#if defined(CLOCK_THREAD_CPUTIME_ID) && !defined(_WIN32)  // Windows counts them in 64ths of a second
    timespec spent;
    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent) == 0) return double(spent.tv_sec) + 1e-9 * double(spent.tv_nsec);
#endif
    return now();
}

class Pool {
  public:
    bool enter() { return busy_.try_lock(); }
    void leave() { busy_.unlock(); }

    void run(int threads, Work& work) {
        const bool any = threads < 1;
        threads = 1 + grow(std::min(any ? std::min(get_threads(), team_.size()) : threads, MOST_THREADS) - 1);
        work.ready(threads);
        const double begin = now();
        call(threads - 1, work);
        if (any) team_.note(threads, begin, now(), std::accumulate(served_, served_ + threads, 0.0));
    }

  private:
    // Makes workers until there are n, or the system refuses; returns how many there are.
    int grow(int n) {
        while (workers_ < n) {
            try {
                std::thread([this, id = workers_ + 1, seen = round_.load()] { serve(id, seen); }).detach();
            } catch (const std::exception&) {
                break;
            }
            ++workers_;
        }
        return std::min(workers_, n);
    }

    void call(int helpers, Work& work) {
        work_ = &work;
        pending_.store(std::uint32_t(helpers), std::memory_order_relaxed);
        const std::uint32_t number = round_.load(std::memory_order_relaxed) / MOST_THREADS + 1;
        round_.store(number * MOST_THREADS + std::uint32_t(helpers), std::memory_order_release);
        if (helpers) round_.notify_all();
        take_part(0);
        for (std::uint32_t left; (left = pending_.load(std::memory_order_acquire)) != 0;)
            wait_for_change(pending_, left);
    }

    void serve(int id, std::uint32_t seen) {
        for (;;) {
            wait_for_change(round_, seen);
            // A round does not end before those whom it calls: only they may read what it is about.
            seen = round_.load(std::memory_order_acquire);
            if (id > int(seen % MOST_THREADS)) continue;
            take_part(id);
            if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_all();
        }
    }

    void take_part(int t) {
        const double begin = served();
        work_->work(t);
        served_[t] = served() - begin;
    }

    std::mutex busy_;
    Team team_;
    int workers_ = 0;
    std::atomic<std::uint32_t> round_{0};  // its number and how many workers it calls
    std::atomic<std::uint32_t> pending_{0};
    Work* work_ = nullptr;
    double served_[MOST_THREADS];  // of each thread, in the last call
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

bool Barrier::comes_last(int threads) {
    const std::uint32_t round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) return true;
    wait_for_change(round_, round);
    return false;
}

void Barrier::open() {
    arrived_.store(0, std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
}

void run_together(int threads, Work& work) {
    Pool& all = pool();
    if (threads != 1 && all.enter()) {
        all.run(threads, work);
        all.leave();
    } else {
        work.ready(1);
        work.work(0);
    }
}

void set_threads(int n) { chosen_threads = n; }

int get_threads() {
    const int n = chosen_threads;
    return n > 0 ? n : std::max(1, int(std::thread::hardware_concurrency()));
}

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace deltarule
