"""What bad input gets of the estimators: one ValueError or TypeError that says what to do.

Three tables: parameters, which both estimators take or one of them, and calls.  A row is what is
given and words that the message must hold: what was given, and what to do about it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import deltarule as dr

pd = pytest.importorskip("pandas")

N = 24
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(N, 3))
Y = np.arange(N) % 2
Z = X @ [1.0, -2.0, 0.5]
TEXT = np.array(["no", "yes"])[Y]
QUICK: dict[str, Any] = {"hidden_layer_sizes": (4, 3), "max_iter": 2, "random_state": 0}

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::deltarule.ground.errors.DoubtfulFit"
)

Words = tuple[str, ...]
Given = dict[str, Any]


def classifier(**given: Any) -> Any:
    """A small classifier."""
    return dr.MLPClassifier(**{**QUICK, **given})


def regressor(**given: Any) -> Any:
    """A small regressor."""
    return dr.MLPRegressor(**{**QUICK, **given})


def with_entry(value: Any, of: Any = X) -> Any:
    """An array with its entry of row 1 replaced."""
    changed = of.copy()
    changed[(1, 2) if of.ndim == 2 else 1] = value
    return changed


def frame(*names: str) -> Any:
    """X with these names."""
    return pd.DataFrame(X, columns=list(names))


def loss_of_wrong_shape(y: Any, z: Any, weight: Any, total: float) -> Any:
    return 0.0, z[:, :1].T


def loss_of_nan(y: Any, z: Any, weight: Any, total: float) -> Any:
    return np.nan, np.full_like(z, np.nan)


def loss_without_gradient(y: Any, z: Any, weight: Any, total: float) -> Any:
    return 0.0


def loss_that_fails(y: Any, z: Any, weight: Any, total: float) -> Any:
    raise KeyError("no loss today")


BOTH: list[tuple[Given, Words]] = [
    ({"hidden_layer_sizes": 0}, ("hidden_layer_sizes", "> 0", "0")),
    ({"hidden_layer_sizes": -1}, ("hidden_layer_sizes", "> 0", "-1")),
    ({"hidden_layer_sizes": "100"}, ("hidden_layer_sizes", "(100, 50)", "'100'")),
    ({"hidden_layer_sizes": (10, 0)}, ("hidden_layer_sizes[1]", "> 0", "0")),
    ({"hidden_layer_sizes": (10, 2.5)}, ("hidden_layer_sizes[1]", "whole", "2.5")),
    ({"hidden_layer_sizes": (True,)}, ("hidden_layer_sizes[0]", "whole", "True")),
    ({"hidden_layer_sizes": None}, ("hidden_layer_sizes", "(100, 50)", "None")),
    ({"hidden_layer_sizes": {5, 6}}, ("hidden_layer_sizes", "(100, 50)", "{5, 6}")),
    ({"hidden_layer_sizes": (10**30,)}, ("hidden_layer_sizes[0]", "at most 100,000,000")),
    ({"hidden_layer_sizes": (10**8, 10**8)}, ("hidden_layer_sizes", "smaller")),
    ({"hidden_layer_sizes": np.ones((2, 2), int)}, ("hidden_layer_sizes[0]", "whole", "[1, 1]")),
    ({"activation": "rellu"}, ("activation", "'rellu'", "Did you mean 'relu'")),
    ({"activation": "swish"}, ("activation", "'swish'", "Did you mean 'silu'")),
    ({"activation": "logitic"}, ("activation", "'logitic'", "Did you mean 'logistic'")),
    ({"activation": None}, ("activation", "None", "relu")),
    ({"activation": []}, ("activation", "one of each", "[]")),
    ({"activation": 3}, ("activation", "3", "Known are")),
    ({"activation": ["relu"] * 3}, ("activation", "hidden layers", "here 2", "3 were given")),
    ({"activation": {"name": "elu", "alhpa": 1.0}}, ("'alhpa'", "Did you mean 'alpha'")),
    ({"activation": len}, ("activation", "len")),
    ({"solver": "adm"}, ("solver", "'adm'", "Did you mean 'adam'", "lbfgs")),
    ({"solver": "adamw"}, ("solver", "'adamw'", "Did you mean 'adam' with weight_decay")),
    ({"solver": "l-bfgs"}, ("solver", "Did you mean 'lbfgs'")),
    ({"solver": None}, ("solver", "None", "adam")),
    ({"solver": {"name": "adam", "beta1": 1.0}}, ("adam.beta1", "below 1", "1.0")),
    ({"solver": {"name": "adm"}}, ("solver", "'adm'", "Did you mean 'adam'")),
    ({"solver": {"beta1": 0.9}}, ("solver", "name")),
    ({"solver": len}, ("solver", "len", "rule(")),
    ({"alpha": -1}, ("alpha", "at least 0", "-1")),
    ({"alpha": np.nan}, ("alpha", "at least 0", "nan")),
    ({"alpha": "0.1"}, ("alpha", "a number", "'0.1'")),
    ({"batch_size": 0}, ("batch_size", "at least 1", "0")),
    ({"batch_size": "big"}, ("batch_size", "whole number", "'auto'", "'big'")),
    ({"batch_size": np.array([1, 2])}, ("batch_size", "whole number", "array([1, 2])")),
    ({"learning_rate": "cosine"}, ("learning_rate", "'cosine'", 'schedule="cosine"')),
    ({"learning_rate": 0.01}, ("learning_rate", "0.01", "learning_rate_init=0.01")),
    ({"learning_rate": "adaptiv"}, ("learning_rate", "Did you mean 'adaptive'")),
    ({"learning_rate_init": 0}, ("learning_rate_init", "above 0", "0")),
    ({"learning_rate_init": np.inf}, ("learning_rate_init", "above 0", "inf")),
    ({"power_t": -1}, ("power_t", "at least 0", "-1")),
    ({"max_iter": 0}, ("max_iter", "at least 1", "0")),
    ({"max_iter": 2.5}, ("max_iter", "whole number", "2.5")),
    ({"max_fun": 0}, ("max_fun", "at least 1", "0")),
    ({"tol": -1}, ("tol", "at least 0", "-1")),
    ({"momentum": 1.5, "solver": "sgd"}, ("momentum", "1", "1.5")),
    ({"momentum": 1, "solver": "sgd"}, ("momentum", "below 1")),
    ({"beta_1": 1}, ("beta_1", "below 1", "1")),
    ({"beta_2": -0.1}, ("beta_2", "at least 0", "-0.1")),
    ({"epsilon": 0}, ("epsilon", "above 0", "0")),
    ({"n_iter_no_change": 0}, ("n_iter_no_change", "at least 1", "0")),
    ({"shuffle": "yes"}, ("shuffle", "True or False", "'yes'")),
    ({"warm_start": 1}, ("warm_start", "True or False", "1")),
    ({"early_stopping": None}, ("early_stopping", "True or False", "None")),
    ({"verbose": "loud"}, ("verbose", "'loud'")),
    ({"progress": "yes"}, ("progress", "True or False", "'yes'")),
    ({"dropout": 1.0}, ("dropout", "below 1", "1.0")),
    ({"dropout": -0.1}, ("dropout", "at least 0", "-0.1")),
    ({"dropout": [0.1] * 3}, ("dropout", "here 2", "3 were given")),
    ({"dropout": "much"}, ("dropout", "a number", "'much'")),
    ({"normalization": "bach"}, ("normalization", "'bach'", "Did you mean 'batch'")),
    ({"initializer": "hee"}, ("initializer", "'hee'", "Did you mean 'he'")),
    ({"initializer": None}, ("initializer", "None", "glorot")),
    ({"scaling": "featur"}, ("scaling", "'featur'", "Did you mean 'feature'")),
    ({"scaling": "channel"}, ("scaling", "channel", "'feature'")),
    ({"batch_size": 1, "normalization": "batch"}, ("batch_size=1", "normalization")),
    ({"schedule": "cosin"}, ("schedule", "'cosin'", "Did you mean 'cosine'")),
    ({"schedule": 5}, ("schedule", "5", "cosine")),
    ({"schedule": "cosine", "learning_rate": "adaptive"}, ("schedule", "'adaptive'", "constant")),
    ({"schedule": {"name": "step", "factor": 2}}, ("step.factor", "at most 1", "2")),
    ({"weight_decay": -1}, ("weight_decay", "at least 0", "-1")),
    (
        {"weight_decay": 2, "learning_rate_init": 0.5},
        ("learning_rate_init", "weight_decay is 1", "Lower"),
    ),
    ({"clip_norm": 0}, ("clip_norm", "above 0", "0")),
    ({"average": 1}, ("average", "below 1", "1")),
    ({"validation_metric": "acuracy"}, ("validation_metric", "Did you mean 'accuracy'")),
    ({"validation_metric": 5}, ("validation_metric", "5", "get_scorer_names")),
    ({"max_seconds": -1}, ("max_seconds", "above 0", "-1")),
    ({"max_seconds": "1h"}, ("max_seconds", "a number", "'1h'")),
    ({"callbacks": 3}, ("callbacks", "list", "3")),
    ({"callbacks": [None]}, ("None", "function")),
    ({"callbacks": None}, ("callbacks", "list", "None")),
    ({"engine": "gpu"}, ("engine", "'gpu'", "'fast'")),
    ({"precision": "half"}, ("precision", "'half'", "'bf16'")),
    ({"precision": "bf16", "engine": "reference"}, ("bf16", "reference", "leave one")),
    ({"dtype": "float16"}, ("dtype", "'float16'", "'float32'")),
    ({"random_state": "a"}, ("random_state", "'a'", "integer")),
    ({"random_state": -1}, ("random_state", "-1")),
    ({"random_state": np.random.default_rng(0)}, ("random_state", "RandomState")),
    ({"validation_fraction": 0, "early_stopping": True}, ("validation_fraction", "above 0", "0")),
    ({"validation_fraction": 1, "early_stopping": True}, ("validation_fraction", "below 1", "1")),
    ({"validation_fraction": "a", "early_stopping": True}, ("validation_fraction", "'a'")),
    (
        {"validation_fraction": 0.01, "early_stopping": True},
        ("validation_fraction", "X_val"),
    ),
    (
        {"validation_fraction": 0.99, "early_stopping": True},
        ("validation_fraction=0.99", "24 rows", "learn from"),
    ),
    ({"loss": loss_of_wrong_shape}, ("loss_of_wrong_shape", "gradient", "shape")),
    ({"loss": loss_of_nan}, ("loss_of_nan", "nan", "check_gradients")),
    ({"loss": loss_without_gradient}, ("loss_without_gradient", "value", "gradient")),
    ({"loss": None}, ("loss", "None", "function")),
    ({"loss": ["squared_error"]}, ("loss", "['squared_error']")),
    ({"solver": "lbfgs", "dropout": 0.1, "average": 0.5}, ("lbfgs", "average, dropout", "out")),
]

ONLY_CLASSIFIER: list[tuple[Given, Words]] = [
    ({"loss": "log_los"}, ("loss", "'log_los'", "Did you mean 'log_loss'")),
    ({"loss": "squared_error"}, ("loss", "'squared_error'", "MLPRegressor")),
    ({"loss": "cross_entropy"}, ("loss", "Did you mean 'log_loss'")),
    ({"loss": dr.losses.cross_entropy}, ("loss cross_entropy", 'loss="log_loss"')),
    ({"loss": dr.losses.huber}, ("loss huber", "log_loss")),
    ({"class_weight": "balance"}, ("class_weight", '"balanced"', "'balance'")),
    ({"class_weight": {0: 1, 7: 2}}, ("class_weight", "class 7", "[0, 1]")),
    ({"class_weight": {0: -1}}, ("class_weight[0]", "at least 0", "-1")),
    ({"class_weight": {0: np.nan}}, ("class_weight[0]", "at least 0", "nan")),
    ({"class_weight": {0: "a"}}, ("class_weight[0]", "number", "'a'")),
    ({"class_weight": {0: None}}, ("class_weight[0]", "number", "None")),
    ({"class_weight": {0: [1, 2]}}, ("class_weight[0]", "number", "[1, 2]")),
    ({"class_weight": {0: 0, 1: 0}}, ("class_weight", "above 0")),
    ({"class_weight": [1, 2]}, ("class_weight", "dictionary", "[1, 2]")),
    ({"class_weight": {(0,): 1, "b": 2}}, ("class_weight", "(0,)", "[0, 1]")),
    ({"label_smoothing": 1}, ("label_smoothing", "below 1", "1")),
    ({"label_smoothing": "a"}, ("label_smoothing", "number", "'a'")),
    ({"calibrate": "yes"}, ("calibrate", "True or False", "'yes'")),
]

ONLY_REGRESSOR: list[tuple[Given, Words]] = [
    ({"loss": "mse"}, ("loss", "'mse'", "Did you mean 'squared_error'")),
    ({"loss": (100,)}, ("loss", "hidden_layer_sizes=(100,)")),
    ({"loss": "mae"}, ("loss", "'mae'", "Did you mean 'absolute_error'")),
    ({"loss": "log_loss"}, ("loss", "'log_loss'", "MLPClassifier")),
    ({"loss": dr.losses.cross_entropy}, ("loss cross_entropy", "regression")),
    ({"loss": "quantile", "quantile": 0}, ("quantile", "above 0", "0")),
    ({"loss": "quantile", "quantile": 1}, ("quantile", "below 1", "1")),
    ({"loss": "quantile", "quantile": []}, ("quantile", "empty")),
    ({"loss": "quantile", "quantile": [0.1, 2]}, ("quantile", "below 1", "2")),
    ({"loss": "quantile", "quantile": "median"}, ("quantile", "number", "'median'")),
    ({"quantile": 0.9}, ("quantile", 'loss="quantile"', "'squared_error'")),
    ({"quantile": [0.1, 0.9], "loss": "huber"}, ("quantile", 'loss="quantile"', "'huber'")),
    ({"delta": 2.0}, ("delta", 'loss="huber"', "'squared_error'")),
    ({"quantile": 2}, ("quantile", "below 1", "2")),
    ({"loss": "huber", "delta": 0}, ("delta", "above 0", "0")),
    ({"loss": "huber", "delta": "a"}, ("delta", "number", "'a'")),
    ({"standardize_targets": "yes"}, ("standardize_targets", "True or False", "'yes'")),
]

PARAMETERS = [
    *((make, *row) for row in BOTH for make in (classifier, regressor)),
    *((classifier, *row) for row in ONLY_CLASSIFIER),
    *((regressor, *row) for row in ONLY_REGRESSOR),
]


class Place:
    """Fitted estimators."""

    def __init__(self) -> None:
        self.fitted = classifier().fit(X, Y)
        self.texts = classifier().fit(X, TEXT)
        self.numbers = regressor().fit(X, Z)
        self.named = classifier().fit(frame("a", "b", "c"), Y)
        self.begun = classifier().partial_fit(X, Y, classes=[0, 1])
        self.warm = classifier(warm_start=True).fit(X, Y)
        self.bare = classifier(hidden_layer_sizes=()).fit(X, Y)


def fit(X: Any = X, y: Any = Y, weight: Any = None, of: Any = None, **more: Any) -> Any:
    """Fit a fresh classifier."""
    return lambda place: classifier(**(of or {})).fit(X, y, weight, **more)


def regress(X: Any = X, y: Any = Z, weight: Any = None, of: Any = None, **more: Any) -> Any:
    """Fit a fresh regressor."""
    return lambda place: regressor(**(of or {})).fit(X, y, weight, **more)


def again(**changed: Any) -> Callable[[Place], Any]:
    """Fit anew where the last fit ended, with other parameters."""
    return lambda p: p.warm.set_params(**changed).fit(X, Y)


HELD: Given = {"X_val": X[:6], "y_val": Y[:6]}
EARLY: Given = {"early_stopping": True, "validation_fraction": 0.25}

CALLS: dict[str, tuple[Callable[[Place], Any], Words]] = {
    # -- rows
    "X masked": (fit(np.ma.masked_less(X, 0)), ("X", "masked", "filled")),
    "X masked, predicted": (
        lambda p: p.fitted.predict(np.ma.masked_less(X, 0)),
        ("X", "masked", "filled"),
    ),
    "X with NaN": (fit(with_entry(np.nan)), ("X contains NaN",)),
    "X infinite": (regress(with_entry(np.inf)), ("X contains infinity",)),
    "X NaN, predicted": (lambda p: p.fitted.predict(with_entry(np.nan)), ("X contains NaN",)),
    "X with 1e300": (fit(with_entry(1e300)), ("X holds", "1e+300", "StandardScaler")),
    "X with -1e300": (regress(with_entry(-1e300)), ("X holds", "-1e+300", "StandardScaler")),
    "X with 1e300, predicted": (lambda p: p.numbers.predict(with_entry(1e300)), ("X holds",)),
    "X sparse with NaN": (fit(sparse.csr_matrix(with_entry(np.nan))), ("X contains NaN",)),
    "X sparse with 1e300": (fit(sparse.csr_array(with_entry(1e300))), ("X holds", "1e+300")),
    "X too large for float32": (fit(X * 1e60, of={"dtype": "float32"}), ("X holds", "float32")),
    "X complex": (fit(X + 1j), ("Complex data",)),
    "X text": (fit(np.full((N, 3), "a")), ("could not convert string to float", "'a'")),
    "X dates": (fit(np.zeros((N, 3), "M8[D]")), ("X", "dates")),
    "X objects": (fit(np.full((N, 3), {})), ("X", "number", "dict")),
    "X of three dimensions": (fit(np.zeros((N, 3, 1))), ("array with dim 3",)),
    "X one row, flat": (lambda p: p.fitted.predict(X[0]), ("2D array", "reshape(1, -1)")),
    "X without rows": (fit(X[:0], Y[:0]), ("0 sample(s)",)),
    "X without features": (fit(X[:, :0]), ("0 feature(s)",)),
    "X None": (fit(None), ("None",)),
    "X ragged": (fit([[1, 2], [1]] * 12), ("X", "ragged")),
    "X shorter than y": (fit(X[:5]), ("inconsistent numbers of samples",)),
    "X wider, predicted": (lambda p: p.fitted.predict(X[:, :2]), ("2 features", "expecting 3")),
    "X wider, transformed": (
        lambda p: p.fitted.transform(np.ones((2, 9))),
        ("9 features", "expecting 3"),
    ),
    "X with other names": (
        lambda p: p.named.predict(frame("a", "b", "d")),
        ("feature names should match", "- d"),
    ),
    "predict before fit": (lambda p: classifier().predict(X), ("not fitted yet", "fit")),
    "transform before fit": (lambda p: regressor().transform(X), ("not fitted yet",)),
    "save before fit": (lambda p: classifier().save("net"), ("not fitted yet",)),
    "layer beyond": (lambda p: p.fitted.transform(X, layer=5), ("layer 5", "2")),
    "layer a word": (lambda p: p.fitted.transform(X, layer="a"), ("layer", "whole", "'a'")),
    "no hidden layers": (lambda p: p.bare.transform(X), ("hidden layer", "hidden_layer_sizes")),
    # -- targets
    "y None": (fit(y=None), ("requires y",)),
    "y masked": (fit(y=np.ma.masked_equal(Y, 1)), ("y has 12 masked", "y.filled")),
    "y masked numbers": (regress(y=np.ma.masked_less(Z, 0)), ("y has", "masked")),
    "y longer": (fit(y=np.append(Y, 1)), ("inconsistent numbers of samples",)),
    "y of three dimensions": (fit(y=np.zeros((N, 2, 2))), ("y", "3")),
    "one class": (fit(y=Y * 0), ("only one class", "at least two")),
    "labels with fractions": (fit(y=Z), ("continuous", "MLPRegressor")),
    "labels NaN": (fit(y=with_entry(np.nan, Y.astype(float))), ("y contains NaN",)),
    "labels None": (fit(y=np.array([None, "a"] * 12, object)), ("y", "None")),
    "labels None among numbers": (fit(y=np.array([None, 1, 0, 1] * 6, object)), ("y", "None")),
    "labels mixed in a list": (fit(y=["a", 1] * 12), ("y mixes", "text", "one kind")),
    "labels mixed": (fit(y=np.array(["a", 1] * 12, object)), ("y mixes", "int and str")),
    "labels mixed in a column": (fit(y=pd.Series(["a", 1] * 12)), ("y mixes", "int and str")),
    "labels with a gap in a column": (fit(y=pd.Series(["a", None] * 12)), ("y", "nan")),
    "labels of bytes": (fit(y=TEXT.astype("S3")), ("labels", "bytes", "string")),
    "several columns of classes": (
        fit(y=np.column_stack([Y, Y + 1])),
        ("multiclass-multioutput", "MultiOutputClassifier"),
    ),
    "numbers text": (regress(y=TEXT), ("y", "'no'", "number", "MLPClassifier")),
    "numbers NaN": (regress(y=with_entry(np.nan, Z)), ("y contains NaN",)),
    "numbers complex": (regress(y=Z + 1j), ("Complex data",)),
    "numbers huge": (regress(y=Z * 1e300), ("y holds", "e+300", "units")),
    "numbers huge once": (regress(y=with_entry(1e300, Z)), ("y holds", "1e+300", "units")),
    "numbers huge as they are": (
        regress(y=Z * 1e200, of={"standardize_targets": False}),
        ("y holds", "units"),
    ),
    "counts negative": (regress(of={"loss": "poisson"}), ("negative", "y >= 0", "squared_error")),
    "columns of numbers and quantiles": (
        regress(y=np.column_stack([Z, Z]), of={"loss": "quantile", "quantile": [0.1, 0.9]}),
        ("quantile", "2 columns", "one"),
    ),
    # -- weights
    "weights negative": (fit(weight=-np.ones(N)), ("sample_weight", "negative", "-1")),
    "weights NaN": (fit(weight=with_entry(np.nan, np.ones(N))), ("sample_weight", "nan", "row 1")),
    "weights infinite": (regress(weight=np.full(N, np.inf)), ("sample_weight", "inf", "row 0")),
    "weights zero": (regress(weight=np.zeros(N)), ("sample_weight", "zero for every row")),
    "weights short": (fit(weight=[1, 2]), ("sample_weight", "24 numbers", "(2,)")),
    "weights in columns": (fit(weight=np.ones((N, 1))), ("sample_weight", "24 numbers", "(24, 1)")),
    "weights text": (fit(weight=["a"] * N), ("sample_weight", "numbers", "<U1")),
    "weights a word": (fit(weight="balanced"), ("sample_weight", "'balanced'", "class_weight")),
    "weights masked": (fit(weight=np.ma.masked_equal(Y, 1)), ("sample_weight", "masked")),
    "weight a negative number": (fit(weight=-1.0), ("sample_weight", "-1.0")),
    "weight a number that is none": (fit(weight=np.nan), ("sample_weight", "nan")),
    "weight zero": (fit(weight=0), ("sample_weight", "0")),
    "weight of a class with several labels": (
        fit(y=np.column_stack([Y, Y[::-1]]), of={"class_weight": "balanced"}),
        ("class_weight", "several labels", "sample_weight"),
    ),
    "weights leave nothing": (
        fit(weight=Y.astype(float), of={"class_weight": {1: 0}}),
        ("class_weight and sample_weight", "above 0"),
    ),
    # -- rows to judge by
    "X_val alone": (fit(X_val=X), ("belong together", "y_val is missing")),
    "y_val alone": (fit(y_val=Y), ("belong together", "X_val is missing")),
    "sample_weight_val alone": (
        fit(sample_weight_val=np.ones(N)),
        ("sample_weight_val", "X_val and y_val are missing"),
    ),
    "X_val wider": (fit(X_val=np.ones((6, 9)), y_val=Y[:6]), ("X_val", "9 features", "3")),
    "X_val longer": (fit(X_val=X, y_val=Y[:6]), ("X_val", "y_val", "[24, 6]")),
    "X_val NaN": (fit(X_val=with_entry(np.nan), y_val=Y), ("X_val contains NaN",)),
    "X_val with 1e300": (fit(X_val=with_entry(1e300), y_val=Y), ("X_val holds", "1e+300")),
    "X_val masked": (fit(X_val=np.ma.masked_less(X, 0), y_val=Y), ("X_val", "masked")),
    "X_val empty": (fit(X_val=X[:0], y_val=Y[:0]), ("X_val", "0 sample(s)")),
    "X_val text": (fit(X_val=np.full((6, 3), "a"), y_val=Y[:6]), ("X_val", "'a'")),
    "X_val with other names": (
        lambda p: classifier().fit(frame("a", "b", "c"), Y, X_val=frame("a", "b", "d"), y_val=Y),
        ("X_val", "feature names", "- d"),
    ),
    "y_val masked": (fit(X_val=X, y_val=np.ma.masked_equal(Y, 1)), ("y_val", "masked")),
    "y_val NaN": (regress(X_val=X, y_val=Z * np.nan), ("y_val contains NaN",)),
    "y_val never seen": (fit(X_val=X, y_val=Y + 1), ("y_val", "2", "[0, 1]")),
    "y_val of another type": (fit(X_val=X, y_val=TEXT), ("y_val", "such as 'no'", "[0, 1]")),
    "y_val with fractions": (fit(X_val=X, y_val=Z), ("y_val", "[0, 1]")),
    "y_val with more columns": (
        regress(X_val=X, y_val=np.column_stack([Z, Z])),
        ("y_val has 2 columns", "1"),
    ),
    "y_val of labels flat": (
        fit(y=np.column_stack([Y, Y[::-1]]), X_val=X, y_val=Y),
        ("y_val", "column", "(24,)"),
    ),
    "sample_weight_val negative": (
        fit(sample_weight_val=-np.ones(6), **HELD),
        ("sample_weight_val", "negative"),
    ),
    "sample_weight_val short": (
        fit(sample_weight_val=np.ones(5), **HELD),
        ("sample_weight_val", "6 numbers", "(5,)"),
    ),
    "X_val of text": (
        fit(X_val=[["a", "b", "c"]] * 6, y_val=Y[:6]),
        ("X_val", "'a'", 'transform_input=["X_val"]'),
    ),
    "X_val of other columns": (
        fit(X_val=X[:6, :2], y_val=Y[:6]),
        ("X_val has 2 features", "expecting 3", 'transform_input=["X_val"]'),
    ),
    "X_val with gaps": (
        fit(X_val=with_entry(np.nan)[:6], y_val=Y[:6]),
        ("X_val contains NaN", 'transform_input=["X_val"]'),
    ),
    "y_val has no steps to pass": (
        regress(X_val=X, y_val=with_entry(np.nan, Z)),
        ("y_val contains NaN.",),
    ),
    # -- rows held out
    "a validation metric and nothing held out": (
        fit(of={"validation_metric": "roc_auc"}),
        ("validation_metric='roc_auc'", "X_val", "early_stopping=True"),
    ),
    "a class of one row": (
        fit(y=np.r_[2, Y[1:]], of=EARLY),
        ("only 1 member", "[2]", "early_stopping", "X_val"),
    ),
    "more classes than rows held out": (
        fit(y=np.arange(N) // 2, of={**EARLY, "validation_fraction": 0.1}),
        ("held out, 3", "number of classes = 12", "validation_fraction"),
    ),
    "two rows": (fit(X[:2], Y[:2], of=EARLY), ("validation_fraction", "X_val")),
    "nothing weighs among the rows held out": (
        regress(weight=np.eye(N)[0], of=EARLY),
        ("weight 0", "X_val"),
    ),
    # -- step by step
    "partial_fit without classes": (
        lambda p: classifier().partial_fit(X, Y),
        ("classes", "first call to partial_fit"),
    ),
    "partial_fit with weights, without classes": (
        lambda p: classifier().partial_fit(X, Y, np.ones(N)),
        ("classes must be", "that these do not."),
    ),
    "partial_fit with classes in the place of weights": (
        lambda p: classifier().partial_fit(X, Y, [0, 1]),
        ("classes", "third argument is sample_weight", "classes=[0, 1]"),
    ),
    "partial_fit with other classes": (
        lambda p: p.begun.partial_fit(X, Y, classes=[0, 1, 2]),
        ("classes", "[0, 1, 2]", "[0, 1]"),
    ),
    "partial_fit with labels never seen": (
        lambda p: p.begun.partial_fit(X, Y + 1),
        ("y", "2", "[0, 1]"),
    ),
    "partial_fit with labels outside its classes": (
        lambda p: classifier().partial_fit(X, Y, classes=[0, 5]),
        ("y", "1", "[0, 5]"),
    ),
    "partial_fit with classes that mix": (
        lambda p: classifier().partial_fit(X, Y, classes=np.array([0, "a"], object)),
        ("classes mixes", "int and str"),
    ),
    "partial_fit with one class": (
        lambda p: classifier().partial_fit(X, Y, classes=[0]),
        ("classes", "only one class"),
    ),
    "partial_fit with other features": (
        lambda p: p.begun.partial_fit(X[:, :2], Y),
        ("2 features", "expecting 3"),
    ),
    "partial_fit with other columns": (
        lambda p: p.numbers.partial_fit(X, np.column_stack([Z, Z])),
        ("y has 2 columns", "1"),
    ),
    "partial_fit with other layers": (
        lambda p: p.begun.set_params(hidden_layer_sizes=(5,)).partial_fit(X, Y),
        ("hidden_layer_sizes", "(5,)", "(4, 3)"),
    ),
    # -- where another fit ended
    "warm start with other classes": (
        lambda p: p.warm.fit(X, Y + 1),
        ("`y` has [1 2]", "[0 1]", "partial_fit"),
    ),
    "warm start with other features": (
        lambda p: p.warm.fit(X[:, :2], Y),
        ("2 features", "expecting 3"),
    ),
    "warm start with other layers": (
        again(hidden_layer_sizes=(7,)),
        ("hidden_layer_sizes", "(7,)", "warm_start=False"),
    ),
    "warm start with another normalization": (
        again(normalization="batch"),
        ("normalization", "'batch'", "None", "warm_start=False"),
    ),
    "warm start with another scaling and type": (
        again(scaling="feature", dtype="float32"),
        ("2 problems", "scaling", "dtype", "warm_start=False"),
    ),
    "partial_fit with another loss": (
        lambda p: p.numbers.set_params(loss="huber").partial_fit(X, Z),
        ("loss", "'huber'", "'half_squared_error'"),
    ),
    # -- without rows
    "initialize no features": (
        lambda p: classifier().initialize(0, [0, 1]),
        ("n_features", "at least 1", "0"),
    ),
    "initialize a word": (
        lambda p: regressor().initialize("a"),
        ("n_features", "whole number", "'a'"),
    ),
    "initialize one class": (lambda p: classifier().initialize(3, [0]), ("only one class",)),
    "initialize classes None": (lambda p: classifier().initialize(3, None), ("classes", "None")),
    "initialize classes a word": (lambda p: classifier().initialize(3, "ab"), ("classes", "'ab'")),
    "initialize classes mixed": (
        lambda p: classifier().initialize(3, np.array(["a", 1], object)),
        ("classes mixes", "int and str"),
    ),
    "initialize no outputs": (
        lambda p: regressor().initialize(3, 0),
        ("n_outputs", "at least 1", "0"),
    ),
    "initialize with a bad parameter": (
        lambda p: regressor(alpha=-1).initialize(3),
        ("alpha", "at least 0"),
    ),
    # -- what fits no other row
    "a metric of other targets": (
        regress(of={"validation_metric": "neg_log_loss"}, X_val=X, y_val=Z),
        ("validation_metric='neg_log_loss'", "choose another"),
    ),
    "y_val of several labels": (
        fit(X_val=X, y_val=np.eye(2, dtype=int)[Y]),
        ("y_val", "one label", "(24, 2)"),
    ),
    "weights that vanish": (
        fit(weight=np.full(N, 1e-60), of={"dtype": "float32"}),
        ("sample_weight", "float32", "around 1"),
    ),
    "a class weight that overflows": (
        fit(of={"class_weight": {0: 1e300}, "dtype": "float32"}),
        ("class_weight", "float32", "around 1"),
    ),
    "a penalty that overflows": (fit(of={"alpha": 1e300}), ("alpha", "1e+300", "lower alpha")),
    "numbers too large for X's type": (
        regress(X.astype(np.float32), Z * 1e60),
        ("y holds", "float32", "units"),
    ),
    # -- what leaves the finite numbers
    "a rate that leaves at the last step": (
        fit(of={"learning_rate_init": 1e300, "max_iter": 1}),
        ("diverged", "learning_rate_init"),
    ),
    "a rate of 1e10": (
        fit(X * 10, of={"learning_rate_init": 1e10, "solver": "sgd", "max_iter": 50}),
        ("diverged", "learning_rate_init"),
    ),
    "a rate of 1e10, numbers": (
        regress(of={"learning_rate_init": 1e10, "solver": "sgd", "max_iter": 50}),
        ("diverged", "learning_rate_init"),
    ),
}


def well_said(message: str) -> bool:
    """Whether a message is whole, for people, and knows nothing of the network's own words."""
    return (
        len(message) >= 20
        and "object at 0x" not in message
        and "sizes[" not in message.replace("hidden_layer_sizes[", "")
        and not {"optimizer", "lr", "epochs", "seed"} & set(message.replace("=", " ").split())
    )


def named(row: tuple[Any, Given, Words]) -> str:
    """A row's name among the tests, the same in every process."""
    make, given, _ = row
    told = "-".join(f"{k}={getattr(v, '__name__', v)}" for k, v in given.items())
    return f"{make.__name__}-" + re.sub(r" at 0x\w+", "", told)[:60]


@pytest.mark.parametrize("row", PARAMETERS, ids=named)
def test_parameter(row: tuple[Any, Given, Words]) -> None:
    """A wrong parameter is a ValueError or TypeError that names it and says what it may be."""
    make, given, words = row
    estimator = make(**given)
    with pytest.raises((ValueError, TypeError)) as caught:
        estimator.fit(X, Y if make is classifier else Z)
    message = str(caught.value)
    assert well_said(message), message
    for word in words:
        assert word in message, message


@pytest.fixture(scope="module")
def first_place() -> Place:
    """Fitted once for all tests, which change copies."""
    return Place()


@pytest.mark.parametrize("name", CALLS)
def test_call(name: str, first_place: Place) -> None:
    """A bad call is a ValueError or TypeError that says what was wrong."""
    call, words = CALLS[name]
    place = copy.deepcopy(first_place)
    with pytest.raises((ValueError, TypeError)) as caught:
        call(place)
    message = str(caught.value)
    assert well_said(message), message
    for word in words:
        assert word in message, message


def test_all_mistakes_of_the_parameters_in_one_message() -> None:
    """Twelve mistakes of one constructor are twelve numbered sentences of one message."""
    estimator = dr.MLPClassifier(
        hidden_layer_sizes=(4, 3),
        activation="rellu",
        solver="adm",
        alpha=-1,
        dropout=[0.1] * 3,
        normalization="bach",
        beta_1=1,
        validation_metric="acuracy",
        callbacks=3,
        class_weight="balance",
        loss="log_los",
        random_state="a",
        learning_rate="cosine",
    )
    with pytest.raises(dr.InvalidInput, match=r"^12 problems: \(1\) alpha ") as caught:
        estimator.fit(X, Y)
    assert len(caught.value.sentences) == 12
    assert all(map(well_said, caught.value.sentences))


def test_partial_fit_of_lbfgs_is_none() -> None:
    """There is no partial_fit where the solver takes all rows at once, and the reason is told."""
    with pytest.raises(AttributeError, match="partial_fit") as caught:
        classifier(solver="lbfgs").partial_fit(X, Y, classes=[0, 1])
    assert "takes all rows at once" in str(caught.value.__cause__)
