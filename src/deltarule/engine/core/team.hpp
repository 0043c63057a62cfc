// How many threads are worth calling, where other processes want the processors too.
//
// When another process takes the processor of one thread, all others wait at the next barrier, longer
// than they spin; and two that the system puts on one processor wait for each other by turns.  So
// where threads have had a processor for too little of the time, they become one fewer.  After a rest
// it is one more again, to see how that goes: each failure makes the next rest longer.
#pragma once

#include <algorithm>

namespace deltarule {

class Team {
  public:
    int size() const { return size_; }

    // After a call by so many threads, which had processors for `served` seconds together.
    void note(int threads, double begin, double end, double served) {
        seconds_ += end - begin, wanted_ += threads * (end - begin), served_ += served;
        if (seconds_ < WINDOW) return;
        const bool enough = served_ >= ENOUGH * wanted_;
        seconds_ = wanted_ = served_ = 0;
        if (!enough) {
            rest_ = std::clamp(2 * rest_, WINDOW, LONGEST_REST);
            rested_ = end + rest_;
            size_ = std::max(1, threads - 1);
        } else if (end >= rested_) {
            if (growing_) rest_ = 0;
            size_ = threads + 1;
        }
        growing_ = size_ > threads;
    }

  private:
    static constexpr double WINDOW = 0.05, LONGEST_REST = 0.8;  // seconds
    // Of two threads beside a busy process it is 0.5, with work that cannot be shared evenly 0.8.
    static constexpr double ENOUGH = 0.7;

    int size_ = 1 << 30;
    bool growing_ = false;  // the last window went so well that a thread was added
    double rest_ = 0, rested_ = 0;
    double seconds_ = 0, wanted_ = 0, served_ = 0;  // of the window so far
};

}  // namespace deltarule
