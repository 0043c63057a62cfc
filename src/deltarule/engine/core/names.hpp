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
#undef DR_VALUE
#undef DR_STRING

}  // namespace deltarule
