"""Reading a CIFAR-10 pickle without running it.

A pickle is a program for a stack machine, and two of its instructions call functions.  Here a
machine of our own walks the instructions, knows only the two dozen that such batches use, and
takes the names of NumPy's array constructors as mere symbols: nothing is imported and nothing is
called.  The only objects that can come out are dictionaries, lists, tuples, numbers, text and
arrays of bytes.

Source: the opcodes as documented by the standard library's `pickletools`.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...ground.contracts import Array
from .reading import parsing

__all__ = ["MAX_PICKLE", "load_plain"]

MAX_PICKLE = 96 * 2**20
"""Bytes of the largest pickle read: 10,000 images at protocol 2, which spells bytes as text."""

_MAX_STEPS = 1_000_000
_MAX_OPEN_MARKS = 64


@dataclass(frozen=True)
class _Symbol:
    """A name that the pickle asks for; it is compared, never looked up."""

    name: str


@dataclass
class _ByteArray:
    """An array as the pickle makes it: first an empty shell, then filled."""

    values: Array | None = None


class _UInt8:
    """The one dtype there is."""


_SYMBOLS = {
    "_codecs.encode": "encode",
    "numpy.dtype": "dtype",
    "numpy.ndarray": "ndarray",
    "numpy.core.multiarray._reconstruct": "reconstruct",
    "numpy._core.multiarray._reconstruct": "reconstruct",
    "numpy.core.numeric._frombuffer": "frombuffer",
    "numpy._core.numeric._frombuffer": "frombuffer",
}


class _Refusal(Exception):
    """Why the pickle is refused."""


def _require(condition: object, reason: str) -> None:
    if not condition:
        raise _Refusal(reason)


class _Machine:
    """The stack, the open marks and the memo of one pickle."""

    def __init__(self, size: int) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.encoded = 0
        self.size = size

    def pop(self) -> Any:
        floor = self.marks[-1] if self.marks else 0
        _require(len(self.stack) > floor, "it takes a value that is not there")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        _require(self.marks, "it closes a list that is not open")
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def top(self, kind: type) -> Any:
        value = self.pop()
        _require(type(value) is kind, f"it fills a {type(value).__name__} as a {kind.__name__}")
        self.stack.append(value)
        return value

    def mark(self, _: Any) -> None:
        _require(len(self.marks) < _MAX_OPEN_MARKS, "it is nested too deeply")
        self.marks.append(len(self.stack))

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def tuple_of(self, count: int) -> None:
        items = [self.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(items)))

    def append(self, items: list[Any]) -> None:
        self.top(list).extend(items)

    def set_items(self, items: list[Any]) -> None:
        _require(len(items) % 2 == 0, "a key has no value")
        keys, values = items[::2], items[1::2]
        # Only text may be hashed: hashing a nested tuple can take exponential time.
        _require(all(type(key) in (str, bytes) for key in keys), "a key is not text")
        self.top(dict).update(zip(keys, values, strict=True))

    def put(self, index: int) -> None:
        _require(self.stack, "it remembers a value that is not there")
        self.memo[index] = self.stack[-1]

    def get(self, index: int) -> None:
        _require(index in self.memo, "it recalls a value that it never stored")
        self.stack.append(self.memo[index])

    def name(self, module: object, name: object) -> None:
        _require(isinstance(module, str) and isinstance(name, str), "a name is not text")
        full = f"{module}.{name}"
        _require(full in _SYMBOLS, f"it asks for {full[:80]!r}, which no batch needs")
        self.stack.append(_Symbol(_SYMBOLS[full]))

    def name_from_stack(self, _: Any) -> None:
        name, module = self.pop(), self.pop()
        self.name(module, name)

    def reduce(self, _: Any) -> None:
        args, function = self.pop(), self.pop()
        _require(type(args) is tuple and type(function) is _Symbol, "it calls what is no function")
        build = {
            "encode": self._encode,
            "dtype": _dtype,
            "reconstruct": _reconstruct,
            "frombuffer": _from_buffer,
        }.get(function.name)
        if build is None:
            raise _Refusal(f"it calls {function.name}")
        self.stack.append(build(args))

    def _encode(self, args: tuple[Any, ...]) -> bytes:
        """`_codecs.encode(text, 'latin1')`, how Python 3 spells bytes at protocol 2."""
        _require(len(args) == 2 and type(args[0]) is str and args[1] == "latin1", "odd bytes")
        # One remembered text could be encoded a million times: no more comes out than went in.
        self.encoded += len(args[0])
        _require(self.encoded <= self.size, "it repeats its bytes")
        encoded: bytes = args[0].encode("latin-1")
        return encoded

    def build(self, _: Any) -> None:
        state, target = self.pop(), self.pop()
        _require(type(state) is tuple, "an odd state")
        if type(target) is _UInt8:
            _require(state[2:5] == (None, None, None), "an array of a structured type")
        else:
            _require(type(target) is _ByteArray and target.values is None, "it alters an object")
            _require(len(state) == 5 and type(state[2]) is _UInt8, "an array that is not uint8")
            order = "F" if state[3] else "C"
            target.values = _array(state[4], state[1], order)
        self.stack.append(target)


def _dtype(args: tuple[Any, ...]) -> _UInt8:
    _require(args and args[0] in ("u1", b"u1", "|u1", b"|u1"), "an array that is not uint8")
    return _UInt8()


def _reconstruct(args: tuple[Any, ...]) -> _ByteArray:
    _require(len(args) == 3 and args[0] == _Symbol("ndarray"), "an object that is no array")
    return _ByteArray()


def _from_buffer(args: tuple[Any, ...]) -> _ByteArray:
    _require(len(args) == 4 and type(args[1]) is _UInt8, "an array that is not uint8")
    _require(args[3] in ("C", "F"), "an array of unknown order")
    return _ByteArray(_array(args[0], args[2], args[3]))


def _array(data: Any, shape: Any, order: Any) -> Array:
    _require(isinstance(data, (bytes, bytearray)), "an array without bytes")
    _require(
        type(shape) is tuple
        and len(shape) == 2
        and all(type(n) is int and n >= 0 for n in shape)
        and shape[0] * shape[1] == len(data),
        "an array whose shape does not fit its bytes",
    )
    return np.frombuffer(data, np.uint8).reshape(shape, order=order)


_Step = Callable[[_Machine, Any], None]

# BINSTRING is Python 2's str, which is bytes; pickletools shows it as Latin-1 text.
_STEPS: dict[str, _Step] = {
    "PROTO": lambda m, arg: None,
    "FRAME": lambda m, arg: None,
    "MARK": _Machine.mark,
    "NONE": lambda m, arg: m.push(None),
    "NEWTRUE": lambda m, arg: m.push(True),
    "NEWFALSE": lambda m, arg: m.push(False),
    "BININT": _Machine.push,
    "BININT1": _Machine.push,
    "BININT2": _Machine.push,
    "BINSTRING": lambda m, arg: m.push(arg.encode("latin-1")),
    "SHORT_BINSTRING": lambda m, arg: m.push(arg.encode("latin-1")),
    "BINUNICODE": _Machine.push,
    "SHORT_BINUNICODE": _Machine.push,
    "BINUNICODE8": _Machine.push,
    "BINBYTES": _Machine.push,
    "SHORT_BINBYTES": _Machine.push,
    "BINBYTES8": _Machine.push,
    "BYTEARRAY8": _Machine.push,
    "EMPTY_DICT": lambda m, arg: m.push({}),
    "EMPTY_LIST": lambda m, arg: m.push([]),
    "EMPTY_TUPLE": lambda m, arg: m.push(()),
    "TUPLE": lambda m, arg: m.push(tuple(m.pop_to_mark())),
    "TUPLE1": lambda m, arg: m.tuple_of(1),
    "TUPLE2": lambda m, arg: m.tuple_of(2),
    "TUPLE3": lambda m, arg: m.tuple_of(3),
    "APPEND": lambda m, arg: m.append([m.pop()]),
    "APPENDS": lambda m, arg: m.append(m.pop_to_mark()),
    "SETITEM": lambda m, arg: m.set_items([m.pop(), m.pop()][::-1]),
    "SETITEMS": lambda m, arg: m.set_items(m.pop_to_mark()),
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": lambda m, arg: m.put(len(m.memo)),
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "GLOBAL": lambda m, arg: m.name(*arg.split(" ", 1)),
    "STACK_GLOBAL": _Machine.name_from_stack,
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
}


_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}


def _run(raw: bytes) -> Any:
    _require(len(raw) <= MAX_PICKLE, "it is too large")
    machine = _Machine(len(raw))
    stream = io.BytesIO(raw)
    for _ in range(_MAX_STEPS):
        opcode = _OPCODES.get(stream.read(1))
        if opcode is None:
            raise _Refusal("it is cut off, or no pickle")
        if opcode.name == "STOP":
            break
        _require(opcode.name in _STEPS, f"it uses {opcode.name}, which no batch needs")
        _STEPS[opcode.name](machine, opcode.arg.reader(stream) if opcode.arg else None)
    else:
        raise _Refusal("it has too many instructions")
    _require(len(machine.stack) == 1 and not machine.marks, "it does not end with one value")
    _require(not stream.read(1), "there is more behind its end")
    return machine.stack[0]


def load_plain(raw: bytes, where: str) -> dict[str, Any]:
    """The dictionary that a CIFAR-10 pickle describes; nothing in it is executed.

    Parameters
    ----------
    raw : bytes
        A pickle of protocol 2 to 5, as Python 2 or 3 writes it.
    where : str
        The file's name, for messages.

    Returns
    -------
    dict
        Keys as text; values are uint8 arrays with two axes, text, bytes, integers, and lists.

    Raises
    ------
    FileRefused
        For anything else: another instruction, another name, a wrong size.
    """
    with parsing(where, "a CIFAR-10 batch of Python's layout"):
        value = _run(raw)
        _require(type(value) is dict, "it is not a dictionary")
        return {
            key.decode("latin-1") if isinstance(key, bytes) else key: (
                item.values if isinstance(item, _ByteArray) else item
            )
            for key, item in value.items()
        }
