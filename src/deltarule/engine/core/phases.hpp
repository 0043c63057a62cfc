// The phases of a step, between which the threads wait for each other.                     (T1)
//
// Which thread does a piece of work never changes how it is computed: parts of features, blocks of
// weights and rows are cut by the shape of the network alone, and every sum over them has one order.
#pragma once

#include "dense.hpp"
#include "losses.hpp"
#include "rules.hpp"

namespace DR_ISA {

template <class T> DR_INLINE T* scratch_of(const Plan<T>& plan, int t) {
    return plan.scratch + t * plan.scratch_size;
}

// Thread t's share of n pieces.
struct Share {
    int from, to;
};

DR_INLINE Share share_of(int n, int t, int threads) {
    return {int(std::int64_t(n) * t / threads), int(std::int64_t(n) * (t + 1) / threads)};
}

// -- rows: forward, loss, backward ----------------------------------------------------------------

// The scores of the rows go out, their losses are summed, ∂L/∂z takes their place.           (E0)
template <class T, class O> void loss_of_rows(const Plan<T>& plan, int t, int from, int to) {
    const Layer<T>& last = plan.layer[plan.layers - 1];
    const int n = last.n_out;
    T* target = scratch_of(plan, t);
    for (int q = from; q < to; ++q) {
        double sum = 0;
        for (std::ptrdiff_t b = q * QUAD; b < (q + 1) * QUAD; ++b) {
            T* z = plan.z + b * last.panels.columns();
            if (b < plan.count) {
                const std::int64_t row = plan.order[b];
                __builtin_memcpy(plan.scores + row * n, z, n * sizeof(T));
                if (plan.targets) __builtin_memcpy(target, plan.targets + row * n, n * sizeof(T));
                sum += double(row_loss<T>(plan, z, n, row, plan.targets ? target : nullptr));
            } else {
                __builtin_memset(z, 0, last.panels.columns() * sizeof(T));
            }
            for (int p = 0; p < last.panels.count; ++p) {
                const int nv = last.panels.width(p);
                for (int v = 0; v < nv; ++v) {
                    const int unit = last.panels.unit(p) + v * LANES<T>;
                    const Vec<T> g = load(z + unit);
                    store<T>(last.d + rows_at(plan, last, p) + (b * nv + v) * LANES<T>, g);
                    if (last.g) store_quads<T, O>(last.g, plan.stride, b, unit, g);
                }
            }
        }
        plan.quad_loss[q] = sum;
    }
    pair_panels<T, O>(plan, last, from, to);
}

template <class T, class O> void run_rows(const Plan<T>& plan, int t) {
    constexpr int AT_ONCE = 16;  // row quads: their activations stay in the cache
    constexpr int ONE = GROUP<T, O> / QUAD;
    const Share groups = share_of(int(padded(plan.count, STRIP<T, O>)) / GROUP<T, O>, t, plan.threads);
    const Share mine{groups.from * ONE, groups.to * ONE};
    for (int from = mine.from; from < mine.to; from += AT_ONCE) {
        const int to = from + AT_ONCE < mine.to ? from + AT_ONCE : mine.to;
        if (!plan.parts)
            gather<T, O>(plan, plan.places, plan.count, from * QUAD, to * QUAD, 0, plan.layer[0].quads);
        for (int i = 0; i < plan.layers; ++i)
            forward_layer<T, O>(plan, i, from, to);
        loss_of_rows<T, O>(plan, t, from, to);
        for (int i = plan.layers - 1; i > 0; --i) backward_layer<T, O>(plan, i, from, to);
    }
}

// Only forward: z of each row to its place in the scores; quad_loss: which row of the four is not finite.
template <class T> void run_forward(const Plan<T>& plan, int t) {
    const Share mine = share_of((plan.count + QUAD - 1) / QUAD, t, plan.threads);
    const Layer<T>& last = plan.layer[plan.layers - 1];
    const int quads = plan.layer[0].quads, first = mine.from * QUAD, end = mine.to * QUAD;
    for (int k = 0, next; k < quads; k = next) {  // the next features come while these are multiplied
        next = quads_end(k, quads);
        gather<T, T>(plan, plan.places, plan.count, first, end, k, next);
        fetch_ahead<T>(plan, plan.places, first, end < plan.count ? end : plan.count, next * QUAD,
                       QUAD * quads_end(next, quads) < plan.layer[0].n_in ? QUAD * quads_end(next, quads) : plan.layer[0].n_in);
        add_features<T, T>(plan, 0, mine.from, mine.to, k, next);
    }
    finish_layer<T, T>(plan, 0, mine.from, mine.to);
    for (int q = mine.from; q < mine.to; ++q) {
        T odd[QUAD * QUAD]{};  // x − x is 0 but for ∞ and NaN
        for (int k = 0; k < quads; ++k) {
            const T* x = static_cast<const T*>(plan.x) + k * plan.stride + std::ptrdiff_t(q) * QUAD * QUAD;
            for (int i = 0; i < QUAD * QUAD; ++i) odd[i] += x[i] - x[i];
        }
        plan.quad_loss[q] = 0;
        for (int i = QUAD * QUAD - 1; i >= 0; --i)
            if (odd[i] != T(0)) plan.quad_loss[q] = 1 + i / QUAD;
    }
    for (int i = 1; i < plan.layers; ++i) forward_layer<T, T>(plan, i, mine.from, mine.to);
    for (int b = mine.from * QUAD; b < mine.to * QUAD && b < plan.count; ++b)
        __builtin_memcpy(plan.scores + plan.order[b] * last.n_out, plan.z + std::ptrdiff_t(b) * last.panels.columns(),
                         last.n_out * sizeof(T));
}

// -- weights: gradient and update -----------------------------------------------------------------

// ∂W = xᵀ g of one block, into `out`, packed; and ∂b = 1ᵀ g behind it where it is the first.  (L1)
template <class T, class O> void gradient_of(const Plan<T>& plan, const Block& block, T* out, T* out_bias) {
    const Layer<T>& layer = plan.layer[block.layer];
    const O* x = static_cast<const O*>(block.layer ? plan.layer[block.layer - 1].y_rows : plan.x_rows);
    const O* g = static_cast<const O*>(layer.g_rows) + rows_at(plan, layer, block.panel);
    const T* d = layer.d + rows_at(plan, layer, block.panel);
    with_vectors(layer.panels.width(block.panel), [&]<int NV>() DR_LAMBDA {
        [[maybe_unused]] auto some = [&]<int R>(int q) DR_LAMBDA {
            Tile<T, R, NV> c{};
            multiply_columns<T, O, R, NV>(c, x + (block.quad + q) * plan.stride, plan.stride, g, plan.count);
            for (int k = 0; k < R * QUAD; ++k)
                for (int v = 0; v < NV; ++v) store<T>(out + ((q * QUAD + k) * NV + v) * LANES<T>, c[k][v]);
        };
#if defined(DR_TILES)
        if constexpr (TILED<T, O>)
            for (int q = 0; q < block.quads; q += STRIP<T, O> / QUAD) {
                const int strips = int(padded(plan.count, STRIP<T, O>)) / STRIP<T, O>;
                multiply_tiles<2, NV>(x + strip_at<T, O>(plan, block.quad + q), STRIP<T, O> * STRIP<T, O>, g, strips,
                                      out + q * QUAD * NV * LANES<T>);
            }
#endif
        int q = TILED<T, O> ? block.quads : 0;
        constexpr int TILE = tile_quads(NV);
        for (; q + TILE <= block.quads; q += TILE) some.template operator()<TILE>(q);
        for (; TILE > 1 && q < block.quads; ++q) some.template operator()<1>(q);
        if (block.quad == 0) {
            Vec<T> sum[NV]{};
            for (std::ptrdiff_t b = 0; b < plan.count; ++b)
                for (int v = 0; v < NV; ++v) sum[v] += load(d + (b * NV + v) * LANES<T>);
            for (int v = 0; v < NV; ++v) store<T>(out_bias + v * LANES<T>, sum[v]);
        }
    });
}

template <class T> DR_INLINE double sum_of_squares(const T* v, std::ptrdiff_t n) {
    double sum = 0;
    for (std::ptrdiff_t i = 0; i < n; i += 8 * LANES<T>) {  // short sums, so that little rounds away
        Vec<T> part{};
        for (std::ptrdiff_t j = i; j < n && j < i + 8 * LANES<T>; j += LANES<T>) part += load(v + j) * load(v + j);
        sum += double(sum_of<T>(part));
    }
    return sum;
}

// What products read of one block: of Halves, its rows in pairs; of layers with others below, Wᵀ.
template <class T, class O> void repack_block(const Plan<T>& plan, const Block& block) {
    const Layer<T>& layer = plan.layer[block.layer];
    const std::ptrdiff_t width = layer.panels.width(block.panel) * LANES<T>;
    const int first = layer.panels.unit(block.panel);
    const T* w = plan.theta + panel_at(layer, block.panel);
    [[maybe_unused]] O* pairs = static_cast<O*>(plan.w) + panel_at(layer, block.panel);
    for (int q = block.quad; q < block.quad + block.quads; ++q) {
        const int k = q * QUAD;
        if constexpr (HALVES<T, O>)
            for (int i = k; i < k + QUAD; i += 2)
                for (int j = 0; j < width; j += LANES<T>) {
                    const Pairs both = pack_pairs(load(w + i * width + j), load(w + (i + 1) * width + j));
                    __builtin_memcpy(pairs + i * width + 2 * j, &both, sizeof both);
                }
        if (!layer.back || k >= layer.back_panels.columns()) continue;  // strips are padded further than panels
        const int panel = layer.back_panels.holds(k), unit = layer.back_panels.unit(panel);
        const std::ptrdiff_t back_width = layer.back_panels.width(panel) * LANES<T>;
        O* back = static_cast<O*>(layer.back) + std::ptrdiff_t(unit) * layer.back_rows;
        for (int j = 0; j < width && first + j < layer.back_rows; j += QUAD) {
            O* to = back + (first + j) * back_width;
            if constexpr (HALVES<T, O>) {
                T part[QUAD * QUAD];
                transpose_quad<T>(w + k * width + j, width, part, QUAD);
                for (int i = 0; i < QUAD * QUAD; ++i)  // [unit/2][feature][2]
                    to[i / QUAD / 2 * 2 * back_width + (k - unit + i % QUAD) * 2 + i / QUAD % 2] = as<T, O>(part[i]);
            } else {
                transpose_quad<T>(w + k * width + j, width, to + (k - unit), back_width);
            }
        }
    }
}

// Where a block, and the bias behind its panel, lie in packed vectors.
template <class T> struct Place {
    std::ptrdiff_t at, n, bias, width;
};

template <class T> DR_INLINE Place<T> place_of(const Plan<T>& plan, const Block& block) {
    const Layer<T>& layer = plan.layer[block.layer];
    const std::ptrdiff_t width = layer.panels.width(block.panel) * LANES<T>, panel = panel_at(layer, block.panel);
    return {panel + block.quad * QUAD * width, block.quads * QUAD * width, panel + layer.quads * QUAD * width, width};
}

template <class T, class O> DR_INLINE void apply_block(const Plan<T>& plan, int i, const T* g, const T* of_bias) {
    const Block& block = plan.block[i];
    const Place<T> place = place_of(plan, block);
    plan.odd[i] = apply_rule_of_plan<T>(plan, place.at, g, place.n, true);
    if (block.quad == 0) plan.odd[i] += apply_rule_of_plan<T>(plan, place.bias, of_bias, place.width, false);
    repack_block<T, O>(plan, block);
}

// ‖W‖² of a block before its update, for the penalty's value.                                (E9)
template <class T> DR_INLINE void note_penalty(const Plan<T>& plan, int i) {
    if (!plan.penalty_sum) return;
    const Place<T> place = place_of(plan, plan.block[i]);
    plan.penalty_sum[i] = sum_of_squares<T>(plan.theta + place.at, place.n);
}

// Thread t's share of the blocks from `first` on, by the work that they are.
template <class T> Share blocks_of(const Plan<T>& plan, int first, int t) {
    Share mine{plan.blocks, first};
    const std::int64_t begin = plan.cost[first], whole = plan.cost[plan.blocks] - begin;
    for (int i = first; i < plan.blocks; ++i) {
        const std::int64_t middle = (plan.cost[i] + plan.cost[i + 1]) / 2 - begin;
        if (middle * plan.threads / (whole + 1) != t) continue;
        mine.from = i < mine.from ? i : mine.from;
        mine.to = i + 1;
    }
    return mine;
}

template <class T> DR_INLINE int first_free_block(const Plan<T>& plan) {
    return plan.parts ? plan.part_blocks[plan.parts] : 0;
}

// What the features of one part add to z of the first layer, for all rows of the next batch.
template <class T, class O> void forward_part(const Plan<T>& plan, int part) {
    const Layer<T>& layer = plan.layer[0];
    const int quads = int(padded(plan.next_count, STRIP<T, O>)) / QUAD;
    const int from = plan.part_quads[part], to = plan.part_quads[part + 1];
    gather<T, O>(plan, plan.next_places, plan.next_count, 0, quads * QUAD, from, to);
    T* sums = plan.part_sums + part * rows_at(plan, layer, layer.panels.count);
    for (int p = 0; p < layer.panels.count; ++p) {
        const int nv = layer.panels.width(p);
        T* sum = sums + rows_at(plan, layer, p);
        multiply_panel<T, O>(static_cast<const O*>(plan.x) + strip_at<T, O>(plan, from), plan.stride, 0, quads,
                          static_cast<const O*>(plan.w) + panel_at(layer, p) + std::ptrdiff_t(from) * QUAD * nv * LANES<T>, to - from, nv,
                          [&]<int NV>(std::ptrdiff_t b, int v, Vec<T> c) DR_LAMBDA { store<T>(sum + (b * NV + v) * LANES<T>, c); });
    }
}

template <class T, class O> void run_begin(const Plan<T>& plan, int t) {
    const Share mine = share_of(plan.parts, t, plan.threads);
    for (int part = mine.from; part < mine.to; ++part) forward_part<T, O>(plan, part);
}

// Calls f(block) for thread t's blocks and, after those of a part, what `begin` does for the next
// batch: the part's weights are then still in the cache.
template <class T, class O, class F> DR_INLINE void with_blocks(const Plan<T>& plan, int t, bool forward, F f) {
    const Share mine = share_of(plan.parts, t, plan.threads), rest = blocks_of(plan, first_free_block(plan), t);
    for (int i = rest.from; i < rest.to; ++i) f(i);
    for (int part = mine.from; part < mine.to; ++part) {
        const int begin = plan.part_blocks[part], end = plan.part_blocks[part + 1];
        for (int i = begin; i < end; ++i) {
            const Share rows = share_of(plan.next_count, i - begin, end - begin);
            if (forward)
                fetch_ahead<T>(plan, plan.next_places, rows.from, rows.to, plan.part_quads[part] * QUAD,
                               plan.part_quads[part + 1] * QUAD);
            f(i);
        }
        if (forward && plan.next_count) forward_part<T, O>(plan, part);
    }
}

template <class T, class O> void run_update(const Plan<T>& plan, int t) {
    T *g = scratch_of(plan, t), *of_bias = g + plan.scratch_size - PANEL * LANES<T>;
    with_blocks<T, O>(plan, t, true, [&](int i) DR_LAMBDA {
        const Block& block = plan.block[i];
        gradient_of<T, O>(plan, block, g, of_bias);
        note_penalty<T>(plan, i);
        apply_block<T, O>(plan, i, g, of_bias);
    });
}

// The same in two passes where ∇ is clipped: first all of ∇, with the penalty's part,           (T2)
template <class T, class O> void run_gradients(const Plan<T>& plan, int t) {
    with_blocks<T, O>(plan, t, false, [&](int i) DR_LAMBDA {
        const Block& block = plan.block[i];
        const Place<T> place = place_of(plan, block);
        T *g = plan.gradient + place.at, *of_bias = plan.gradient + place.bias;
        gradient_of<T, O>(plan, block, g, of_bias);
        note_penalty<T>(plan, i);
        for (std::ptrdiff_t j = 0; j < place.n; j += LANES<T>)
            store<T>(g + j, plan.penalty * load(plan.theta + place.at + j) + load(g + j));
        plan.norm_sum[i] = sum_of_squares<T>(g, place.n);
        if (block.quad == 0) plan.norm_sum[i] += sum_of_squares<T>(of_bias, place.width);
    });
}

template <class T> DR_INLINE void multiply_by(T* v, std::ptrdiff_t n, T factor) {
    for (std::ptrdiff_t i = 0; i < n; i += LANES<T>) store<T>(v + i, factor * load(v + i));
}

// then, once its length is known, the update.
template <class T, class O> void run_apply(const Plan<T>& plan, int t) {
    with_blocks<T, O>(plan, t, true, [&](int i) DR_LAMBDA {
        const Block& block = plan.block[i];
        const Place<T> place = place_of(plan, block);
        T *g = plan.gradient + place.at, *of_bias = plan.gradient + place.bias;
        if (plan.step.shrink != T(1)) {
            multiply_by<T>(g, place.n, plan.step.shrink);
            if (block.quad == 0) multiply_by<T>(of_bias, place.width, plan.step.shrink);
        }
        apply_block<T, O>(plan, i, g, of_bias);
    });
}

template <class T, class O> void run_repack(const Plan<T>& plan) {
    for (int i = 0; i < plan.blocks; ++i) repack_block<T, O>(plan, plan.block[i]);
}

}  // namespace DR_ISA
