"""What a network computes when it predicts, as a list of steps that every exporter writes down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import InvalidInput, Problems
from ..ground.options import options_of
from ..machine.layers import BatchNorm, Dense, Dropout, LayerNorm
from ..mathematics import losses
from ..network.network import Network
from ..network.targets import ClassTargets, LabelTargets, NumberTargets

__all__ = ["Forward", "Output", "Step", "forward_of"]


@dataclass(frozen=True, eq=False)
class Step:
    """One layer outside training.

    Attributes
    ----------
    kind : str
        "dense", "batchnorm", "layernorm", "dropout", or the name of an activation.
    name : str
        The layer's own: "dense1".
    options : dict
        All numbers that the layer is configured with.
    arrays : dict of arrays
        Its parameters and statistics: "W", "b", "scale", "shift", "mean", "variance".
    """

    kind: str
    name: str
    options: dict[str, Any]
    arrays: dict[str, Array]


@dataclass(frozen=True, eq=False)
class Output:
    """From scores to what `predict` returns.

    Attributes
    ----------
    kind : {"classes", "binary", "labels", "numbers"}
        One of several classes, one of two by one output, several labels at once, or numbers.
    classes : list of int, str or bool, or None
        The labels in the order of their probabilities.
    exponential : bool
        Whether numbers are e^z.
    mean, std : float64 arrays, (k,) or (1,)
        Of numbers: the prediction is link(z)·std + mean, computed in float64.
    order : list of int, or None
        Of quantiles of one number: they are sorted, and column j takes the order[j]-th.
    flat : bool
        Whether numbers are (n,), not (n, k).
    """

    kind: str
    classes: list[Any] | None = None
    exponential: bool = False
    mean: Array | None = None
    std: Array | None = None
    order: list[int] | None = None
    flat: bool = False


@dataclass(frozen=True, eq=False)
class Forward:
    """Rows to scores to predictions.

    Attributes
    ----------
    n_features, n_outputs : int
    dtype, input_dtype : str
        "float32" or "float64"; the input's may be "uint8".
    shift, factor : arrays of `dtype`, () or (n_features,), or None
        The scaling, x ↦ (x − shift)·factor; None for none.
    steps : list of Step
    output : Output
    facts : dict of text
        What a reader of the file may want to know.
    """

    n_features: int
    n_outputs: int
    dtype: str
    input_dtype: str
    shift: Array | None
    factor: Array | None
    steps: list[Step]
    output: Output
    facts: dict[str, Any]


def forward_of(network: Network) -> Forward:
    """The steps of a trained network.

    Raises
    ------
    InvalidInput
        If it has functions of one's own in it, or has learned no scaling yet.
    """
    settings, prepared = network.settings, network.preprocessing
    problems = Problems()
    for what, table, parts in (
        ("activation", "activations", settings.activation),
        ("loss", "losses", (settings.loss,)),
    ):
        for part in parts:
            problems.require(
                not part.custom,
                f"The {what} {part.name} is a function of your own, which no exporter can write in "
                f"another language; train with one of deltarule.{table}, or build on the weights "
                "that net.save(path) writes as safetensors.",
            )
    scaling = prepared.scaling
    problems.require(
        scaling is not None,
        "This network was never trained, so it knows no scaling of its rows and no classes; train "
        "it, or call net.prepare(X, y), before you export it.",
    )
    problems.raise_if_any()
    assert scaling is not None
    scaled = scaling.kind != "none"
    of_bytes = settings.scaling == "auto" and scaling.kind == "unit"  # what auto does to bytes
    of_bytes = of_bytes or network.about.get("input_dtype") == "uint8"
    dtype = np.dtype(settings.dtype)
    return Forward(
        n_features=settings.sizes[0],
        n_outputs=settings.sizes[-1],
        dtype=settings.dtype,
        input_dtype="uint8" if of_bytes else settings.dtype,
        shift=np.asarray(scaling.shift, dtype) if scaled else None,
        factor=np.asarray(scaling.factor, dtype) if scaled else None,
        steps=_steps(network),
        output=_output(network),
        facts=_facts(network),
    )


def _steps(network: Network) -> list[Step]:
    steps, activations = [], iter(p for p in network.settings.activation if p)
    for name, layer in network.chain.layers.items():
        views = network.chain.views[name]
        arrays = {
            short: np.array(getattr(views, short))
            for short in (*layer.parameters, *layer.statistics)
        }
        match layer:
            case Dense():
                steps.append(Step("dense", name, {}, arrays))
            case BatchNorm():
                options = {"epsilon": layer.epsilon, "momentum": layer.momentum}
                steps.append(Step("batchnorm", name, options, arrays))
            case LayerNorm():
                steps.append(Step("layernorm", name, {"epsilon": layer.epsilon}, arrays))
            case Dropout():
                steps.append(Step("dropout", name, {"rate": layer.rate}, {}))
            case _:
                part = next(activations)
                options = {**options_of(part.function), **part.options}
                steps.append(Step(part.name, name, options, {}))
    return steps


def _output(network: Network) -> Output:
    targets = network.preprocessing.targets
    if isinstance(targets, ClassTargets | LabelTargets):
        classes = None if targets.classes is None else targets.classes.tolist()
        if isinstance(targets, ClassTargets):
            return Output("classes", classes)
        return Output("binary", classes) if targets.k == 1 else Output("labels")
    if not isinstance(targets, NumberTargets):
        raise InvalidInput(
            f"The targets of this network, {type(targets).__name__}, are of no kind that can be "
            "exported; export a Network that was trained by its own train."
        )
    order = None
    if targets.levels and targets.of_one:
        order = np.argsort(np.argsort(targets.levels, kind="stable"), kind="stable").tolist()
    return Output(
        "numbers",
        exponential=targets.loss.link is losses.exp_link,
        mean=np.asarray(targets.mean, np.float64),
        std=np.asarray(targets.std, np.float64),
        order=order,
        flat=bool(targets.flat) and targets.k == 1,
    )


def _facts(network: Network) -> dict[str, Any]:
    from .. import __version__

    prepared = network.preprocessing
    facts: dict[str, Any] = {
        "made_by": f"deltarule {__version__}",
        "task": prepared.targets.task,
        "loss": network.settings.loss.name,
    }
    for name in ("target", "class_names"):
        if network.about.get(name):
            facts[name] = network.about[name]
    if prepared.encoder is not None:
        facts["feature_names"] = list(prepared.encoder.feature_names)
    return facts
