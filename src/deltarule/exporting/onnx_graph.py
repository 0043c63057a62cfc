"""A network as an ONNX file, run by onnxruntime before it is kept."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import InvalidInput, NotAvailable
from ..ground.installing import extra
from .forward import Forward, Output, Step
from .onnx_operators import COMPOSED, PLAIN
from .verification import Answers

__all__ = ["IR_VERSION", "OPSET", "ask_onnx", "onnx_bytes"]

# Gelu came with opset 20, of which onnxruntime knows since 1.17.
OPSET, IR_VERSION = 20, 9
# A protocol buffer ends at 2 GiB.
MOST_BYTES = 2**31 - 2**20


def _packages() -> tuple[Any, Any]:
    try:
        import onnx
        import onnxruntime
    except ImportError:
        raise NotAvailable(
            "Exporting to ONNX needs the packages onnx and onnxruntime, which checks the file: "
            f"{extra('onnx')}. Without them, --to numpy needs nothing."
        ) from None
    return onnx, onnxruntime


class Graph:
    """Nodes and constants, named in the order in which they are added."""

    def __init__(self, dtype: str) -> None:
        self.onnx, _ = _packages()
        self.dtype = np.dtype(dtype)
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self._names: dict[float, str] = {}
        self.prefix = ""

    def __call__(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output, whose name is returned."""
        output = attributes.pop("output", f"{self.prefix}{operator.lower()}_{len(self.nodes)}")
        made = self.onnx.helper.make_node(operator, list(inputs), [output], output, **attributes)
        self.nodes.append(made)
        return output

    def constant(self, value: Any) -> str:
        """A number of the graph's type, by name; equal ones are one."""
        number = float(value)
        if number not in self._names:
            self._names[number] = self.array(f"constant_{len(self._names)}", number)
        return self._names[number]

    def array(self, name: str, value: Any, dtype: Any = None) -> str:
        """An array by name, of the graph's type or another."""
        array = np.asarray(value, self.dtype if dtype is None else dtype)
        self.initializers[name] = self.onnx.numpy_helper.from_array(array, name)
        return name

    def texts(self, name: str, values: list[str]) -> str:
        """Texts by name."""
        encoded = [value.encode() for value in values]
        kind = self.onnx.TensorProto.STRING
        self.initializers[name] = self.onnx.helper.make_tensor(name, kind, [len(values)], encoded)
        return name

    def integers(self, name: str, values: Any) -> str:
        """Integers by name."""
        return self.array(name, values, np.int64)


def onnx_bytes(forward: Forward) -> bytes:
    """The network as an ONNX model: "input" (n, n_features) to "scores", "probabilities" (where it
    has them) and "predictions", all scaling inside.

    Raises
    ------
    InvalidInput
        If it would be larger than an ONNX file can be.
    NotAvailable
        If the packages onnx and onnxruntime are not there.
    """
    size = sum(array.nbytes for step in forward.steps for array in step.arrays.values())
    if size > MOST_BYTES:
        raise InvalidInput(
            f"The weights fill {size:,} bytes, and an ONNX file holds at most {MOST_BYTES:,}; use "
            "--to numpy or --to torch."
        )
    graph = Graph(forward.dtype)
    onnx = graph.onnx
    kinds = {
        np.dtype(name): getattr(onnx.TensorProto, name.upper())
        for name in ("bool", "uint8", "int64", "double")
    } | {np.dtype("float32"): onnx.TensorProto.FLOAT}
    x = _scaled(graph, forward, kinds)
    writers = PLAIN if forward.dtype == "float32" else COMPOSED
    for step in forward.steps:
        graph.prefix = f"{step.name}/"
        x = _step(graph, step, x, writers)
    graph.prefix = ""
    graph("Identity", x, output="scores")
    info = onnx.helper.make_tensor_value_info
    number, k = kinds[graph.dtype], forward.n_outputs
    outputs = [info("scores", number, ["n", k])]
    outputs += _outputs(graph, forward, kinds)
    made = onnx.helper.make_model(
        onnx.helper.make_graph(
            graph.nodes,
            "deltarule",
            [info("input", kinds[np.dtype(forward.input_dtype)], ["n", forward.n_features])],
            outputs,
            list(graph.initializers.values()),
        ),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="deltarule",
        producer_version=forward.facts["made_by"].split()[-1],
    )
    facts = {**forward.facts, "classes": forward.output.classes}
    words = {k: v if isinstance(v, str) else json.dumps(v) for k, v in facts.items() if v}
    onnx.helper.set_model_props(made, words)
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString()


def _scaled(graph: Graph, forward: Forward, kinds: dict[Any, int]) -> str:
    x = "input"
    if forward.input_dtype != forward.dtype:
        x = graph("Cast", x, to=kinds[graph.dtype])
    if forward.shift is None or forward.factor is None:
        return x
    x = graph("Sub", x, graph.array("scaling.shift", forward.shift))
    return graph("Mul", x, graph.array("scaling.factor", forward.factor))


def _step(graph: Graph, step: Step, x: str, writers: dict[str, Any]) -> str:
    arrays = {}
    if step.kind != "batchnorm":
        arrays = {name: graph.array(f"{step.name}.{name}", a) for name, a in step.arrays.items()}
    match step.kind:
        case "dense":
            x = graph("MatMul", x, arrays["W"])
            return graph("Add", x, arrays["b"]) if "b" in arrays else x
        case "batchnorm":
            return _batchnorm(graph, step, x)
        case "layernorm":
            return _layernorm(graph, x, arrays, step.options["epsilon"])
        case "dropout":
            return x
    return writers[step.kind](graph, x, **step.options)


def _batchnorm(graph: Graph, step: Step, x: str) -> str:
    """By its statistics, and not as one node, whose ε is a float32 even among float64."""
    arrays = dict(step.arrays)
    arrays["spread"] = np.sqrt(arrays.pop("variance") + step.options["epsilon"])
    for operator, name in (("Sub", "mean"), ("Div", "spread"), ("Mul", "scale"), ("Add", "shift")):
        x = graph(operator, x, graph.array(f"{step.name}.{name}", arrays[name]))
    return x


def _layernorm(graph: Graph, x: str, arrays: dict[str, str], epsilon: float) -> str:
    """In the order of the library's own, which centres before it squares."""
    axis = graph.integers("axis", [1])
    centred = graph("Sub", x, graph("ReduceMean", x, axis, keepdims=1))
    variance = graph("ReduceMean", graph("Mul", centred, centred), axis, keepdims=1)
    spread = graph("Sqrt", graph("Add", variance, graph.constant(epsilon)))
    scaled = graph("Mul", graph("Div", centred, spread), arrays["scale"])
    return graph("Add", scaled, arrays["shift"])


def _outputs(graph: Graph, forward: Forward, kinds: dict[Any, int]) -> list[Any]:
    """Probabilities and predictions, made of the scores."""
    output, info = forward.output, graph.onnx.helper.make_tensor_value_info
    k, number = forward.n_outputs, kinds[graph.dtype]
    if output.kind == "numbers":
        shape = ["n"] if output.flat else ["n", k]
        _numbers(graph, output, kinds, k)
        return [info("predictions", kinds[np.dtype("float64")], shape)]
    integer = kinds[np.dtype("int64")]
    if output.kind == "classes":
        graph("Softmax", "scores", axis=1, output="probabilities")
        place = graph("ArgMax", "scores", axis=1, keepdims=0)
    else:
        two = output.kind == "binary"
        p = graph("Sigmoid", "scores", **({} if two else {"output": "probabilities"}))
        place = graph("Cast", graph("Greater", "scores", graph.constant(0.0)), to=integer)
        if two:
            no = graph("Sub", graph.constant(1.0), p)
            graph("Concat", no, p, axis=1, output="probabilities")
            place = graph("Squeeze", place, graph.integers("axis", [1]))
    kind = _labels(graph, output.classes, place, kinds)
    shape = ["n", k] if output.kind == "labels" else ["n"]
    p_shape = ["n", 2 if output.kind == "binary" else k]
    return [info("probabilities", number, p_shape), info("predictions", kind, shape)]


def _labels(graph: Graph, classes: list[Any] | None, place: str, kinds: dict[Any, int]) -> int:
    """Labels in the place of their numbers; returns their type."""
    integer = kinds[np.dtype("int64")]
    plain = classes is None or (type(classes[0]) is int and classes == list(range(len(classes))))
    if classes is None or plain:
        graph("Identity", place, output="predictions")
        return integer
    if isinstance(classes[0], str):
        names, kind = graph.texts("classes", classes), graph.onnx.TensorProto.STRING
    else:
        dtype = np.dtype("bool" if isinstance(classes[0], bool) else "int64")
        names, kind = graph.array("classes", classes, dtype), kinds[dtype]
    graph("Gather", names, place, axis=0, output="predictions")
    return kind


def _numbers(graph: Graph, output: Output, kinds: dict[Any, int], k: int) -> None:
    """link(z)·std + mean in float64, quantiles in the order of their levels."""
    assert output.mean is not None
    assert output.std is not None
    double = np.dtype("float64")
    z = graph("Cast", "scores", to=kinds[double])
    if output.exponential:
        z = graph("Exp", z)
    z = graph("Mul", z, graph.array("targets.std", output.std, double))
    z = graph("Add", z, graph.array("targets.mean", output.mean, double))
    if output.order is not None:
        z = _sorted(graph, z, k)
        if output.order != list(range(k)):
            z = graph("Gather", z, graph.integers("order", output.order), axis=1)
    if output.flat:
        graph("Squeeze", z, graph.integers("axis", [1]), output="predictions")
    else:
        graph("Identity", z, output="predictions")


def _sorted(graph: Graph, z: str, k: int) -> str:
    count = graph.integers("outputs", [k])
    node = graph.onnx.helper.make_node(
        "TopK", [z, count], ["ascending", "places"], "sorted", axis=1, largest=0, sorted=1
    )
    graph.nodes.append(node)
    return "ascending"


def ask_onnx(model: bytes, rows: Array) -> Answers:
    """The answers of onnxruntime on a CPU.

    Raises
    ------
    NotAvailable
        If this onnxruntime cannot run the model.
    """
    _, onnxruntime = _packages()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        found = dict(zip(names, session.run(None, {"input": rows}), strict=True))
    except Exception as error:  # its exceptions have no common parent but this
        reason = " ".join(str(error).split())[:200]
        raise NotAvailable(
            f"onnxruntime {onnxruntime.__version__} cannot run the network ({reason}). Nothing "
            "was written; upgrade it: pip install --upgrade onnxruntime."
        ) from None
    return Answers(found["scores"], found.get("probabilities"), found["predictions"])
