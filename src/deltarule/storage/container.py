"""Named tensors and a JSON description in one checked file.

The file is plain safetensors, which any safetensors reader opens.  Its metadata hold

    format          "deltarule"
    format_version  "1"
    sha256          of the whole file with these 64 digits as zeros
    description     JSON

A hash of the tensors alone would miss a changed header, and safetensors by itself has none.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..ground.contracts import Array
from ..ground.errors import FileRefused, InvalidInput, NotAvailable
from ..ground.installing import UPGRADE
from .atomic import as_path, write_bytes

__all__ = ["FORMAT_VERSION", "read_tensors", "write_tensors"]

FORMAT_VERSION = 1
ZEROS = b"0" * 64
MARK = b'"sha256":"'
MOST_BYTES = 1 << 34
MOST_HEADER_BYTES = 1 << 24
MOST_TENSORS = 10_000
DTYPES = ("F32", "F64", "I64", "U8", "BOOL")


def write_tensors(
    path: str | os.PathLike[str], tensors: dict[str, Array], description: dict[str, Any]
) -> None:
    """Write tensors (float32, float64, int64, uint8 or bool) and a JSON-able description.

    Raises
    ------
    InvalidInput
        If the description is not JSON-able.
    NotAvailable
        If the file cannot be written.
    """
    from safetensors.numpy import save

    try:
        text = json.dumps(description, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"The description of the model cannot be written as JSON: {error}. Keep to text, "
            "finite numbers, lists and dictionaries."
        ) from None
    metadata = {
        "format": "deltarule",
        "format_version": str(FORMAT_VERSION),
        "sha256": ZEROS.decode(),
        "description": text,
    }
    data = save({name: np.asarray(t, order="C") for name, t in tensors.items()}, metadata)
    length = int.from_bytes(data[:8], "little")
    head, body = _head_in_order(data[8 : 8 + length], metadata), memoryview(data)[8 + length :]
    start = head.index(MARK) + len(MARK)
    digest = _sha256(head, body).encode()
    write_bytes(path, (head[:start], digest, head[start + 64 :], body))


def _head_in_order(header_text: bytes, metadata: dict[str, str]) -> bytes:
    """Length and header with the metadata in one order: equal networks make equal files."""
    header = {**json.loads(header_text), "__metadata__": metadata}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors start at multiples of 8
    return len(text).to_bytes(8, "little") + text


def _sha256(*pieces: bytes | memoryview) -> str:
    """The hash of pieces that lie one behind the other, without joining them."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read what `write_tensors` wrote, or refuse it; nothing in the file is executed.

    Raises
    ------
    NotAvailable
        If there is no such file, or it cannot be read.
    FileRefused
        If the file is not of this format, of a newer version, damaged or truncated.
    """
    data, metadata = _checked(as_path(path))
    end_of_head = 8 + int.from_bytes(data[:8], "little")
    start = data.find(MARK) + len(MARK)
    if data.count(MARK, 0, end_of_head) != 1:
        raise FileRefused(f"{path} is damaged: its checksum is missing. Use an intact copy.")
    whole = memoryview(data)
    found = _sha256(whole[:start], ZEROS, whole[start + 64 :])
    if found != metadata.get("sha256"):
        raise FileRefused(
            f"{path} is damaged: its content does not match its checksum. Use an intact copy."
        )
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(data), json.loads(metadata["description"])
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileRefused(f"{path} cannot be read as a model: {error}.") from None


def _checked(path: Path) -> tuple[bytes, dict[str, str]]:
    """The file and its metadata; of a file whose header is refused nothing more is read."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise FileRefused(
                f"{path} is a folder, not a model file; name the file in it, such as "
                "best.safetensors in the folder of a run."
            )
        if not path.is_file():  # a pipe makes its reader wait, a device has no end
            raise FileRefused(f"{path} is not a regular file; give the path of a model file.")
        if size > MOST_BYTES:
            raise FileRefused(f"{path} has {size:,} bytes; a model has at most {MOST_BYTES:,}.")
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            metadata = _metadata(path, length, file.read(min(length, MOST_HEADER_BYTES)), size)
            file.seek(0)
            return file.read(), metadata
    except FileNotFoundError:
        raise NotAvailable(f"There is no file {path}; check the name and the folder.") from None
    except OSError as error:
        raise NotAvailable(f"{path} cannot be read: {error.strerror or error}.") from None


def _metadata(path: Path, length: int, text: bytes, size: int) -> dict[str, str]:
    """The metadata of the header, after the checks that need no trust in the rest."""
    no_model = f"{path} is not a deltarule model file"
    if size < 10 or not 2 <= length <= min(size - 8, MOST_HEADER_BYTES):
        raise FileRefused(f"{no_model}, or it is truncated ({size:,} bytes).")
    try:
        header = json.loads(text)
        metadata = header.pop("__metadata__")
        described = {k: metadata[k] for k in ("format", "format_version", "sha256", "description")}
        kinds = [tensor["dtype"] for tensor in header.values()]
        end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
        if type(end) is not int:
            raise ValueError
        version = described["format_version"]
        if not re.fullmatch("[1-9][0-9]{0,8}", version):
            raise ValueError
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise FileRefused(f"{no_model}: its header is not one that this library writes.") from None
    if described["format"] != "deltarule":
        raise FileRefused(f"{no_model}: it calls itself {described['format']!r:.60}.")
    if int(version) > FORMAT_VERSION:
        raise FileRefused(
            f"{path} has format version {version}, and this deltarule reads up to "
            f"{FORMAT_VERSION}; {UPGRADE}."
        )
    if len(kinds) > MOST_TENSORS or any(kind not in DTYPES for kind in kinds):
        raise FileRefused(f"{no_model}: its tensors are too many or of unknown types.")
    if end != size - 8 - length:
        raise FileRefused(
            f"{path} is damaged: it has {size:,} bytes, and its header speaks of "
            f"{8 + length + end:,}. Use an intact copy."
        )
    return described
