"""A network as a torch module: readable source, and its state as safetensors."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from ..ground.contracts import Array
from .forward import Forward
from .python_parts import about, constants
from .verification import Answers

__all__ = ["ACTIVATIONS", "ask_torch", "state_bytes", "torch_here", "torch_source"]

# The module of each activation; its options stand in braces.
ACTIVATIONS = {
    "elu": "nn.ELU({alpha!r})",
    "gelu": "nn.GELU()",
    "identity": "nn.Identity()",
    "leaky_relu": "nn.LeakyReLU({slope!r})",
    "mish": "nn.Mish()",
    "relu": "nn.ReLU()",
    "selu": "nn.SELU()",
    "sigmoid": "nn.Sigmoid()",
    "silu": "nn.SiLU()",
    "softplus": "nn.Softplus(threshold=40.0)",
    "tanh": "nn.Tanh()",
}

SOURCE = '''\
"""A trained network as a torch module; needs torch and safetensors.

    from {stem} import load
    model = load()
    model.predict(rows); {second}model(rows)  # the raw scores

{about}
"""

import hashlib
import os

import torch
from safetensors.torch import load as read_state
from torch import nn

WEIGHTS = "{weights}"  # stands beside this file
SHA256 = "{digest}"
{constants}
DTYPE = torch.{dtype}


class Model(nn.Module):
    """Rows, (n, {n_features}), to raw scores, (n, {n_outputs})."""

    def __init__(self):
        super().__init__()
{init}

    def forward(self, rows):
{forward}

{outputs}

def load(path=None):
    """The trained network, ready to predict; .train() makes it learn again."""
    path = path or os.path.join(os.path.dirname(os.path.abspath(__file__)), WEIGHTS)
    with open(path, "rb") as file:
        data = file.read()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise ValueError(f"{{path}} is damaged, or belongs to another network.")
    model = Model()
    model.load_state_dict(read_state(data))
    return model.eval()
'''

METHOD = '''\
    @torch.no_grad()
    def {name}(self, rows):
        """{says}"""
        {lines}
'''


def torch_source(forward: Forward, name: str, weights: str, digest: str) -> str:
    """The source of a module that reads the state file `weights`, which has this SHA-256."""
    second = "" if forward.output.kind == "numbers" else "model.predict_proba(rows); "
    return SOURCE.format(
        stem=Path(name).stem,
        second=second,
        about=about(forward),
        weights=weights,
        digest=digest,
        constants=constants(forward),
        dtype=forward.dtype,
        init="\n".join(f"        {line}" for line in _init(forward)),
        forward="\n".join(f"        {line}" for line in _forward(forward)),
        outputs="\n".join(_methods(forward)),
        n_features=forward.n_features,
        n_outputs=forward.n_outputs,
    )


def _init(forward: Forward) -> list[str]:
    lines = []
    for name, array in (("shift", forward.shift), ("factor", forward.factor)):
        if array is not None:
            shape = ", ".join(map(str, array.shape)) or "()"
            lines.append(f'self.register_buffer("{name}", torch.zeros({shape}, dtype=DTYPE))')
    for step in forward.steps:
        lines.append(f"self.{step.name} = {_module(step.kind, step.options, step.arrays)}")
    return lines


def _module(kind: str, options: dict[str, Any], arrays: dict[str, Array]) -> str:
    match kind:
        case "dense":
            n_in, n_out = arrays["W"].shape
            bias = "" if "b" in arrays else ", bias=False"
            return f"nn.Linear({n_in}, {n_out}{bias}, dtype=DTYPE)"
        case "batchnorm":
            epsilon, momentum = options["epsilon"], options["momentum"]
            size = len(arrays["scale"])
            return f"nn.BatchNorm1d({size}, eps={epsilon!r}, momentum={momentum!r}, dtype=DTYPE)"
        case "layernorm":
            size, epsilon = len(arrays["scale"]), options["epsilon"]
            return f"nn.LayerNorm({size}, eps={epsilon!r}, dtype=DTYPE)"
        case "dropout":
            return f"nn.Dropout({options['rate']!r})"
    return ACTIVATIONS[kind].format(**options)


def _forward(forward: Forward) -> list[str]:
    lines = ["x = rows.to(DTYPE)"]
    if forward.shift is not None:
        lines.append("x = (x - self.shift) * self.factor")
    lines += [f"x = self.{step.name}(x)" for step in forward.steps]
    return [*lines, "return x"]


def _methods(forward: Forward) -> list[str]:
    output, k = forward.output, forward.n_outputs
    if output.kind == "numbers":
        return [_numbers(forward)]
    n = 2 if output.kind == "binary" else k
    proba = {
        "classes": "return torch.softmax(self(rows), dim=1)",
        "labels": "return torch.sigmoid(self(rows))",
        "binary": "p = torch.sigmoid(self(rows))\n        return torch.cat([1 - p, p], dim=1)",
    }[output.kind]
    place = {
        "classes": "self(rows).argmax(dim=1)",
        "labels": "(self(rows) > 0).long()",
        "binary": "(self(rows)[:, 0] > 0).long()",
    }[output.kind]
    says, lines = "The label of each row, (n,).", f"return {place}"
    if output.kind == "labels":
        says = f"0 or 1 for each row and label, (n, {k})."
    elif output.classes is not None and isinstance(output.classes[0], str):
        says = "The label of each row, a list of n."
        lines = f"return [CLASSES[place] for place in {place}.tolist()]"
    elif output.classes is not None:
        lines = f"return torch.tensor(CLASSES, device=rows.device)[{place}]"
    what = f"The probability of each {'label' if output.kind == 'labels' else 'class'}, (n, {n})."
    return [
        METHOD.format(name="predict_proba", says=what, lines=proba),
        METHOD.format(name="predict", says=says, lines=lines),
    ]


def _numbers(forward: Forward) -> str:
    output, k = forward.output, forward.n_outputs
    z = "self(rows).double()"
    link = f"{z}.exp()" if output.exponential else z
    make = "torch.tensor({}, dtype=torch.float64, device=rows.device)"
    result, says = "y", f"Numbers in the units of training, (n, {k})."
    if output.order is not None:
        result, says = "y.sort(dim=1).values[:, ORDER]", f"The quantiles of each row, (n, {k})."
    elif output.flat:
        result, says = "y[:, 0]", "Numbers in the units of training, (n,)."
    lines = [
        f"mean, std = {make.format('MEAN')}, {make.format('STD')}",
        f"y = {link} * std + mean",
        f"return {result}",
    ]
    if len(lines[0]) > 90:
        lines[:1] = [f"mean = {make.format('MEAN')}", f"std = {make.format('STD')}"]
    return METHOD.format(name="predict", says=says, lines="\n        ".join(lines))


def state_bytes(forward: Forward) -> bytes:
    """The state dict as a safetensors file, with torch's names and shapes."""
    from safetensors.numpy import save

    state: dict[str, Array] = {}
    for name, array in (("shift", forward.shift), ("factor", forward.factor)):
        if array is not None:
            state[name] = array
    for step in forward.steps:
        for short, array in step.arrays.items():
            name, turned = {
                "W": ("weight", array.T),
                "b": ("bias", array),
                "scale": ("weight", array),
                "shift": ("bias", array),
                "mean": ("running_mean", array),
                "variance": ("running_var", array),
            }[short]
            state[f"{step.name}.{name}"] = turned
        if step.kind == "batchnorm":
            state[f"{step.name}.num_batches_tracked"] = np.zeros((), np.int64)
    return save({name: np.array(array, order="C") for name, array in state.items()})


def torch_here() -> bool:
    """Whether torch is there, and whole, to check the module with."""
    try:
        import torch  # noqa: F401
    except (ImportError, OSError):  # the latter where a library of its own is missing
        return False
    return True


def ask_torch(source: Path, rows: Array) -> Answers:
    """The answers of the module in this process."""
    import torch

    spec = importlib.util.spec_from_file_location(f"deltarule_exported_{source.stem}", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.load()
    given = torch.from_numpy(rows)
    with torch.no_grad():
        scores = model(given).numpy()
    p = model.predict_proba(given).numpy() if hasattr(model, "predict_proba") else None
    return Answers(scores, p, np.asarray(model.predict(given)))
