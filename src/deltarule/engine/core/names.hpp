// What the engine is asked for by name: the names are those of the reference's functions.
#pragma once

namespace deltarule {

#define DR_ACTIVATIONS(X) \
    X(identity) X(relu) X(leaky_relu) X(elu) X(selu) X(gelu) X(silu) X(mish) X(tanh) X(sigmoid) X(softplus)
#define DR_LOSSES(X) \
    X(cross_entropy) X(binary_cross_entropy) X(squared_error) X(absolute_error) X(huber) X(poisson) X(quantile)
#define DR_RULES(X) X(sgd) X(rmsprop) X(adam) X(nadam) X(lion)

#define DR_VALUE(name) name,
#define DR_STRING(name) #name,
enum class Activation : int { DR_ACTIVATIONS(DR_VALUE) };
enum class Loss : int { DR_LOSSES(DR_VALUE) };
enum class Rule : int { DR_RULES(DR_VALUE) };

constexpr const char* ACTIVATION_NAMES[] = {DR_ACTIVATIONS(DR_STRING)};
constexpr const char* LOSS_NAMES[] = {DR_LOSSES(DR_STRING)};
constexpr const char* RULE_NAMES[] = {DR_RULES(DR_STRING)};
constexpr int ACTIVATIONS = int(sizeof ACTIVATION_NAMES / sizeof *ACTIVATION_NAMES);
constexpr int LOSSES = int(sizeof LOSS_NAMES / sizeof *LOSS_NAMES);
constexpr int RULES = int(sizeof RULE_NAMES / sizeof *RULE_NAMES);
#undef DR_VALUE
#undef DR_STRING

// The place of name in a table of n names, or −1.  Static: a copy compiled for AVX-512 must not be
// the one that the linker keeps for all.
[[maybe_unused]] static int index_of(const char* name, const char* const* table, int n) {
    for (int i = 0; i < n; ++i) {
        const char *a = name, *b = table[i];
        while (*a && *a == *b) ++a, ++b;
        if (*a == *b) return i;
    }
    return -1;
}

}  // namespace deltarule
