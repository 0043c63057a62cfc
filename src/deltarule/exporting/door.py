"""The door: a network, a path and a format in; checked files, or none, out."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..ground.arrays import quiet
from ..ground.errors import FileRefused, InvalidInput, NotAvailable, choose
from ..network.inputs import brief
from ..network.network import Network
from ..storage.atomic import as_path, write_bytes
from .forward import Forward, forward_of
from .numpy_predictor import ask_numpy, numpy_source
from .onnx_graph import OPSET, ask_onnx, onnx_bytes
from .torch_module import ask_torch, state_bytes, torch_here, torch_source
from .verification import Comparison, compare, rows_like_training

__all__ = ["FORMATS", "Export", "default_name", "export", "files_of"]

Files = dict[Path, bytes]


@dataclass(frozen=True)
class Export:
    """What `export` left, and how it was checked.

    Attributes
    ----------
    files : tuple of Path
        The one to open first; behind it the file of its weights, if it has one.
    to : str
    comparison : Comparison or None
        How far the files' answers were from the network's; None where nothing could run them.
    notes : tuple of str
        What to know about them.
    """

    files: tuple[Path, ...]
    to: str
    comparison: Comparison | None
    notes: tuple[str, ...]


def export(network: Network, path: str | os.PathLike[str], to: str = "onnx") -> Export:
    """Write a trained network for others to run, checked on the spot against the network.

    The scaling, the loss's link from scores to probabilities and the units of y are inside; of a
    table its encoder is not, and rows are to be encoded before.

    Parameters
    ----------
    network : Network
        Trained, of the library's own activations and losses.
    path : path
        The file to write, NAME.onnx or NAME.py; an older one is replaced.
    to : {"onnx", "torch", "numpy"}
        "onnx": an ONNX file (opset 20), "input" → "scores", "probabilities", "predictions";
        checked by onnxruntime.  "torch": a module's source, NAME.py, and its state dict,
        NAME_weights.safetensors; checked where torch is installed.  "numpy": a predictor that
        needs NumPy only, NAME.py, and NAME_weights.safetensors, a model file of this library;
        checked in a process of its own.

    An ONNX file takes rows of the network's dtype, or uint8 where it was trained on bytes: where
    scaling="auto" scaled them, or net.about["input_dtype"] is "uint8", as runs note it.

    Returns
    -------
    Export
        The files and the greatest difference.

    Raises
    ------
    InvalidInput
        If there is no such format, the name does not fit it, or the network cannot be exported.
    NotAvailable
        If onnx or onnxruntime is missing, or a file cannot be written.
    FileRefused
        If the answers differ by more than rounding explains; no file is left then.
    """
    write = choose(to, FORMATS, "format")
    _require_network(network)
    target = files_of(path, to)[0]
    forward = forward_of(network)
    files, comparison, notes = write(network, forward, target)
    _write_all(files)
    if "feature_names" in forward.facts:
        notes = (
            *notes,
            f"The network was trained on a table; the export takes its {forward.n_features} "
            "encoded features, named in the file, as net.preprocessing.encoder makes them.",
        )
    return Export(files_of(path, to), to, comparison, notes)


def _require_network(given: object) -> None:
    if not isinstance(given, Network):
        inner = "; pass its network_" if hasattr(given, "network_") else ""
        raise InvalidInput(f"export takes a Network, not {brief(given)}{inner}.")


def files_of(path: str | os.PathLike[str], to: str) -> tuple[Path, ...]:
    """The files that an export to this path writes: the one named, and that of its weights.

    Raises
    ------
    InvalidInput
        If the name does not fit the format, or there is no such format.
    """
    choose(to, FORMATS, "format")
    target = as_path(path)
    if to == "onnx":
        if target.suffix != ".onnx":
            raise InvalidInput(f"An ONNX file's name must end in .onnx; {target.name!r} does not.")
        return (target,)
    if target.suffix != ".py" or not target.stem.isidentifier():
        raise InvalidInput(
            f"The format {to} is a Python file, which must have a name that can be imported, such "
            f"as net.py, not {brief(target.name)}."
        )
    return target, target.with_name(f"{target.stem}_weights.safetensors")


def default_name(model: Path, to: str) -> Path:
    """The file of a format beside a model's own."""
    choose(to, FORMATS, "format")
    if to == "onnx":
        return model.with_suffix(".onnx")
    stem = re.sub(r"\W", "_", model.stem)
    return model.with_name(f"{'_' * stem[:1].isdigit()}{stem}_{to}.py")


Written = tuple[Files, Comparison | None, tuple[str, ...]]


def _onnx(network: Network, forward: Forward, target: Path) -> Written:
    model = onnx_bytes(forward)
    rows = rows_like_training(network, forward)
    comparison = compare(network, forward, rows, lambda x: ask_onnx(model, x), "ONNX file")
    note = f"Opset {OPSET}; input {forward.input_dtype}, (n, {forward.n_features})."
    return {target: model}, comparison, (note,)


def _numpy(network: Network, forward: Forward, target: Path) -> Written:
    with _scratch() as folder:
        network.save(folder / "weights")
        weights = (folder / "weights").read_bytes()
    files = _pair(forward, target, weights, numpy_source)
    rows = rows_like_training(network, forward)
    with _scratch(files) as folder:
        source = folder / target.name
        comparison = compare(network, forward, rows, lambda x: ask_numpy(source, x), "predictor")
    return files, comparison, ()


def _torch(network: Network, forward: Forward, target: Path) -> Written:
    files = _pair(forward, target, state_bytes(forward), torch_source)
    if not torch_here():
        note = "torch is not installed here, so that the module was written but never run."
        return files, None, (note,)
    rows = rows_like_training(network, forward)
    with _scratch(files) as folder:
        source = folder / target.name
        ask = quiet(lambda x: ask_torch(source, x))
        comparison = compare(network, forward, rows, ask, "torch module")
    return files, comparison, ()


FORMATS: dict[str, Callable[[Network, Forward, Path], Written]] = {
    "numpy": _numpy,
    "onnx": _onnx,
    "torch": _torch,
}


def _pair(
    forward: Forward, target: Path, weights: bytes, source: Callable[[Forward, str, str, str], str]
) -> Files:
    """Weights and the source that reads them: it names their hash, so that no other will do."""
    _, beside = files_of(target, "numpy")
    text = source(forward, target.name, beside.name, hashlib.sha256(weights).hexdigest())
    return {beside: weights, target: text.encode()}


@contextlib.contextmanager
def _scratch(files: Files | None = None) -> Iterator[Path]:
    """A folder for a while, with these files in it."""
    try:
        with tempfile.TemporaryDirectory(prefix="deltarule-") as name:
            folder = Path(name)
            for path, data in (files or {}).items():
                (folder / path.name).write_bytes(data)
            yield folder
    except OSError as error:
        raise NotAvailable(
            f"The export cannot be checked in {tempfile.gettempdir()}: {error.strerror or error}. "
            "Name a folder that has room by the variable TMPDIR."
        ) from None


def _write_all(files: Files) -> None:
    """Write all of the files, or leave all as they were."""
    for path in files:
        if path.is_dir():
            raise FileRefused(f"{path} is a folder; give the export the name of a file.")
    before = {path: path.read_bytes() if path.is_file() else None for path in files}
    try:
        for path, data in files.items():
            write_bytes(path, data)
    except BaseException:
        for path, data_before in before.items():
            with contextlib.suppress(OSError, NotAvailable):
                if data_before is None:
                    path.unlink(missing_ok=True)
                elif path.read_bytes() != data_before:
                    write_bytes(path, data_before)
        raise
