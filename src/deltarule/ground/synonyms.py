"""What others call what we have: the hint for a name that no spelling comes near."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["SYNONYMS", "WITH", "synonym_of"]

# Their names, in small letters without dashes, and ours, of which the first that is known counts.
SYNONYMS: dict[str, tuple[str, ...]] = {
    # activations
    "swish": ("silu",),
    "logistic": ("sigmoid",),
    "expit": ("sigmoid",),
    "linear": ("identity",),
    "lrelu": ("leaky_relu",),
    # losses and metrics
    "mse": ("squared_error", "neg_mean_squared_error"),
    "l2": ("squared_error",),
    "meansquarederror": ("squared_error", "neg_mean_squared_error"),
    "mae": ("absolute_error", "mean_absolute_error", "neg_mean_absolute_error"),
    "l1": ("absolute_error", "mean_absolute_error"),
    "rmse": ("root_mean_squared_error", "neg_root_mean_squared_error"),
    "smoothl1": ("huber",),
    "pinball": ("quantile",),
    "ce": ("cross_entropy", "log_loss"),
    "nll": ("cross_entropy", "log_loss"),
    "logloss": ("cross_entropy", "neg_log_loss"),
    "crossentropy": ("cross_entropy", "log_loss", "neg_log_loss"),
    "categoricalcrossentropy": ("cross_entropy", "log_loss"),
    "sparsecategoricalcrossentropy": ("cross_entropy", "log_loss"),
    "bce": ("binary_cross_entropy", "log_loss"),
    "bcewithlogits": ("binary_cross_entropy", "log_loss"),
    "binarycrossentropy": ("binary_cross_entropy", "log_loss"),
    "acc": ("accuracy",),
    "f1": ("f1_macro",),
    "auc": ("roc_auc",),
    "rsquared": ("r2",),
    # optimizers
    "adamw": ("adam",),
    "nadamw": ("nadam",),
    "momentum": ("sgd",),
    "nesterov": ("sgd",),
    # methods of a network
    "fit": ("train",),
    "score": ("evaluate",),
    "test": ("evaluate",),
    "call": ("predict",),
    "backprop": ("backward",),
    "backpropagate": ("backward",),
    "feedforward": ("forward",),
    "decisionfunction": ("scores",),
    "logits": ("scores",),
    "weights": ("parameters",),
    "coefs": ("parameters",),
    "statedict": ("parameters",),
    "countparams": ("n_parameters",),
    # keys of a recipe
    "learningrate": ("lr",),
    "learningrateinit": ("lr",),
    "eta": ("lr",),
    "maxiter": ("epochs",),
    "nepochs": ("epochs",),
    "hidden": ("hidden_layer_sizes",),
    "hiddensizes": ("hidden_layer_sizes",),
    "hiddenlayers": ("hidden_layer_sizes",),
    "layers": ("hidden_layer_sizes",),
    "validationfraction": ("validation",),
    "validationsplit": ("validation",),
    "earlystopping": ("patience",),
    "randomstate": ("seed",),
    "solver": ("optimizer",),
    # initializers
    "xavier": ("glorot",),
    "xavieruniform": ("glorot",),
    "xaviernormal": ("glorot",),
    "kaiming": ("he",),
    "kaiminguniform": ("he",),
    "kaimingnormal": ("he",),
    "heuniform": ("he",),
    "henormal": ("he",),
    # schedules
    "cosineannealing": ("cosine",),
    "cosinedecay": ("cosine",),
    "wsd": ("warmup_stable_decay",),
}
# What makes ours the same as theirs.
WITH = {
    "adamw": " with weight_decay",
    "nadamw": " with weight_decay",
    "momentum": " with a momentum",
    "nesterov": " with Nesterov's momentum",
}


def synonym_of(name: object, known: Collection[str]) -> str | None:
    """'silu' in quotation marks for swish, and what goes with it; None where none is known."""
    theirs = str(name).casefold().replace("-", "").replace("_", "").replace(" ", "")
    for ours in SYNONYMS.get(theirs, ()):
        if ours in known:
            return f"{ours!r}{WITH.get(theirs, '')}"
    return None
