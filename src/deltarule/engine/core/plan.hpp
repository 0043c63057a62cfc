// What a training works on: shapes, buffers, and the numbers of the step that is under way.
//
// Plain data that knows no processor; `layout.cpp` lays it out, the kernels of one instruction set
// work on it.  θ, the rule's memory and the average share one packed layout: layer after layer,
// each as panels of units (see products.hpp), the bias as one more row behind the last feature.
#pragma once

#include <cstddef>
#include <cstdint>

#include "names.hpp"

#define DR_INLINE inline __attribute__((always_inline))

namespace deltarule {

DR_INLINE constexpr std::ptrdiff_t padded(std::ptrdiff_t n, std::ptrdiff_t to) { return (n + to - 1) / to * to; }

// How the kernels of one instruction set cut matrices.
struct Shape {
    int lanes, panel;  // numbers in a vector, vectors in the widest panel
    int strip;         // numbers of a left factor's row that lie together; what rows are padded to, too
};

// Half of a float32: its upper 16 bits, rounded to nearest.  bf16 operands are pairs of these.
struct Half {
    std::uint16_t bits;
};

// Units in panels that are as equal as can be: 7 vectors of which at most 4 lie together are 4 + 3.
struct Panels {
    int count, lanes;
    int group;       // vectors that stay together: a quad is never cut
    int each, more;  // groups in a panel, and how many panels have one more

    static DR_INLINE Panels of(int units, Shape shape) {
        const int group = shape.lanes < 4 ? 4 / shape.lanes : 1;
        const int groups = int(padded(units, group * shape.lanes)) / (group * shape.lanes);
        const int widest = shape.panel / group, count = (groups + widest - 1) / widest;
        return {count, shape.lanes, group, groups / count, groups % count};
    }
    DR_INLINE int first(int p) const { return group * (p * each + (p < more ? p : more)); }  // vector
    DR_INLINE int width(int p) const { return group * (each + (p < more)); }                 // vectors
    DR_INLINE int unit(int p) const { return first(p) * lanes; }                             // its first
    DR_INLINE int columns() const { return unit(count); }  // units with padding
    DR_INLINE int holds(int unit) const {                  // the panel of a unit
        const int at = unit / (lanes * group), longer = more * (each + 1);
        return at < longer ? at / (each + 1) : more + (at - longer) / each;
    }
};

template <class T> struct Layer {
    int n_in, n_out;
    int quads;         // of features; the rest of the last one is zero
    Panels panels;     // of units
    std::ptrdiff_t weights;       // where its panels begin in θ
    Panels back_panels;           // of Wᵀ: panels of features,
    int back_rows;                // of so many units each,
    void* back;                   // here; null where nothing lies below
    Activation activation;
    T option;
    std::uint32_t threshold;  // dropout: a unit stays where its 32 bits are not below this
    T scale;                  // 1/(1 − rate); 0: no dropout
    std::uint64_t place;      // in the chain of layers, for the dropout's key
    T* d;          // f′(z), and after the backward pass ∂L/∂z, panels of rows
    // What products read, T or Half.  Of Halves, the two rows that are added up lie in pairs in
    // y_rows and g_rows; of T these are y and d themselves.
    void *y, *y_rows;  // f(z), quads: the next layer's left factor, of the forward pass and of ∂W
    void *g, *g_rows;  // ∂L/∂z, quads (null in the first layer), and panels of rows
};

// A piece of a weight matrix whose gradient one thread computes and applies at one go.
struct Block {
    int layer, panel, quad, quads;
};

enum class Pixel { uint8, float32, float64 };

struct Rows {
    const char* data;
    std::ptrdiff_t row, column;  // strides in bytes
    Pixel type;
    bool scaled;
};

template <class T> struct Step {
    T rate, keep;       // η, 1 − ηλ
    T l2;               // the penalty's strength where it is not in ∇ yet, else 0
    T a, b, c;          // the rule's scalars of this step
    T pace;             // 1 − d of the moving average
    T shrink;           // of ∇, to the greatest length
    double total;       // the batch's weight
    std::uint64_t key;  // derive(seed, "dropout", t)
};

template <class T> struct Plan {
    Shape shape;
    int layers;
    Layer<T>* layer;
    int batch;              // rows of a full batch
    int room;               // the same with padding
    std::ptrdiff_t stride;  // from one strip of features to the next, rows and a little more
    std::ptrdiff_t size;    // of θ, packed
    T *theta, *memory1, *memory2, *average;  // null where not needed

    void* w;          // θ as products read it: θ itself, or packed Halves
    void *x, *x_rows; // the batch's rows, quads, as y and y_rows
    int parts;        // feature parts of the first layer; 0: it goes by rows
    int* part_quads;  // parts + 1 borders, in quads
    T* part_sums;     // [part][panel][row][unit]
    T* z;             // the last layer's scores, row by row, with padding
    T* scratch;       // [thread][scratch_size]
    std::ptrdiff_t scratch_size;
    double* quad_loss;  // of each four rows

    int blocks;              // all, the first layer's first
    Block* block;
    int* part_blocks;        // parts + 1 borders
    std::int64_t* cost;      // of the blocks before each, blocks + 1
    T* odd;                  // of each: 0, or NaN where ∇ was not finite
    double* penalty_sum;     // ‖W‖² of each; null without a penalty
    double* norm_sum;        // ‖∇‖² of each; null where the norm is not clipped,
    T* gradient;             // like this one, which is packed like θ
    T penalty;               // λ of l2

    const T *shift, *factor;              // of each feature
    const double *shift64, *factor64;
    Rows rows;
    const std::int64_t* labels;           // or null
    const T* targets;                     // (n, outputs), or null
    const T* row_weight;                  // or null
    T* scores;                            // (n, outputs)

    Loss loss;
    T loss_option;
    Rule rule;
    T beta1, beta2, epsilon;
    T rest1, rest2;  // 1 − β, rounded once
    bool nesterov;

    int threads;
    Step<T> step;
    const std::int64_t* order;   // the rows of this step,
    const std::int64_t* places;  // and where their input lies
    int count;
    const std::int64_t* next_places;  // of the next step
    int next_count;                   // 0: there is none
};

// A chain as it lies in the flat vector, row by row.
template <class T> struct Chain {
    int layers;
    const int* sizes;
    const Activation* activation;
    const T* option;
    const T *theta, *end;
};

// What one instruction set brings.  Thread t of plan.threads calls each with its own t.
template <class T> struct Kernels {
    Shape shape;
    void (*begin)(const Plan<T>&, int t);      // first layer of the first batch, by features
    void (*rows)(const Plan<T>&, int t);       // forward, loss, backward, for a share of the rows
    void (*update)(const Plan<T>&, int t);     // ∂W and θ, and what `begin` does for the next batch
    void (*gradients)(const Plan<T>&, int t);  // where the norm is clipped: only ∂W,
    void (*apply)(const Plan<T>&, int t);      // then, with the whole ∇ known, only θ
    void (*repack)(const Plan<T>&);            // what products read of θ
    void (*forward)(const Plan<T>&, int t);    // only the scores
    const T* (*direct)(const Chain<T>&, const T* x, T* one, T* other);  // scores of one row
    void (*softmax)(const T* z, T* p, std::ptrdiff_t n, int k);
    void (*quiet)(bool on, unsigned long long* kept);  // flush to zero, and tiles, on this thread
    double (*peak)(double (*clock)(), double seconds);  // multiply-adds a second of this thread
    void (*elementwise)(Activation, T option, const T* x, T* y, T* derivative, std::ptrdiff_t n);
};

// The tables, one for each file that is compiled for an instruction set of its own.
namespace baseline { extern const Kernels<float> of_float, of_half; extern const Kernels<double> of_double; }
namespace avx2 { extern const Kernels<float> of_float, of_half; extern const Kernels<double> of_double; }
namespace avx512 { extern const Kernels<float> of_float, of_half; extern const Kernels<double> of_double; }
namespace avx512bf16 { extern const Kernels<float> of_half; }

// Products by matrix tiles, and whether they multiply as they should; with a fault, to see that it is
// found.  Both null where the compiler does not know such tiles.
struct Tiled {
    const Kernels<float>* of_half;
    bool (*agree)(bool fault);
};
namespace amx { extern const Tiled tiled; }    // the processor's
namespace tiles { extern const Tiled tiled; }  // emulated, for tests

}  // namespace deltarule
