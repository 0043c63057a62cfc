#include "trainer.hpp"

#include <algorithm>
#include <cmath>

#include "dropout.hpp"

namespace deltarule {
namespace {

constexpr int QUAD = 4;

// Below so many multiply-adds in a step a second thread waits longer than it helps.
constexpr double FOR_TWO_THREADS = 6e5;

}  // namespace

template <class T> struct Trainer<T>::Run final : Work {
    const Course<T>& course;
    const Config& config;
    const Kernels<T>& kernels;
    Plan<T>& plan;
    bool& gradient_is_finite;
    Barrier barrier;
    std::int64_t step = 0;
    bool last = false;
    double deadline;

    Run(Trainer& self, const Course<T>& of)
        : course(of), config(self.config_), kernels(self.kernels_), plan(self.plan_),
          gradient_is_finite(self.gradient_is_finite_), deadline(now() + of.seconds) {
        plan.rows = course.rows;
        plan.rows.scaled = config.scaled;
        plan.labels = course.labels;
        plan.targets = course.targets;
        plan.row_weight = course.weight;
        plan.scores = course.scores;
        next(0);
    }

    void ready(int threads) override {
        plan.threads = threads;
        prepare();
    }

    // The rows of step s: as many as the order still has, at most a batch; and where they lie.
    int count_of(std::int64_t s) const {
        const std::int64_t batch = config.batch;
        return int(std::max<std::int64_t>(0, std::min(batch, course.n_order - s * batch)));
    }
    const std::int64_t* places_of(std::int64_t s) const {
        return (course.places ? course.places : course.order) + s * config.batch;
    }
    void next(std::int64_t s) {
        plan.next_count = count_of(s);
        plan.next_places = places_of(s);
    }

    void prepare() {
        Step<T>& now = plan.step;
        plan.count = count_of(step);
        plan.order = course.order + step * config.batch;
        plan.places = places_of(step);
        const double lr = course.lr[step];
        const double* scalars = course.scalars + step * course.n_scalars;
        now.rate = T(lr);
        now.keep = T(1.0 - lr * config.weight_decay);
        now.l2 = config.clip > 0 ? T(0) : plan.penalty;
        now.a = course.n_scalars > 0 ? T(scalars[0]) : T(0);
        now.b = course.n_scalars > 1 ? T(scalars[1]) : T(0);
        now.c = course.n_scalars > 2 ? T(scalars[2]) : T(0);
        now.pace = T(course.pace[step]);
        now.shrink = T(1);
        now.total = plan.count;
        if (course.weight) {
            now.total = 0;
            for (int b = 0; b < plan.count; ++b) now.total += double(course.weight[plan.order[b]]);
            if (now.total == 0) now.total = 1;
        }
        now.key = ::DR_ISA::derive_next(course.dropout_key, course.t + std::uint64_t(step));
    }

    void after_rows() {
        double loss = 0;
        for (int q = 0; q < (plan.count + QUAD - 1) / QUAD; ++q) loss += plan.quad_loss[q];
        course.losses[step] = double(T(loss));
        next(step + 1);
        if (!std::isfinite(course.losses[step]) || now() > deadline) plan.next_count = 0;
        last = plan.next_count == 0;
    }

    // ‖∇‖ and what shortens it to the greatest length.                                       (T2)
    void after_gradients() {
        double squares = 0;
        for (int i = 0; i < plan.blocks; ++i) squares += plan.norm_sum[i];
        double norm = std::sqrt(squares);
        if (!std::isfinite(norm)) {  // the squares overflowed, the length may not have
            double peak = 0;
            squares = 0;
            for (std::ptrdiff_t i = 0; i < plan.size; ++i) peak = std::max(peak, std::abs(double(plan.gradient[i])));
            for (std::ptrdiff_t i = 0; i < plan.size; ++i) squares += std::pow(plan.gradient[i] / peak, 2);
            norm = peak * std::sqrt(squares);
        }
        if (norm > config.clip) plan.step.shrink = T(config.clip / norm);
    }

    void after_update() {
        if (plan.penalty_sum) {
            double squares = 0;
            for (int i = 0; i < plan.blocks; ++i) squares += plan.penalty_sum[i];
            course.losses[step] = double(T(course.losses[step] + 0.5 * config.l2 * squares));
            last = last || !std::isfinite(course.losses[step]);
        }
        T odd = 0;
        for (int i = 0; i < plan.blocks; ++i) odd += plan.odd[i];
        gradient_is_finite = odd == T(0);
        last = last || !gradient_is_finite;
        ++step;
        if (!last) prepare();
    }

    void work(int t) override {
        const Quiet quiet(kernels.quiet);
        kernels.begin(plan, t);
        barrier.wait(plan.threads, [] {});
        do {
            kernels.rows(plan, t);
            barrier.wait(plan.threads, [this] { after_rows(); });
            if (plan.gradient) {
                kernels.gradients(plan, t);
                barrier.wait(plan.threads, [this] { after_gradients(); });
                kernels.apply(plan, t);
            } else {
                kernels.update(plan, t);
            }
            barrier.wait(plan.threads, [this] { after_update(); });
        } while (!last);
    }
};

template <class T> std::int64_t Trainer<T>::advance(const Course<T>& course, int threads) {
    if (course.n_order == 0) return 0;
    Run run(*this, course);
    run_together(threads < 1 && this->multiply_adds() < FOR_TWO_THREADS ? 1 : threads, run);
    return run.step;
}

template <class T> struct Trainer<T>::Answer final : Work {
    const Kernels<T>& kernels;
    Plan<T>& plan;
    Barrier barrier;
    const std::int64_t n;
    std::int64_t done = 0, bad = -1;
    std::vector<std::int64_t> order;

    Answer(Trainer& self, const Rows& rows, std::int64_t rows_in_all, T* scores)
        : kernels(self.kernels_), plan(self.plan_), n(rows_in_all), order(std::size_t(plan.batch)) {
        plan.rows = rows;
        plan.rows.scaled = self.config_.scaled;
        plan.scores = scores;
        plan.order = plan.places = order.data();
    }

    void ready(int threads) override {
        plan.threads = threads;
        prepare();
    }

    void prepare() {
        plan.count = int(std::min<std::int64_t>(n - done, plan.batch));
        for (int b = 0; b < plan.count; ++b) order[b] = done + b;
    }

    void after() {
        for (int q = 0; bad < 0 && q < (plan.count + QUAD - 1) / QUAD; ++q)
            if (plan.quad_loss[q] != 0) bad = done + q * QUAD + std::int64_t(plan.quad_loss[q]) - 1;
        done += plan.count;
        if (done < n) prepare();
    }

    void work(int t) override {
        const Quiet quiet(kernels.quiet);
        do {
            kernels.forward(plan, t);
            barrier.wait(plan.threads, [this] { after(); });
        } while (done < n);
    }
};

template <class T>
std::int64_t Trainer<T>::forward(const Rows& rows, std::int64_t n, T* scores, int threads) {
    if (n == 0) return -1;
    Answer answer(*this, rows, n, scores);
    run_together(threads, answer);
    return answer.bad;
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace deltarule
