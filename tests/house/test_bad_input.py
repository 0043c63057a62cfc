"""What bad input gets: one sentence that says what was wrong and what to do, and nothing changed.

Two tables, one of calls and one of commands.  A row is a name, what is done, and words that the
sentence must hold: what was given, and what to do about it.
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.cli.main import main
from deltarule.data.dataset import Table
from deltarule.data.tables import TableEncoder
from deltarule.runs.recipes import Recipe

ROOT = Path(__file__).resolve().parents[2]
N = 12
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(N, 3))
Y = np.arange(N) % 2
TEXT = np.array(["no", "yes"])[Y]


def with_entry(value: float) -> np.ndarray:
    """X with one entry replaced."""
    changed = X.copy()
    changed[1, 2] = value
    return changed


@dr.losses.declare("classification")  # type: ignore[type-var]
def _alone(y: Any, z: Any, weight: Any, total: float) -> float:
    """A loss without its derivative."""
    return float((z * z).sum() / total)


@dr.optimizers.rule(slots=0)
def _elsewhere(theta: Any, grad: Any, state: Any, work: Any, lr: Any) -> Any:
    """A rule that moves nothing."""
    return theta - lr * grad


def _one_step(**options: Any) -> None:
    dr.Network([3, 4, 2], **options).train(X, Y, epochs=1, progress=False)


class Sparse:
    """What scipy's sparse matrices have in common."""

    def toarray(self) -> np.ndarray:
        return X


class Stubborn:
    """An object whose own conversion fails."""

    def __len__(self) -> int:
        return N

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise RuntimeError("no array today")


class Place:
    """A trained network and a folder to work in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.net = dr.Network([3, 4, 2], seed=1)
        self.net.train(X, Y, epochs=1, progress=False)
        self.numbers = dr.Network([3, 4, 1], loss="squared_error")
        self.counts = dr.Network([3, 4, 1], loss="poisson")
        self.labels = dr.Network([3, 4, 2], loss="binary_cross_entropy")
        self.fruit = dr.Network([3, 4, 2], classes=["apple", "pear"])
        table = Table({"age": np.arange(6.0), "sex": np.array(["f", "m"] * 3, object)})
        encoder = TableEncoder.fit(table)
        self.census = dr.Network([3, 2], encoder=encoder)

    def train(self, *args: Any, net: dr.Network | None = None, **options: Any) -> object:
        return (net or self.net).train(*args, **{"epochs": 1, "progress": False, **options})

    def write(self, name: str, content: bytes) -> Path:
        (self.folder / name).write_bytes(content)
        return self.folder / name

    def model(self, change: Callable[[bytes], bytes]) -> Path:
        """A model file that was changed on its way."""
        path = self.folder / "changed.safetensors"
        self.net.save(path)
        path.write_bytes(change(path.read_bytes()))
        return path


Call = Callable[[Place], object]
Row = tuple[str, Call, tuple[str, ...]]

CONSTRUCTOR: list[Row] = [
    ("sizes None", lambda p: dr.Network(None), ("sizes", "list", "None")),
    ("sizes a word", lambda p: dr.Network("big"), ("sizes", "list", "'big'")),
    ("sizes a 0-d array", lambda p: dr.Network(np.array(3)), ("sizes", "list", "3")),
    ("one size", lambda p: dr.Network([3]), ("inputs and the outputs", "[3]")),
    ("size zero", lambda p: dr.Network([3, 0, 2]), ("sizes[1]", "at least 1", "not 0")),
    ("size negative", lambda p: dr.Network([3, -4, 2]), ("sizes[1]", "at least 1", "not -4")),
    ("size with a fraction", lambda p: dr.Network([3, 2.5, 2]), ("sizes[1]", "whole", "2.5")),
    ("size a bool", lambda p: dr.Network([3, True, 2]), ("sizes[1]", "whole number", "True")),
    ("sizes ragged", lambda p: dr.Network([[3], [4, 2]]), ("sizes[0]", "whole number", "[3]")),
    ("sizes huge", lambda p: dr.Network([3, 10**30, 2]), ("sizes[1]", "at most 100,000,000")),
    (
        "weights huge",
        lambda p: dr.Network([3, 10**8, 10**8]),
        ("10,000,000,300,000,000", "smaller"),
    ),
    ("one output of classes", lambda p: dr.Network([3, 1]), ("at least 2", "binary_cross_entropy")),
    ("activation", lambda p: dr.Network([3, 4, 2], activation="rleu"), ("Did you mean 'relu'",)),
    (
        "activation a number",
        lambda p: dr.Network([3, 4, 2], activation=7),
        ("Unknown activation 7",),
    ),
    (
        "activations too many",
        lambda p: dr.Network([3, 4, 2], activation=["relu", "tanh"]),
        ("activation", "here 1", "2 were given"),
    ),
    (
        "activation without name",
        lambda p: dr.Network([3, 4, 2], activation={"alpha": 1.0}),
        ("lacks its name",),
    ),
    (
        "option unknown",
        lambda p: dr.Network([3, 4, 2], activation={"name": "elu", "alhpa": 1.0}),
        ("no option 'alhpa'", "Did you mean 'alpha'"),
    ),
    (
        "option out of range",
        lambda p: dr.Network([3, 2], optimizer={"name": "adam", "beta1": 1.0}),
        ("adam.beta1", "below 1", "1.0"),
    ),
    (
        "option a word",
        lambda p: dr.Network([3, 2], optimizer={"name": "sgd", "momentum": "0.9"}),
        ("sgd.momentum", "number", "'0.9'"),
    ),
    (
        "option beyond float",
        lambda p: dr.Network([3, 4, 2], activation={"name": "elu", "alpha": 10**400}),
        ("elu.alpha", "finite", "1000"),
    ),
    ("loss", lambda p: dr.Network([3, 2], loss="corss_entropy"), ("Did you mean 'cross_entropy'",)),
    ("loss a helper", lambda p: dr.Network([3, 2], loss="l2_penalty"), ("Unknown loss", "huber")),
    ("loss undeclared", lambda p: dr.Network([3, 2], loss=np.mean), ("loss mean", "declare")),
    ("loss of no task", lambda p: dr.losses.declare("regresion"), ("mean 'regression'",)),
    ("loss alone", lambda p: _one_step(loss=_alone), ("_alone must return (L, ∂L/∂z)", "float")),
    ("activation alone", lambda p: _one_step(activation=np.tanh), ("return (y, pullback)",)),
    ("rule not in place", lambda p: _one_step(optimizer=_elsewhere), ("_elsewhere", "in place")),
    ("rule undeclared", lambda p: dr.Network([3, 2], optimizer=len), ("optimizer len", "rule(")),
    ("optimizer", lambda p: dr.Network([3, 2], optimizer="adm"), ("Did you mean 'adam'",)),
    ("schedule", lambda p: dr.Network([3, 2], schedule=["cosin"]), ("Did you mean 'cosine'",)),
    ("initializer", lambda p: dr.Network([3, 2], initializer="hee"), ("Did you mean 'he'",)),
    ("dropout one", lambda p: dr.Network([3, 4, 2], dropout=1.0), ("dropout", "below 1", "1.0")),
    ("dropout NaN", lambda p: dr.Network([3, 4, 2], dropout=np.nan), ("dropout", "at least 0")),
    ("normalization", lambda p: dr.Network([3, 2], normalization="bacth"), ("mean 'batch'",)),
    ("scaling", lambda p: dr.Network([3, 2], scaling="units"), ("Did you mean 'unit'",)),
    (
        "scaling of channels without images",
        lambda p: dr.Network([3, 2], scaling="channel"),
        ("image_shape", 'scaling="feature"'),
    ),
    (
        "image shape that does not fit",
        lambda p: dr.Network([3, 2], image_shape=(3, 2, 2)),
        ("image_shape", "product", "(3, 2, 2)"),
    ),
    ("encoder a word", lambda p: dr.Network([3, 2], encoder="x"), ("TableEncoder", "'x'")),
    (
        "encoder of another width",
        lambda p: dr.Network([4, 2], encoder=p.census.preprocessing.encoder),
        ("makes 3 features", "first of the sizes is 4"),
    ),
    ("dtype", lambda p: dr.Network([3, 2], dtype="float16"), ("Unknown dtype", "'float32'")),
    ("seed negative", lambda p: dr.Network([3, 2], seed=-1), ("seed", "at least 0", "-1")),
    ("decay negative", lambda p: dr.Network([3, 2], weight_decay=-0.1), ("weight_decay", "-0.1")),
    ("l2 infinite", lambda p: dr.Network([3, 2], l2=np.inf), ("l2", "at least 0", "inf")),
    ("lr_decay a bool", lambda p: dr.Network([3, 2], lr_decay=True), ("lr_decay", "True")),
    ("standardize", lambda p: dr.Network([3, 2], standardize_targets="yes"), ("'yes'", "'auto'")),
    ("classes mixed", lambda p: dr.Network([3, 2], classes=["a", 1]), ("classes", "['a', 1]")),
    ("classes a word", lambda p: dr.Network([3, 2], classes="ab"), ("classes", "list", "'ab'")),
    ("classes twice", lambda p: dr.Network([3, 2], classes=["a", "a"]), ("twice", "['a', 'a']")),
    ("classes too many", lambda p: dr.Network([3, 2], classes=[1, 2, 3]), ("3 labels", "2 apart")),
]

ROWS: list[Row] = [
    ("X None", lambda p: p.train(None, Y), ("X must be an array", "None")),
    ("X a word", lambda p: p.train("data.csv", Y), ("X must be an array", "'data.csv'")),
    ("X a number", lambda p: p.train(1.5, Y), ("X must be an array", "1.5")),
    ("X a dictionary", lambda p: p.train({"a": [1]}, Y), ("X must be an array", "{'a': [1]}")),
    ("X a set", lambda p: p.net.predict({1, 2}), ("X must be an array", "{1, 2}")),
    ("X a generator", lambda p: p.net.predict(i for i in X), ("X must be an array", "generator")),
    ("X ragged", lambda p: p.train([[1, 2, 3], [1, 2]], [0, 1]), ("ragged", "equally long")),
    ("X one row", lambda p: p.net.predict(X[0]), ("(3,)", "X.reshape(1, -1)")),
    ("X images", lambda p: p.net.predict(np.zeros((5, 3, 1))), ("(5, 3, 1)", "flatten")),
    ("X transposed", lambda p: p.train(X.T, Y), ("transposed", "(3, 12)", "pass X.T")),
    ("X_val transposed", lambda p: p.train(X, Y, X.T, Y), ("transposed", "pass X_val.T")),
    ("X too wide", lambda p: p.train(np.ones((N, 5)), Y), ("5 features", "takes 3")),
    ("X empty", lambda p: p.train(X[:0], Y[:0]), ("X is empty", "y is empty")),
    ("X NaN", lambda p: p.train(with_entry(np.nan), Y), ("nan", "row 1, column 2", "fill in")),
    ("X infinite", lambda p: p.net.predict(with_entry(-np.inf)), ("-inf", "row 1, column 2")),
    ("X_val NaN", lambda p: p.train(X, Y, with_entry(np.nan), Y), ("X_val holds nan", "row 1")),
    ("X too large", lambda p: p.net.predict(with_entry(1e39)), ("1e+39", "float64")),
    ("X masked", lambda p: p.net.predict(np.ma.masked_less(X, 0)), ("masked", "X.filled")),
    ("X sparse", lambda p: p.train(Sparse(), Y), ("sparse", "X.toarray()")),
    ("X complex", lambda p: p.net.predict(X + 0j), ("complex", "real and imaginary")),
    ("X text", lambda p: p.train(np.full((N, 3), "a"), Y), ("text", "'a'", "--target")),
    ("X text among numbers", lambda p: p.net.predict([[1, "b", 2]]), ("mixes text", "such as 1")),
    ("X objects", lambda p: p.net.predict(X.astype(object)), ("objects", "X.astype(float)")),
    ("X dates", lambda p: p.net.predict(np.zeros((2, 3), "M8[D]")), ("dates", "days since")),
    ("X records", lambda p: p.net.predict(np.zeros(2, [("a", float)])), ("records", "plain array")),
    ("X stubborn", lambda p: p.train(Stubborn(), Y), ("no array today", "NumPy array")),
    ("X a table", lambda p: p.net.predict(Table({"a": X[:, 0]})), ("table", "3 features")),
    (
        "table column missing",
        lambda p: p.census.predict({"sex": ["f"]}),
        ("X: There is no column 'age'",),
    ),
    (
        "table column of text",
        lambda p: p.census.predict({"age": ["old"], "sex": ["f"]}),
        ("'age'", "'old'", "numbers"),
    ),
    ("table an array", lambda p: p.census.predict(np.ones((2, 9))), ("a table", "age, sex")),
]

TARGETS: list[Row] = [
    ("y None", lambda p: p.train(X, None), ("y must be an array", "None")),
    ("y a word", lambda p: p.train(X, "yes"), ("y must be an array", "'yes'")),
    ("y a number", lambda p: p.train(X, 1), ("y must be an array", "not 1")),
    ("y 0-d", lambda p: p.net.evaluate(X, np.array(1)), ("y must be an array", "array(1)")),
    ("y empty", lambda p: p.train(X, []), ("y is empty",)),
    ("y longer", lambda p: p.train(X, np.append(Y, 0)), ("12 rows of X", "(13,)")),
    ("y shorter", lambda p: p.net.evaluate(X, Y[:5]), ("12 rows of X", "(5,)")),
    ("y_val longer", lambda p: p.train(X, Y, X[:4], Y), ("y_val", "4 rows of X_val", "(12,)")),
    ("y of three dimensions", lambda p: p.train(X, np.ones((N, 2, 2))), ("12 rows", "(12, 2, 2)")),
    ("y ragged", lambda p: p.train(X, [[1], [1, 2]] * 6), ("y is ragged",)),
    ("y NaN", lambda p: p.train(X, np.where(Y, np.nan, 0)), ("nan", "row 1", "fill in")),
    ("y infinite", lambda p: p.train(X, X[:, 0] / 0.0, net=p.numbers), ("inf", "row 0")),
    ("y gaps", lambda p: p.train(X, [0, None] * 6), ("nan", "row 1")),
    ("labels from 1", lambda p: p.train(X, Y + 1), ("6 labels", "first is 2", "0 to 1")),
    ("labels negative", lambda p: p.train(X, Y - 1), ("6 labels", "first is -1", "from 0")),
    ("labels outside", lambda p: p.net.evaluate(X, Y * 9), ("outside the classes 0, 1", "9")),
    ("labels huge", lambda p: p.train(X, Y * 1e300), ("outside", "1e+300")),
    ("labels beyond float", lambda p: p.train(X, [0, 10**400] * 6), ("fit float64", "int")),
    ("labels with fractions", lambda p: p.train(X, Y + 0.5), ("fractions", "0.5", "squared_error")),
    ("labels of one class", lambda p: p.train(X, Y * 0), ("one class only, 0", "another class")),
    ("texts of one class", lambda p: p.train(X, ["a"] * N, net=p.fruit), ("'a'", "'apple'")),
    ("texts too many", lambda p: dr.Network([3, 2]).train(X, [*"abc"] * 4), ("3 different", "'c'")),
    ("text unknown", lambda p: p.train(X, ["aple"] * N, net=p.fruit), ("Did you mean 'apple'",)),
    ("text for numbers", lambda p: p.train(X, TEXT), ("holds text", "classes are 0, 1")),
    ("numbers for text", lambda p: p.train(X, Y, net=p.fruit), ("holds numbers", "'apple'")),
    ("labels mixed", lambda p: p.train(X, ["a", 1] * 6), ("mixes text", "such as 1")),
    ("labels with None", lambda p: p.train(X, ["a", None] * 6), ("mixes text", "None")),
    ("y masked", lambda p: p.train(X, np.ma.masked_equal(Y, 1)), ("6 masked", "y.filled")),
    ("y sparse", lambda p: p.train(X, Sparse()), ("y is a sparse matrix", "y.toarray()")),
    ("y complex", lambda p: p.train(X, Y + 0j), ("labels or numbers", "complex128")),
    ("y dates", lambda p: p.train(X, np.zeros(N, "M8[D]")), ("labels or numbers", "datetime64")),
    ("y bytes", lambda p: p.train(X, TEXT.astype("S3")), ("|S3", "y.astype(str)")),
    ("y objects", lambda p: p.train(X, [Sparse] * N), ("labels or numbers", "type")),
    ("one-hot too wide", lambda p: p.train(X, np.eye(3)[Y]), ("3 columns", "2 outputs")),
    ("shares that miss 1", lambda p: p.train(X, np.full((N, 2), 0.7)), ("add up to 1", "0.7, 0.7")),
    ("shares negative", lambda p: p.train(X, [[1.5, -0.5]] * N), ("at least 0", "[1.5, -0.5]")),
    ("text for quantities", lambda p: p.train(X, TEXT, net=p.numbers), ("'no'", "cross_entropy")),
    ("quantities too many", lambda p: p.train(X, X, net=p.numbers), ("3 columns", "size is 1")),
    (
        "quantities huge",
        lambda p: p.train(X, X[:, 0] * 1e300, net=p.numbers),
        ("too large", "units"),
    ),
    ("counts negative", lambda p: p.train(X, X[:, 0], net=p.counts), ("negative", "poisson")),
    ("labels flat", lambda p: p.train(X, Y, net=p.labels), ("(12, 2)", "(12,)", "cross_entropy")),
    ("labels beyond 1", lambda p: p.train(X, X[:, :2] * 5, net=p.labels), ("from 0 to 1",)),
]

TRAINING: list[Row] = [
    ("weight negative", lambda p: p.train(X, Y, sample_weight=-np.ones(N)), ("negative", "-1")),
    ("weight short", lambda p: p.train(X, Y, sample_weight=[1, 2]), ("12 numbers", "(2,)")),
    ("weight NaN", lambda p: p.train(X, Y, sample_weight=np.full(N, np.nan)), ("nan", "row 0")),
    ("weight zero", lambda p: p.train(X, Y, sample_weight=np.zeros(N)), ("zero for every row",)),
    ("weight underflows", lambda p: p.train(X, Y, sample_weight=[1e-60] * N), ("zero for every",)),
    (
        "weight a word",
        lambda p: p.train(X, Y, sample_weight="balanced"),
        ("'balanced'", "each row"),
    ),
    (
        "weight ragged",
        lambda p: p.net.evaluate(X, Y, [[1], [2, 3]] * 6),
        ("sample_weight", "ragged"),
    ),
    (
        "weight_val negative",
        lambda p: p.train(X, Y, X, Y, sample_weight_val=-np.ones(N)),
        ("sample_weight_val holds negative",),
    ),
    (
        "weight_val alone",
        lambda p: p.train(X, Y, sample_weight_val=np.ones(N)),
        ("belong together", "X_val and y_val are missing"),
    ),
    ("X_val alone", lambda p: p.train(X, Y, X), ("belong together", "y_val is missing")),
    ("y_val alone", lambda p: p.train(X, Y, y_val=Y), ("belong together", "X_val is missing")),
    ("epochs zero", lambda p: p.train(X, Y, epochs=0), ("epochs", "at least 1", "not 0")),
    ("epochs a word", lambda p: p.train(X, Y, epochs="3"), ("epochs", "whole number", "'3'")),
    ("batch negative", lambda p: p.train(X, Y, batch_size=-1), ("batch_size", "at least 1", "-1")),
    ("batch a fraction", lambda p: p.train(X, Y, batch_size=2.0), ("batch_size", "2.0")),
    ("lr zero", lambda p: p.train(X, Y, lr=0), ("lr", "above 0", "not 0")),
    ("lr NaN", lambda p: p.train(X, Y, lr=np.nan), ("lr", "above 0", "nan")),
    ("lr beyond float", lambda p: p.train(X, Y, lr=10**400), ("lr", "above 0", "1000")),
    ("clip zero", lambda p: p.train(X, Y, clip_norm=0), ("clip_norm", "above 0", "not 0")),
    ("average one", lambda p: p.train(X, Y, average=1), ("average", "below 1", "not 1")),
    ("min_delta", lambda p: p.train(X, Y, min_delta=-1), ("min_delta", "at least 0", "-1")),
    ("engine", lambda p: p.train(X, Y, engine="fats"), ("Unknown engine 'fats'", "'fast'?")),
    ("engine a list", lambda p: p.train(X, Y, engine=["fast"]), ("Unknown engine ['fast']",)),
    ("precision", lambda p: p.train(X, Y, precision="half"), ("Unknown precision 'half'", "bf16")),
    (
        "on_divergence",
        lambda p: p.train(X, Y, on_divergence="rolback"),
        ("Unknown on_divergence 'rolback'", "Did you mean 'rollback'?"),
    ),
    (
        "precision of the reference",
        lambda p: p.train(X, Y, engine="reference", precision="bf16"),
        ("bf16", "leave one of them out"),
    ),
    ("shards", lambda p: p.train(X, Y, shards=6), ("shards", "power of two", "not 6")),
    ("shards a text", lambda p: p.train(X, Y, shards="4"), ("shards", "not '4'")),
    ("workers", lambda p: p.train(X, Y, workers=2), ("workers.join", "not 2")),
    (
        "sharded optimizer",
        lambda p: p.train(X, Y, sharded_optimizer="yes"),
        ("sharded_optimizer", "not 'yes'"),
    ),
    (
        "device",
        lambda p: p.train(X, Y, device="cdua"),
        ("Unknown device 'cdua'", "'cuda'?", "cuda:1"),
    ),
    ("device a number", lambda p: p.train(X, Y, device=0), ("Unknown device 0", "cpu, cuda")),
    (
        "device and fast engine",
        lambda p: p.train(X, Y, device="cpu", engine="fast"),
        ('engine="fast"', 'device="cpu"', "leave one of them out"),
    ),
    (
        "float64 on mps",
        lambda p: p.train(X, Y, device="mps", net=dr.Network([3, 2], dtype="float64")),
        ("mps", "float64", "leave one of them out"),
    ),
    (
        "float64 in bf16",
        lambda p: p.train(
            X, Y, device="cpu", precision="bf16", net=dr.Network([3, 2], dtype="float64")
        ),
        ("bf16", "float64", "leave one of them out"),
    ),
    ("threads zero", lambda p: dr.set_threads(0), ("threads", "from 1 to 64", "not 0")),
    ("threads a fraction", lambda p: dr.set_threads(2.0), ("threads", "whole number", "2.0")),
    ("threads true", lambda p: dr.set_threads(True), ("threads", "whole number", "True")),
    ("engine of a word", lambda p: dr.explain_engine("net"), ("takes a Network", "'net'")),
    ("monitor", lambda p: p.train(X, Y, X, Y, monitor="val_los"), ("Did you mean 'val_loss'",)),
    ("monitor a list", lambda p: p.train(X, Y, monitor=["train_loss"]), ("Unknown monitor",)),
    (
        "monitor empty",
        lambda p: p.train(X, Y, X, Y, monitor=""),
        ("Unknown monitor ''", "val_loss"),
    ),
    (
        "monitor without rows",
        lambda p: p.train(X, Y, monitor="val_loss"),
        ("no validation rows", "train_loss"),
    ),
    ("patience alone", lambda p: p.train(X, Y, patience=3), ("patience", "validation rows")),
    ("patience zero", lambda p: p.train(X, Y, X, Y, patience=0), ("patience", "at least 1")),
    ("metric", lambda p: p.train(X, Y, metrics=["acuracy"]), ("Did you mean 'accuracy'",)),
    ("metric of numbers", lambda p: p.train(X, Y, metrics="r2"), ("r2", "regression")),
    (
        "metric of classes",
        lambda p: p.numbers.evaluate(X, X[:, 0], metrics=["accuracy"]),
        ("accuracy is for classification",),
    ),
    ("metrics a number", lambda p: p.net.evaluate(X, Y, metrics=5), ("metrics", "list", "not 5")),
    ("callbacks a number", lambda p: p.train(X, Y, callbacks=5), ("callbacks", "list", "not 5")),
    ("callback None", lambda p: p.train(X, Y, callbacks=[None]), ("None", "function")),
    (
        "callback a class",
        lambda p: p.train(X, Y, callbacks=[dr.Callback]),
        ("make one", "Callback()"),
    ),
    ("board without a folder", lambda p: dr.TensorBoard(None), ("path", "text", "None")),
    ("board of no name", lambda p: dr.TensorBoard(""), ("path ''", "names no file")),
    ("progress", lambda p: p.train(X, Y, progress="yes"), ("progress", "True or False", "'yes'")),
    ("restore_best", lambda p: p.train(X, Y, restore_best=1), ("restore_best", "not 1")),
    (
        "decay too strong",
        lambda p: p.train(X, Y, lr=2.0, net=dr.Network([3, 2], weight_decay=0.5)),
        ("weight_decay is 1", "Lower"),
    ),
    ("proba of numbers", lambda p: p.numbers.predict_proba(X), ("squared_error", "use predict")),
    ("step zero", lambda p: p.net.forward(X, step=0), ("step", "at least 1", "not 0")),
    ("step a word", lambda p: p.net.backward(X, Y, step="a"), ("step", "whole number", "'a'")),
    ("check of None", lambda p: dr.check_gradients(None, X, Y), ("takes a Network", "None")),
    ("check of no entries", lambda p: dr.check_gradients(p.net, X, Y, max_entries=0), ("entries",)),
    ("check of other rows", lambda p: dr.check_gradients(p.net, X[:, :2], Y), ("2 features",)),
    ("summary of a word", lambda p: dr.summary("net"), ("takes a Network", "'net'")),
]


def rewritten(data: bytes) -> bytes:
    """A safetensors file of another library."""
    from safetensors.numpy import save

    return save({"w": np.zeros(3)}, {"format": "pt"})


FILES: list[Row] = [
    ("model missing", lambda p: dr.load(p.folder / "no.safetensors"), ("There is no file", "no.s")),
    ("model None", lambda p: dr.load(None), ("path", "text", "None")),
    ("model without name", lambda p: dr.load(""), ("path ''", "names no file")),
    ("model a folder", lambda p: dr.load(p.folder), ("is a folder", "best.safetensors")),
    ("model empty", lambda p: dr.load(p.model(lambda b: b"")), ("truncated", "0 bytes")),
    ("model truncated", lambda p: dr.load(p.model(lambda b: b[:-1])), ("damaged", "intact copy")),
    ("model longer", lambda p: dr.load(p.model(lambda b: b + b"\0")), ("damaged", "intact copy")),
    (
        "model with a flipped bit",
        lambda p: dr.load(p.model(lambda b: b[:-9] + bytes([b[-9] ^ 16]) + b[-8:])),
        ("damaged", "checksum"),
    ),
    (
        "model of a newer version",
        lambda p: dr.load(
            p.model(lambda b: b.replace(b'"format_version":"1"', b'"format_version":"9"'))
        ),
        ("format version 9", "upgrade deltarule"),
    ),
    ("model of another library", lambda p: dr.load(p.model(rewritten)), ("not a deltarule model",)),
    (
        "model that is text",
        lambda p: dr.load(p.write("a.safetensors", b"lr = 0.1\n" * 9)),
        ("a.safetensors", "not a deltarule model"),
    ),
    (
        "model that is a pickle",
        lambda p: dr.load(p.write("a.safetensors", pickle.dumps({"w": 1}))),
        ("a.safetensors", "not a deltarule model"),
    ),
    ("custom no functions", lambda p: dr.load("x", custom={"mine": 5}), ("custom", "{'mine': 5}")),
    ("save without folder", lambda p: p.net.save(p.folder / "no" / "net"), ("cannot be written",)),
    ("save to a folder", lambda p: p.net.save(p.folder), ("cannot be written", "folder")),
    ("save to nothing", lambda p: p.net.save(""), ("path ''", "names no file")),
    ("save to a number", lambda p: p.net.save(5), ("path", "text", "not 5")),
    ("data unknown", lambda p: dr.load_data("digit"), ("Did you mean 'digits'",)),
    ("data of no kind", lambda p: dr.load_data(p.write("a.xyz", b"1")), ("a.xyz", ".csv")),
    ("data in an empty folder", lambda p: dr.load_data(p.folder), ("no data that is known",)),
    ("data split", lambda p: dr.load_data("digits", split="tset"), ("Did you mean 'test'",)),
    ("data task", lambda p: dr.load_data("digits", task="classify"), ("'classification'",)),
    ("image size", lambda p: dr.load_data("digits", image_size=(0, 1)), ("image_size", "(0, 1)")),
]

CALLS = {row[0]: row for row in [*CONSTRUCTOR, *ROWS, *TARGETS, *TRAINING, *FILES]}


def well_said(sentence: str) -> bool:
    """Whether a message is one whole sentence for people."""
    return (
        len(sentence) >= 25
        and sentence.endswith((".", "?", "!"))
        and "\n" not in sentence
        and "Traceback" not in sentence
        and "object at 0x" not in sentence.replace("<generator object", "")
    )


def files_in(folder: Path) -> dict[str, int]:
    """Every file and folder with its size."""
    return {
        str(path.relative_to(folder)): path.lstat().st_size if path.is_file() else -1
        for path in folder.rglob("*")
    }


def state_of(net: dr.Network) -> tuple[Any, ...]:
    """All that a call could change in a network."""
    scaling = net.preprocessing.scaling
    return (
        net.chain.theta.tobytes(),
        net.chain.statistics.tobytes(),
        repr(net.preprocessing.targets.to_json()),
        scaling and (scaling.kind, scaling.shift.tobytes(), scaling.factor.tobytes()),
        id(net.history),
        repr(net.about),
    )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A network and an empty folder, which is the current one."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Place(folder)


def test_names_differ() -> None:
    """No row of the table of calls hides another, and there are many."""
    rows = [*CONSTRUCTOR, *ROWS, *TARGETS, *TRAINING, *FILES]
    assert len(CALLS) == len(rows) >= 80


@pytest.mark.parametrize("name", CALLS)
@np.errstate(divide="ignore")
def test_call(name: str, place: Place) -> None:
    """A bad call raises one clear sentence of ours, and the network is as it was."""
    _, call, words = CALLS[name]
    nets = [place.net, place.numbers, place.counts, place.labels, place.fruit, place.census]
    before = [state_of(net) for net in nets]
    with pytest.raises(dr.DeltaruleError) as caught:
        call(place)
    sentence = str(caught.value)
    assert well_said(sentence), sentence
    for word in words:
        assert word in sentence, sentence
    assert [state_of(net) for net in nets] == before
    made = {"changed.safetensors", "a.safetensors", "a.xyz"}  # what the row itself writes
    assert set(files_in(place.folder)) <= made


def test_how_many_kinds() -> None:
    """The tables of this file hold at least 120 kinds of bad input of each sort: calls, words of
    the command line with recipe keys.
    """
    of_recipes = sum(len(values) for values in WRONG.values())
    assert len(CALLS) >= 120
    assert len(COMMANDS) >= 120
    assert of_recipes >= 120


def test_errors_are_of_the_python_kind_too() -> None:
    """Bad input is a ValueError, a missing file a LookupError, a damaged one a ValueError."""
    with pytest.raises(ValueError, match="lr must be"):
        dr.Network([3, 2]).train(X, Y, lr=-1)
    with pytest.raises(LookupError, match="There is no file"):
        dr.load("nowhere.safetensors")


def test_all_mistakes_of_a_constructor_in_one_message() -> None:
    """Seven mistakes of one call are seven numbered sentences of one message."""
    with pytest.raises(dr.InvalidInput) as caught:
        dr.Network(
            [0, 4, 2],
            activation="rleu",
            dropout=-1,
            loss="x",
            optimizer="adm",
            dtype="f2",
            seed=-1,
        )
    assert len(caught.value.sentences) == 7
    assert str(caught.value).startswith("7 problems: (1) sizes[0] ")
    assert all(well_said(sentence) for sentence in caught.value.sentences)


def test_all_mistakes_of_a_training_in_one_message(place: Place) -> None:
    """What is wrong with X, y, X_val and six options is told at once, and nothing is touched."""
    before = state_of(place.net)
    with pytest.raises(dr.InvalidInput) as caught:
        place.net.train(
            X.T, Y - 5, X, epochs=0, lr=-1, batch_size=0, patience=0, metrics=["q"], average=2
        )
    sentences = caught.value.sentences
    for word in ("X looks", "y holds", "y_val", "epochs", "lr", "batch_size", "patience", "'q'"):
        assert any(word in sentence for sentence in sentences), word
    assert state_of(place.net) == before


# -- the command line ---------------------------------------------------------------------------


def table(rows: int = 60) -> str:
    """A table with numbers, text and a gap."""
    lines = [
        f"{i % 7 or ''},{'ab'[i % 2]},{i / 3:.2f},{'yes' if i % 3 else 'no'}" for i in range(rows)
    ]
    return "\n".join(["age,town,income,rich", *lines, ""])


def npz(**arrays: Any) -> bytes:
    """An archive of arrays."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def idx(*shape: int, magic: int = 8) -> bytes:
    """An idx file of zeros."""
    head = bytes((0, 0, magic, len(shape)))
    return head + b"".join(n.to_bytes(4, "big") for n in shape) + bytes(int(np.prod(shape)))


def batch(n: int = 4, label: int = 1) -> bytes:
    """A CIFAR-10 batch of the binary layout."""
    return b"".join(bytes([i % (label + 1)]) + bytes(3072) for i in range(n))


def archive(**members: bytes) -> bytes:
    """A tar.gz archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


FOUR = {"X": GENERATOR.normal(size=(30, 4)), "y": np.arange(30) % 3}
BATCHES = {f"data_batch_{i}.bin": batch() for i in range(1, 6)}

CONTENT: dict[str, bytes] = {
    "ok.csv": table().encode(),
    "ragged.csv": b"age,rich\n1,yes\n2\n",
    "one-class.csv": b"age,rich\n" + b"1,yes\n2,yes\n" * 9,
    "empty.csv": b"",
    "header.csv": b"age,rich\n",
    "twice.csv": b"age,age\n1,2\n",
    "nameless.csv": b"age,,rich\n1,2,yes\n",
    "infinite.csv": b"age,rich\n1,inf\n2,3\n",
    "gaps.csv": b"age,rich\n1,\n2,3\n",
    "two.csv": b"age,rich\n1,a\n2,b\n",
    "latin.csv": "age,rich\né,1\n".encode("latin-1"),
    "binary.csv": bytes(range(256)),
    "picture.csv": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "plain.csv.gz": b"age,rich\n1,2\n",
    "cut.csv.gz": gzip.compress(table().encode())[:99],
    "words.csv": table().replace("age", "name").encode(),
    "fake.parquet": b"PAR1 and no more",
    "strange.xyz": b"1,2,3",
    "ok.npz": npz(**FOUR),
    "cut.npz": npz(**FOUR)[:400],
    "text.npz": b"age,rich\n1,2\n",
    "nan.npz": npz(X=np.full((30, 4), np.nan), y=FOUR["y"]),
    "infinite.npz": npz(X=FOUR["X"], y=np.full(30, np.inf)),
    "short.npz": npz(X=FOUR["X"], y=np.arange(9)),
    "objects.npz": npz(X=np.full((30, 4), None), y=FOUR["y"]),
    "nothing.npz": npz(a=1),
    "empty.npz": npz(X=np.zeros((0, 4)), y=np.zeros(0)),
    "wide.npz": npz(X=np.zeros((30, 5)), y=FOUR["y"]),
    "cut.npy": b"\x93NUMPY cut",
    "file": b"a file",
    "bad.toml": b"lr = = 3",
    "unknown.toml": b"learning_rate = 1\nepchs = 2\n",
    "nested.toml": b"[optimizer]\nname = 'adam'\nbeta1 = 2.0\n",
    "bytes.toml": b"\xff\xfe\x00",
    "space.toml": b"lr = {low = 1e-3, high = 1e-1, log = true}\n",
    "empty.toml": b"",
    "swapped.toml": b"lrr = {low = 1, high = 2}\nlr = {low = 2, high = 1}\nepochs = 3\n",
    "fields.toml": b"lr = {lo = 1, high = 2}\nbatch_size = {choices = []}\n",
    "zero.toml": b"lr = {low = 0, high = 1, log = true}\n",
    "refused.toml": b"activation = {choices = ['rleu']}\ndropout = {low = 0, high = 1}\n",
    "corner.toml": b"lr = {low = 0.1, high = 1}\nweight_decay = {low = 0.1, high = 1}\n",
    "apart.toml": b"target = {choices = ['a', 'b']}\n",
    "loss.toml": b"loss = {choices = ['cross_entropy']}\n",
    "layers.toml": b"hidden_layer_sizes = {depth = [3, 1], wdth = {low = 1, high = 2}}\n",
    "cifar-cut/data_batch_1.bin": batch()[:-5],
    "cifar-cut/data_batch_2.bin": batch(),
    "cifar-cut/data_batch_3.bin": batch(),
    "cifar-cut/data_batch_4.bin": batch(),
    "cifar-cut/data_batch_5.bin": batch(),
    "cifar-few/data_batch_1.bin": batch(),
    **{f"cifar-label/{name}": content for name, content in BATCHES.items()},
    "cifar-label/data_batch_3.bin": batch(label=200, n=300),
    **{f"cifar-huge/{name}": content for name, content in BATCHES.items()},
    "cifar-cut.tar.gz": archive(**BATCHES)[:200],
    "cifar-text.tar.gz": b"not an archive",
    "cifar-other.tar.gz": archive(readme=b"hello"),
    "mnist-magic/train-images-idx3-ubyte": idx(6, 2, 2, magic=9),
    "mnist-magic/train-labels-idx1-ubyte": idx(6),
    "mnist-cut/train-images-idx3-ubyte": idx(6, 2, 2)[:-3],
    "mnist-cut/train-labels-idx1-ubyte": idx(6),
    "mnist-long/train-images-idx3-ubyte": idx(6, 2, 2) + b"more",
    "mnist-long/train-labels-idx1-ubyte": idx(6),
    "mnist-counts/train-images-idx3-ubyte": idx(6, 2, 2),
    "mnist-counts/train-labels-idx1-ubyte": idx(7),
}
for number in range(1, 6):
    CONTENT[f"cifar-pickle/data_batch_{number}"] = pickle.dumps(os.getcwd, protocol=2)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data of every kind of damage, and runs, whole and damaged."""
    folder = tmp_path_factory.mktemp("bench")
    for name, content in CONTENT.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    with (folder / "cifar-huge" / "data_batch_2.bin").open("r+b") as file:
        file.truncate(10_001 * 3073)
    (folder / "empty").mkdir()
    (folder / "used").mkdir()
    (folder / "used" / "note.txt").write_text("mine")
    small = ["--set", "epochs=1", "--set", "hidden_layer_sizes=[4]", "--quiet"]
    here = os.getcwd()
    os.chdir(folder)
    patch = pytest.MonkeyPatch()
    patch.setattr("deltarule.runs.running.run_page", lambda facts: "<html></html>")
    try:
        assert main(["train", "digits", "--out", "run", *small]) == 0
        assert main(["train", "ok.csv", "--target", "rich", "--out", "run-csv", *small]) == 0
        assert main(["train", "ok.csv", "--target", "income", "--out", "run-sum", *small]) == 0
    finally:
        patch.undo()
        os.chdir(here)
    for copy in ("run-damaged", "run-weightless", "run-strange", "run-nameless"):
        shutil.copytree(folder / "run", folder / copy)
    whole = (folder / "run" / "best.safetensors").read_bytes()
    (folder / "run-damaged" / "best.safetensors").write_bytes(whole[:-1])
    (folder / "run-weightless" / "best.safetensors").unlink()
    (folder / "run-strange" / "recipe.toml").write_text("epochs = 'many'")
    (folder / "run-nameless" / "recipe.toml").unlink()
    for name, file, text in (
        ("unfinished", "comparison.toml", ""),
        ("wrecked", "comparison.json", "{"),
        ("foreign", "comparison.json", "{}"),
    ):
        (folder / name).mkdir()
        (folder / name / file).write_text(text)
    (folder / "whole.safetensors").write_bytes(whole)
    return folder


Command = tuple[str, tuple[str, ...]]

COMMANDS: list[Command] = [
    # words
    ("trian digits", ("Unknown command 'trian'", "Did you mean train?")),
    ("train", ("required", "DATA", "--help")),
    ("train digits extra", ("no further word extra", "--help")),
    ("train digits --epoch 3", ("no option --epoch", "Did you mean --epochs?")),
    ("train digits --set", ("--set needs a value",)),
    ("train digits --json=3", ("--json takes no value", "'3'")),
    ("--json train digits", ("behind the command", "train ... --json")),
    ("check-gradients --seed x", ("--seed must be a whole number", "'x'")),
    ("check-gradients --seed -1", ("--seed must be", "at least 0", "-1")),
    ("datasets got", ("Unknown action 'got'", "Did you mean get?")),
    ("datasets get", ("say which", "cifar10")),
    ("datasets get imagenet", ("'imagenet'", "mnist")),
    ("datasets list mnist", ("takes no name", "'mnist'")),
    ("recipes reprot", ("'reprot'", "Did you mean 'report'?")),
    # recipes
    ("train digits --set epochs", ("KEY=VALUE", "'epochs'")),
    ("train digits --set =3", ("KEY=VALUE", "'=3'")),
    ("train digits --set epchs=3", ("no key 'epchs'", "Did you mean 'epochs'?")),
    ("train digits --set optimizer.bta1=0.5", ("no option 'bta1'", "Did you mean 'beta1'?")),
    ("train digits --set optimizer.=0.5", ("no option ''", "optimizer.beta1")),
    ("train digits --set lr.x=2", ("lr has no option 'x'", "optimizer.beta1")),
    ("train digits --recipe reprot", ("'reprot'", "Did you mean 'report'?")),
    ("train digits --recipe no.toml", ("'no.toml'", "no such file")),
    ("train digits --recipe run", ("run is a folder", "run/recipe.toml")),
    ("train digits --recipe bad.toml", ("bad.toml is not a TOML file", "line 1")),
    ("train digits --recipe bytes.toml", ("bytes.toml is not a TOML file", "lr = 0.01")),
    ("train digits --recipe ok.csv", ("ok.csv is not a TOML file",)),
    ("train digits --recipe unknown.toml", ("2 problems", "'learning_rate'", "mean 'epochs'")),
    ("train digits --recipe nested.toml", ("adam.beta1", "below 1", "2.0")),
    (f"train digits --recipe {'x' * 5000}", ("cannot be read", "too long")),
    ("train digits --lr 0 --epochs -1 --batch-size x", ("3 problems", "lr", "epochs", "'x'")),
    ("train digits --lr 1 --weight-decay 1", ("lr × weight_decay", "Lower")),
    ("train digits --hidden-layer-sizes 0", ("hidden_layer_sizes[0]", "at least 1", "not 0")),
    ("train digits --hidden-layer-sizes a,b", ("hidden_layer_sizes[0]", "'a'", "'b'")),
    ("train digits --validation 1.5", ("validation", "whole number of rows", "1.5")),
    ("train digits --validation 1797", ("validation=1797 of 1797", "leaves 0 to train")),
    ("train digits --validation 1e300", ("validation", "at most", "1e+300")),
    ("train digits --patience 3 --validation 0", ("patience", "validation rows")),
    ("train digits --monitor val_los", ("'val_los'", "Did you mean 'val_loss'?")),
    ("train digits --metrics r2", ("r2 is for regression",)),
    ("train digits --loss squared_error", ("squared_error", "regression", "holds classes")),
    ("train digits --loss binary_cross_entropy", ("2 classes", "10", "cross_entropy")),
    ("train ok.npz --scaling channel", ("image_shape", "feature")),
    # data
    ("train digit", ("'digit'", "Did you mean 'digits'?")),
    ("train no.csv", ("no.csv", "no file")),
    ("train ok.csv", ("--target COLUMN", "age, town, income, rich")),
    ("train ok.csv --target richh", ("'richh'", "Did you mean 'rich'?")),
    ("train ok.csv --target rich --task regression", ("'rich'", "text", "classification")),
    ("train ok.csv --target income --task classification", ("fractions", "regression")),
    ("train ok.csv --target income --loss cross_entropy", ("cross_entropy", "is a number")),
    ("train ok.csv --target rich --task clasification", ("Did you mean 'classification'?",)),
    ("train ragged.csv --target rich", ("ragged.csv", "line 3", "header has 2")),
    ("train one-class.csv --target rich", ("one class only, 'yes'", "another class")),
    ("train empty.csv --target rich", ("empty.csv is empty",)),
    ("train header.csv --target rich", ("header.csv", "no rows")),
    ("train twice.csv --target age", ("twice.csv", "'age'", "names must differ")),
    ("train nameless.csv --target rich", ("nameless.csv", "column 2", "no name")),
    ("train infinite.csv --target rich", ("infinite.csv", "line 2", "'rich'")),
    ("train gaps.csv --target rich", ("gaps.csv", "missing in 1 of 2")),
    ("train two.csv --target rich", ("validation=0.2 of 2 rows",)),
    ("train latin.csv --target rich", ("latin.csv", "UTF-8")),
    ("train binary.csv --target rich", ("binary.csv", "binary data")),
    ("train picture.csv --target rich", ("picture.csv", "PNG image")),
    ("train plain.csv.gz --target rich", ("plain.csv.gz", "gzip", "holds text")),
    ("train cut.csv.gz --target rich", ("cut.csv.gz", "damaged")),
    ("train fake.parquet --target rich", ("parquet",)),
    ("train strange.xyz", ("strange.xyz", ".csv")),
    ("train cut.npz", ("cut.npz", "damaged")),
    ("train text.npz", ("text.npz", "holds text")),
    ("train nan.npz", ("X holds nan", "row 0")),
    ("train infinite.npz", ("infinite.npz", "30 of 30")),
    ("train short.npz", ("short.npz", "(9,)", "30 rows")),
    ("train objects.npz", ("objects.npz", "can run code")),
    ("train nothing.npz", ("nothing.npz", "no array X", "a")),
    ("train empty.npz", ("empty.npz", "(0, 4)")),
    ("train cut.npy", ("cut.npy",)),
    ("train empty", ("empty holds no data",)),
    ("train cifar-cut", ("data_batch_1.bin", "12,287 bytes", "truncated")),
    ("train cifar-few", ("cifar-few", "data_batch_2.bin")),
    ("train cifar-label", ("data_batch_3.bin", "label 10")),
    ("train cifar-huge", ("data_batch_2.bin", "30,733,073 bytes", "more than")),
    ("train cifar-pickle", ("data_batch_1", "getcwd", "no batch needs")),
    ("train cifar-cut.tar.gz", ("cifar-cut.tar.gz", "damaged")),
    ("train cifar-text.tar.gz", ("cifar-text.tar.gz", "holds text")),
    ("train cifar-other.tar.gz", ("cifar-other.tar.gz", "no train batch")),
    ("train mnist-magic", ("train-images-idx3-ubyte", "does not begin")),
    ("train mnist-cut", ("train-images-idx3-ubyte", "fewer than the 24 bytes")),
    ("train mnist-long", ("train-images-idx3-ubyte", "more than the 24 bytes")),
    ("train mnist-counts", ("6 images", "7 labels")),
    ("train mnist --data empty", ("mnist is not here", "datasets get mnist", "--data")),
    ("train cifar10 --data file", ("file",)),
    # folders
    ("train digits --out used", ("used is in use", "--out")),
    ("train digits --out run", ("run is in use", "--out")),
    ("train digits --out file", ("file is a file", "--out")),
    ("train digits --out file/run", ("file/run cannot be made", "--out")),
    (f"train digits --out new/{'x' * 300}", ("cannot be made", "too long")),
    # sweeps
    ("sweep digits", ("required", "--space", "--help")),
    ("sweep digits --space no.toml", ("'no.toml'", "cannot be read", "lr = {low")),
    ("sweep digits --space used", ("'used'", "cannot be read", "lr = {low")),
    ("sweep digits --space bad.toml", ("bad.toml is not a TOML file", "line 1")),
    ("sweep digits --space bytes.toml", ("bytes.toml is not a TOML file",)),
    ("sweep digits --space empty.toml", ("A space has a key", "lr = {low")),
    (
        "sweep digits --space swapped.toml",
        ("3 problems", "Did you mean 'lr'?", "lr.low is 2", "swap", "epochs must be", "--set"),
    ),
    ("sweep digits --space fields.toml", ("'lo'", "mean 'low'?", "batch_size.choices", "[]")),
    ("sweep digits --space zero.toml", ("lr.low must be above 0", "not 0")),
    ("sweep digits --space refused.toml", ("mean 'relu'?", "dropout = 1", "below 1")),
    ("sweep digits --space corner.toml", ("lr = 1.0, weight_decay = 1.0", "Lower one")),
    ("sweep digits --space apart.toml", ("target is the same for all trials", "take it out")),
    ("sweep digits --space loss.toml", ("val_loss", "val_accuracy", "loss out of the space")),
    ("sweep digits --space layers.toml", ("'wdth'", "Did you mean 'width'?")),
    ("sweep digits --space space.toml --trials 0", ("trials must be", "at least 1", "not 0")),
    ("sweep digits --space space.toml --trials many", ("trials", "whole number", "'many'")),
    ("sweep digits --space space.toml --timeout -1", ("timeout", "above 0", "-1")),
    ("sweep digits --space space.toml --sampler tep", ("'tep'", "Did you mean 'tpe'?")),
    ("sweep digits --space space.toml --sampler grid", ("grid needs a step", "for lr")),
    ("sweep digits --space space.toml --pruner medan", ("'medan'", "mean 'median'?")),
    ("sweep digits --space space.toml --metric val_los", ("'val_los'", "mean 'val_loss'?")),
    ("sweep digits --space space.toml --validation 0", ("'val_loss'", "no rows are held out")),
    ("sweep digits --space space.toml --epchs 3", ("no option --epchs", "mean --epochs?")),
    ("sweep no.csv --space space.toml", ("no.csv", "no file")),
    ("sweep digits --space space.toml --recipe reprot", ("Did you mean 'report'?",)),
    ("sweep digits --space space.toml --out used", ("used is in use", "--out")),
    ("sweep digits --space space.toml --out file", ("file is a file", "--out")),
    ("sweep digits --space space.toml --out file/s", ("file/s cannot be", "--out")),
    ("sweep digits --space space.toml --storage s.db", ("'s.db'", "sqlite:///sweep.db")),
    ("sweep digits --space space.toml --storage mysql://u:pw@h/d", ("'mysql'", "postgresql://")),
    ("sweep digits --space space.toml --storage sqlite://", ("in memory", "name a file")),
    ("sweep digits --space space.toml --storage sqlite:///no/s.db", ("no/s.db", "not there")),
    (
        "sweep digits --space space.toml --storage sqlite:///ok.csv",
        ("ok.csv", "not a database", "Name a file"),
    ),
    (
        "sweep digits --space space.toml --storage postgresql://u:pw@127.0.0.1:1/d",
        ("postgresql://u:***@127.0.0.1:1/d", "cannot be reached", "Start the server"),
    ),
    # comparisons
    ("compare digits", ("at least two arms", "--recipe A --recipe B", "--vary")),
    ("compare digits --recipe report", ("at least two arms",)),
    ("compare digits --recipe report --recipe reprot", ("'reprot'", "Did you mean 'report'?")),
    ("compare digits --recipe report --recipe report", ("Two arms are called 'report'", "--name")),
    (
        "compare digits --recipe default --recipe default --name a --name b",
        ("a and b differ in nothing", "change one"),
    ),
    ("compare digits --recipe report --recipe default --name a", ("2 arms and 1 names",)),
    ("compare digits --recipe report --recipe default --vary lr=1,2", ("one recipe", "2 were")),
    ("compare digits --vary", ("--vary needs a value",)),
    ("compare digits --vary lr", ("--vary takes KEY=VALUE,VALUE", "'lr'")),
    ("compare digits --vary lr= --tune =1,2", ("2 problems", "--vary", "--tune", "'=1,2'")),
    ("compare digits --vary lr=0.1", ("lr one value, 0.1", "at least two", "--set")),
    ("compare digits --vary lr=0.1,0.10", ("lr the value 0.1 twice",)),
    ("compare digits --vary lr=0.1,,0.2", ("holds an empty value",)),
    ("compare digits --vary hidden_layer_sizes=[8,[9]", ("lack a closing ]",)),
    ("compare digits --vary lr=0.1,0.2 --vary lr=1,2", ("names lr twice",)),
    ("compare digits --vary epchs=1,2", ("no key 'epchs'", "Did you mean 'epochs'?")),
    ("compare digits --vary optimizer=adm,sgd", ("Did you mean 'adam'?",)),
    ("compare digits --vary lr=0.1,x", ("lr must be", "'x'")),
    ("compare digits --vary lr=0.1,0.2 --tune lr=0.1,0.2", ("lr is in both vary and tune",)),
    ("compare digits --vary lr=0.1,0.2 --lr 1", ("lr is in both set and vary",)),
    (
        "compare digits --vary optimizer=sgd,adam --set optimizer.beta1=0.5",
        ("vary optimizer would undo set optimizer.beta1",),
    ),
    ("compare digits --vary optimizer=sgd,adam --tune lrr=1,2", ("'lrr'", "mean 'lr'?")),
    ("compare digits --vary optimizer=sgd,adam --tune lr=0.1", ("tune gives lr one value",)),
    ("compare digits --vary seed=1,2", ("--seeds N and --seed FIRST",)),
    ("compare digits --vary validation=0.1,0.2", ("validation is 0.1", "the same rows")),
    ("compare digits --vary lr=0.1,0.2 --validation 0", ("needs rows", "--validation 0.2")),
    ("compare digits --vary lr=0.1,0.2 --seeds 0", ("--seeds must be", "at least 1", "'0'")),
    ("compare digits --vary lr=0.1,0.2 --seeds x", ("--seeds must be", "'x'")),
    ("compare digits --vary lr=0.1,0.2 --seed -1", ("--seed must be", "at least 0", "'-1'")),
    ("compare digits --vary lr=0.1,0.2 --tune-seeds 0", ("--tune-seeds must be", "'0'")),
    ("compare digits --vary lr=0.1,0.2 --jobs 0 --seeds 0", ("2 problems", "--jobs", "--seeds")),
    ("compare digits --vary lr=0.1,0.2 --metric val_acuracy", ("mean 'val_accuracy'?",)),
    ("compare digits --vary lr=0.1,0.2 --reach much", ("--reach must be a number", "'much'")),
    ("compare digits --vary lr=0.1,0.2 --reach 42", ("share", "42 % is 0.42")),
    ("compare digits --vary lr=0.1,0.2 --target 0.42", ("column", "--reach 0.42")),
    ("compare digits --vary lr=0.1,0.2 --format pdf", ("Unknown format 'pdf'", "html, md")),
    ("compare digits --vary lr=0.1,1 --weight-decay 1", ("lr × weight_decay", "Lower")),
    ("compare digits --vary lr=0.1,0.2 --out used", ("used is in use", "--out")),
    ("compare digits --vary lr=0.1,0.2 --out run", ("run is in use", "--out")),
    ("compare nan.npz --vary lr=0.1,0.2", ("X holds nan", "row 0")),
    (
        "compare ok.csv --target income --vary loss=huber,squared_error --metric val_loss",
        ("different losses", "val_r2"),
    ),
    ("compare ok.csv --vary lr=0.1,0.2", ("--target COLUMN", "age, town, income, rich")),
    ("resume run --jobs 2", ("--jobs is for comparisons",)),
    # models
    ("evaluate run", ("required", "DATA")),
    ("evaluate nowhere digits", ("no file nowhere",)),
    ("evaluate empty digits", ("empty is no run folder", "recipe.toml")),
    ("evaluate run-nameless digits", ("no run folder", "recipe.toml")),
    ("evaluate run-weightless digits", ("no best.safetensors", "Train again")),
    ("evaluate run-damaged digits", ("run-damaged/best.safetensors", "damaged")),
    ("evaluate run-strange digits", ("run-strange/recipe.toml", "epochs must be", "'many'")),
    ("evaluate ok.csv digits", ("ok.csv", "not a deltarule model file")),
    ("evaluate run wide.npz", ("5 features", "takes 64")),
    ("evaluate run ok.csv --target rich", ("X is a table", "64 features")),
    ("evaluate run-csv digits", ("must be a table", "age, income, town")),
    ("evaluate run-csv words.csv", ("no column 'age'",)),
    ("evaluate run-csv ok.csv --target town", ("learned", "from 'town'", "leave the target out")),
    ("evaluate run-sum ok.csv --target rich", ("'rich'", "text")),
    ("evaluate run digits --split tset", ("'tset'", "Did you mean 'test'?")),
    ("evaluate run digits --split test", ("no test part", "--split all")),
    ("evaluate whole.safetensors digits --split validation", ("held out", "digits")),
    ("predict run ok.csv", ("X is a table", "64 features")),
    ("predict run-csv words.csv", ("no column 'age'",)),
    ("predict run-csv ragged.csv", ("ragged.csv", "line 3")),
    ("predict run-sum ok.csv --proba", ("squared_error", "use predict")),
    ("predict run digits --out nowhere/p.csv", ("nowhere/p.csv cannot be written",)),
    ("predict run digits --out used", ("used cannot be written",)),
    # exports
    ("export run", ("required", "--to")),
    ("export run --to net.onnx", ("--to takes a format", "'net.onnx'", "--out")),
    ("export run --to onxx", ("Unknown format 'onxx'", "Did you mean 'onnx'?", "numpy, onnx")),
    ("export run --to numpy --out net.onnx", ("numpy", "such as net.py", "'net.onnx'")),
    ("export run --to torch --out a-b.py", ("torch", "such as net.py", "'a-b.py'")),
    ("export run --to onnx --out net.py", ("must end in .onnx", "'net.py'")),
    ("export run --to numpy --out nowhere/net.py", ("nowhere", "cannot be written")),
    ("export empty --to numpy", ("empty is no run folder",)),
    ("export nowhere --to numpy", ("no file nowhere",)),
    ("export run-damaged --to numpy", ("damaged", "intact copy")),
    ("export run-weightless --to numpy", ("no best.safetensors",)),
    ("export ok.csv --to numpy", ("ok.csv", "not a deltarule model file")),
    # reports
    ("report", ("required", "RUN", "--help")),
    ("report run --format pdf", ("Unknown format 'pdf'", "Known are: html, md")),
    ("report run --fromat md", ("no option --fromat", "Did you mean --format?")),
    ("report nowhere", ("nowhere is not the folder of a run, a comparison or a sweep",)),
    ("report ok.csv", ("ok.csv is not the folder of a run, a comparison or a sweep",)),
    ("report empty", ("empty is neither the folder of a run", "recipe.toml", "comparison.json")),
    ("report run-nameless", ("run-nameless is neither",)),
    ("report run-strange", ("run-strange/recipe.toml is damaged", "another version", "epochs")),
    ("report run-damaged", ("damaged", "intact copy")),
    ("report run --out nowhere/page.html", ("nowhere", "cannot be written")),
    ("report run run --out ok.csv", ("2 folders need a folder", "ok.csv cannot be made")),
    ("report unfinished", ("unfinished has not come to its end", "no comparison.json")),
    ("report wrecked", ("wrecked/comparison.json is damaged", "Take it from a backup")),
    ("report foreign", ("foreign/comparison.json is damaged, or was made by another version",)),
]


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that must be refused; returns its sentence."""
    code = main(words)
    out, err = capsys.readouterr()
    assert code == 2, (code, out, err)
    assert out == ""
    assert err.startswith("deltarule: ")
    assert err.endswith("\n")
    sentence = err.removeprefix("deltarule: ").rstrip("\n")
    assert well_said(sentence), sentence
    return sentence


@pytest.mark.parametrize(("command", "words"), COMMANDS, ids=[c[:60] for c, _ in COMMANDS])
def test_command(
    command: str,
    words: tuple[str, ...],
    bench: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A bad command ends with code 2 and one sentence on stderr; no file is made or changed."""
    monkeypatch.chdir(bench)
    monkeypatch.setenv("XDG_CACHE_HOME", str(bench / "empty"))
    before = files_in(bench)
    sentence = refused(command.split(" "), capsys)
    for word in words:
        assert word in sentence, sentence
    assert files_in(bench) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", ""], "data is empty"),
        (["train", "a\0b"], "no file"),
        (["train", "digits", "--out", ""], "path ''"),
        (["train", "digits", "--out", "a\0b"], "names no file"),
        (["train", "ok.csv", "--target", ""], "no column ''"),
        (["evaluate", "", "digits"], "path ''"),
        (["evaluate", "a\0b", "digits"], "names no file"),
        (["predict", "run", "digits", "--out", ""], "path ''"),
        (["export", "run", "--to", "numpy", "--out", ""], "path ''"),
        (["export", "", "--to", "numpy"], "path ''"),
        (["export", "a\0b", "--to", "numpy"], "names no file"),
        (["export", "run", "--to", ""], "Unknown format ''"),
        (["bench"], "what"),
        (["bench", "scael"], "Did you mean scale?"),
        (["bench", "scale", "--latency", "x"], "--latency must be a number above 0, not 'x'"),
        (["bench", "scale", "--bandwidth", "0"], "--bandwidth must be a number above 0, not '0'"),
        (["report", ""], "path ''"),
        (["report", "a\0b"], "names no file"),
        (["report", "run", "--out", ""], "path ''"),
        (["report", "run", "--format", ""], "Unknown format ''"),
        (["train", "digits", "--set", "activation=a\nb"], "Unknown activation"),
    ],
)
def test_words_that_are_no_names(
    words: list[str],
    says: str,
    bench: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Empty words and words that no system takes are refused in one line like all others."""
    monkeypatch.chdir(bench)
    before = files_in(bench)
    assert says in refused(words, capsys)
    assert files_in(bench) == before


WRONG: dict[str, list[str]] = {
    "description": ["5", "[1]", "1979-05-27"],
    "data": ["5", "[]", "{}", "''", "07:32:00"],
    "data_dir": ["5", "[1]", "{a = 1}"],
    "target": ["5", "[1]", "true"],
    "task": ["5", "[1]", "{a = 1}", "clasification"],
    "image_size": ["5", "x", "[0, 1]", "[1]", "[1, 2, 3]", "[1.5, 2]", "[true, 2]", "{a = 1}"],
    "validation": ["x", "[1]", "true", "nan", "inf", "-1", "none"],
    "stratify": ["5", "x", "none", "[true]"],
    "scaling": ["5", "[1]", "units", "{a = 1}"],
    "pieces": ["x", "-1", "257", "1.5", "true", "[1]"],
    "class_weight": ["5", "balancd", "[1]", "{a = 1}", "true"],
    "hidden_layer_sizes": ["x", "none", "[[1]]", "[1.5]", "[true]", "{a = 1}", "-3"],
    "activation": ["5", "[5]", "true", "{a = 1}", "rleu", "{name = 'elu', alpha = 'x'}"],
    "dropout": ["x", "none", "true", "1", "{a = 1}", "[0.1, 0.2, 0.3]"],
    "normalization": ["5", "bacth", "[1]", "{a = 1}"],
    "loss": ["5", "none", "[1]", "{a = 1}", "{name = 'huber', delta = 0}"],
    "initializer": ["5", "hee", "none", "{name = 'he', a = 1}"],
    "optimizer": ["5", "none", "[1]", "adm", "{a = 1}", "{name = 'adam', beta1 = 'x'}"],
    "lr": ["x", "0", "-1", "none", "[1]", "true", "nan"],
    "lr_decay": ["x", "-1", "none", "{a = 1}"],
    "schedule": ["5", "[5]", "cosin", "{a = 1}", "[[1]]"],
    "weight_decay": ["x", "-1", "none", "true"],
    "l2": ["x", "-1", "none", "inf"],
    "clip_norm": ["x", "0", "-1", "[1]", "true"],
    "average": ["x", "1", "-1", "none"],
    "epochs": ["x", "0", "1.5", "none", "[1]", "true"],
    "batch_size": ["x", "0", "1.5", "none"],
    "monitor": ["5", "[1]", "{a = 1}", "true", "''"],
    "patience": ["x", "0", "1.5", "[1]"],
    "min_delta": ["x", "-1", "none"],
    "metrics": ["5", "acuracy", "[5]", "{a = 1}", "true", "1979-05-27"],
    "dtype": ["5", "float16", "none", "[1]"],
    "engine": ["5", "fats", "none", "[1]", "true"],
    "precision": ["5", "bf61", "none", "[1]", "true"],
    "shards": ["x", "none", "0", "6", "1.5", "true", "[4]"],
    "sharded_optimizer": ["5", "x", "none", "[true]"],
    "device": ["5", "cdua", "[1]", "true", "cuda:x", "{a = 1}"],
    "on_divergence": ["5", "rolback", "none", "[1]", "true"],
    "checkpoint_every": ["often", "-1", "none", "true", "3 hours"],
    "seed": ["x", "-1", "1.5", "none", "99999999999999999999"],
}


def test_every_key_of_a_recipe_is_in_the_table() -> None:
    """Each key has its wrong values; a new key needs some, too."""
    assert set(WRONG) == {field.name for field in dataclasses.fields(Recipe)}


@pytest.mark.parametrize("key", WRONG)
def test_recipe_key(
    key: str, bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value of the wrong type or range is refused with the name of what it was given for."""
    monkeypatch.chdir(bench)
    before = files_in(bench)
    for value in WRONG[key]:
        sentence = refused(["train", "digits", "--set", f"{key}={value}", "--out", "new"], capsys)
        known_as = {"optimizer": "adam", "loss": "huber", "activation": "elu"}
        named = key.removesuffix("s") in sentence or known_as.get(key, key) in sentence
        assert named, sentence
        assert files_in(bench) == before, value


def test_process(bench: Path) -> None:
    """The program itself, not only its main function, ends with code 2 and one line."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    for words in (
        ["train", "ragged.csv", "--target", "rich"],
        ["evaluate", "run-damaged", "digits"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "deltarule", *words],
            cwd=bench,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("deltarule: ")
        assert done.stderr.count("\n") == 1
