"""A network as a Python file that needs NumPy only, and reads the library's own model file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import FileRefused
from .forward import Forward, Step
from .python_parts import about, constants
from .verification import Answers

__all__ = ["ACTIVATIONS", "ask_numpy", "numpy_source"]

# The body of each activation's function of x; its options stand in braces.
SIGMOID = """\
e = np.exp(-abs(x))
return np.where(x < 0, e, 1.0) / (1.0 + e)"""
SOFTPLUS = "np.maximum(x, 0.0) + np.log1p(np.exp(-abs(x)))"
ACTIVATIONS = {
    "elu": "return np.where(x > 0, x, {alpha!r} * np.expm1(np.minimum(x, 0.0)))",
    "gelu": """\
erfc = np.frompyfunc(math.erfc, 1, 1)(x.astype(float) * -math.sqrt(0.5))
return (x * (0.5 * erfc.astype(float))).astype(x.dtype)""",
    "identity": "return x",
    "leaky_relu": "return np.where(x > 0, x, {slope!r} * x)",
    "mish": f"return x * np.tanh({SOFTPLUS})",
    "relu": "return np.maximum(x, 0.0)",
    "selu": """\
below = 1.6732632423543772 * np.expm1(np.minimum(x, 0.0))
return 1.0507009873554805 * np.where(x > 0, x, below)""",
    "sigmoid": SIGMOID,
    "silu": SIGMOID.replace("return ", "return x * "),
    "softplus": f"return {SOFTPLUS}",
    "tanh": "return np.tanh(x)",
}

BATCHNORM = """\
def batchnorm(x, epsilon, mean, variance, scale, shift):
    return (x - mean) / np.sqrt(variance + epsilon) * scale + shift
"""
LAYERNORM = """\
def layernorm(x, epsilon, scale, shift):
    x = x - x.mean(axis=1, keepdims=True)
    spread = np.sqrt((x * x).mean(axis=1, keepdims=True) + epsilon)
    return x / spread * scale + shift
"""

SOURCE = '''\
"""A trained network that predicts with NumPy alone.

    python {name} rows.npy            # prints a prediction a line; rows.csv works, too
    from {stem} import predict, {second}scores

{about}
"""

import hashlib
import json
import math
import os
import sys

import numpy as np

WEIGHTS = "{weights}"  # stands beside this file; plain safetensors
SHA256 = "{digest}"
{constants}


def read_weights(path):
    """The arrays of a safetensors file, by name, if it is the one that belongs here."""
    with open(path, "rb") as file:
        data = file.read()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise ValueError(f"{{path}} is damaged, or belongs to another network.")
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    dtypes = {{"F32": "<f4", "F64": "<f8", "I64": "<i8", "U8": "u1", "BOOL": "?"}}
    arrays = {{}}
    for name, about in header.items():
        begin, end = about["data_offsets"]
        flat = np.frombuffer(data[start + begin : start + end], dtypes[about["dtype"]])
        arrays[name] = flat.reshape(about["shape"])
    return arrays


W = read_weights(os.path.join(os.path.dirname(os.path.abspath(__file__)), WEIGHTS))


{functions}def scores(X):
    """The raw scores of rows, (n, {n_features}) to (n, {n_outputs})."""
    X = np.asarray(X)
    if X.ndim != 2 or X.shape[1] != {n_features} or X.dtype.kind not in "fiub":
        raise ValueError(f"X must be numbers, (n, {n_features}), not {{X.shape}} of {{X.dtype}}.")
    if not np.isfinite(X).all():
        raise ValueError("X holds nan or inf; remove such rows or fill in the value.")
    with np.errstate(over="ignore", under="ignore"):
{body}
    return x


{outputs}

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {{sys.argv[0]}} ROWS.npy|ROWS.csv")
    rows = sys.argv[1]
    try:
        table = np.load(rows) if rows.endswith(".npy") else np.loadtxt(rows, delimiter=",", ndmin=2)
        for answer in predict(table).tolist():
            print(*answer if isinstance(answer, list) else [answer], sep=",")
    except (OSError, ValueError) as error:
        sys.exit(f"{{rows}}: {{error}}")
'''

CLASSES = '''\
def predict_proba(X):
    """The probability of each class, (n, {n_outputs})."""
    z = scores(X)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def predict(X):
    """The label of each row, (n,)."""
    return np.array({labels})[scores(X).argmax(axis=1)]
'''
SIGMOIDS = '''\
def predict_proba(X):
    """The probability of each {of}."""
    z = scores(X)
    e = np.exp(-abs(z))
    p = np.where(z < 0, e, 1.0) / (1.0 + e)
    return {proba}


def predict(X):
    """{says}"""
    return {labels}
'''
NUMBERS = '''\
def predict(X):
    """{says}"""
    y = {link} * np.array(STD) + np.array(MEAN)
    return {result}
'''


def numpy_source(forward: Forward, name: str, weights: str, digest: str) -> str:
    """The source of a predictor that reads the model file `weights`, which has this SHA-256."""
    second = "" if forward.output.kind == "numbers" else "predict_proba, "
    source = SOURCE.format(
        name=name,
        stem=Path(name).stem,
        second=second,
        about=about(forward),
        weights=weights,
        digest=digest,
        constants=constants(forward),
        functions=_functions(forward),
        body="\n".join(f"        {line}" for line in _body(forward)),
        outputs=_outputs(forward),
        n_features=forward.n_features,
        n_outputs=forward.n_outputs,
    )
    return source if "math." in source else source.replace("import math\n", "")


def _function(step: Step, names: dict[tuple[object, ...], str]) -> str:
    """The name of the function of an activation with its options; several variants get numbers."""
    key = (step.kind, *step.options.values())
    if key not in names:
        variants = sum(other[0] == step.kind for other in names)
        names[key] = f"{step.kind}_{variants + 1}" if variants else step.kind
    return names[key]


def _functions(forward: Forward) -> str:
    names: dict[tuple[object, ...], str] = {}
    written = []
    for step in forward.steps:
        if step.kind in ACTIVATIONS and step.kind != "identity":
            had = len(names)
            name = _function(step, names)
            if len(names) > had:
                body = ACTIVATIONS[step.kind].format(**step.options)
                lines = "\n".join(f"    {line}" for line in body.splitlines())
                written.append(f"def {name}(x):\n{lines}\n")
    for kind, function in (("batchnorm", BATCHNORM), ("layernorm", LAYERNORM)):
        if any(step.kind == kind for step in forward.steps):
            written.append(function)
    return "".join(f"{function}\n\n" for function in written)


def _body(forward: Forward) -> list[str]:
    names: dict[tuple[object, ...], str] = {}
    dtype = f"np.{forward.dtype}"
    if forward.shift is None:
        lines = [f"x = X.astype({dtype})"]
    else:
        lines = [
            'shift, factor = W["scaling.shift"], W["scaling.factor"]',
            f"if X.dtype.itemsize > 2 and X.dtype != {dtype}:  # round after the shift",
            f"    x = ((X - shift) * factor).astype({dtype})",
            "else:",
            f"    x = (X.astype({dtype}) - shift.astype({dtype})) * factor.astype({dtype})",
        ]
    for step in forward.steps:
        parameter = f'W["theta.{step.name}.'
        scale, shift = f'{parameter}scale"]', f'{parameter}shift"]'
        match step.kind:
            case "dense":
                bias = f' + {parameter}b"]' if "b" in step.arrays else ""
                lines.append(f'x = x @ {parameter}W"]{bias}')
            case "batchnorm":
                known = f'W["statistics.{step.name}.'
                lines += [
                    "x = batchnorm(",
                    f'    x, {step.options["epsilon"]!r}, {known}mean"], {known}variance"],',
                    f"    {scale}, {shift},",
                    ")",
                ]
            case "layernorm":
                lines.append(f"x = layernorm(x, {step.options['epsilon']!r}, {scale}, {shift})")
            case "dropout" | "identity":
                pass
            case _:
                lines.append(f"x = {_function(step, names)}(x)")
    return lines


def _outputs(forward: Forward) -> str:
    output, k = forward.output, forward.n_outputs
    if output.kind == "classes":
        labels = "CLASSES" if output.classes is not None else f"range({k})"
        return CLASSES.format(n_outputs=k, labels=labels)
    if output.kind == "labels":
        says = f"0 or 1 for each row and label, (n, {k})."
        labels = "(scores(X) > 0).astype(np.int64)"
        return SIGMOIDS.format(of=f"label, (n, {k})", proba="p", says=says, labels=labels)
    if output.kind == "binary":
        labels = "CLASSES" if output.classes is not None else "range(2)"
        return SIGMOIDS.format(
            of="class, (n, 2)",
            proba="np.hstack([1 - p, p])",
            says="The label of each row, (n,).",
            labels=f"np.array({labels})[(scores(X)[:, 0] > 0).astype(np.int64)]",
        )
    link = "scores(X).astype(np.float64)"
    if output.exponential:
        link = f"np.exp({link})"
    result, says = "y", f"Numbers in the units of training, (n, {k})."
    if output.order is not None:
        result, says = "np.sort(y, axis=1)[:, ORDER]", f"The quantiles of each row, (n, {k})."
    elif output.flat:
        result, says = "y[:, 0]", "Numbers in the units of training, (n,)."
    return NUMBERS.format(link=link, result=result, says=says)


FRESH = """
import importlib.util, sys, warnings
import numpy as np
warnings.simplefilter("error")
np.seterr(over="ignore")
spec = importlib.util.spec_from_file_location("predictor", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
rows = np.load(sys.argv[2])
found = {"scores": module.scores(rows), "predictions": module.predict(rows)}
if hasattr(module, "predict_proba"):
    found["probabilities"] = module.predict_proba(rows)
assert "deltarule" not in sys.modules
np.savez(sys.argv[3], **found)
"""


def ask_numpy(source: Path, rows: Array) -> Answers:
    """The answers of a predictor in a fresh process, where nothing of this library is loaded.

    Raises
    ------
    FileRefused
        If the predictor fails.
    """
    given, found = source.parent / "rows.npy", source.parent / "answers.npz"
    np.save(given, rows)
    words = [sys.executable, "-B", "-c", FRESH, str(source), str(given), str(found)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise FileRefused(
            f"The predictor was run in a process of its own and failed there ({reason:.200}). "
            "Nothing was written; please report this with the network's settings."
        )
    with np.load(found) as answers:
        p = answers.get("probabilities")
        return Answers(answers["scores"], p, answers["predictions"])
