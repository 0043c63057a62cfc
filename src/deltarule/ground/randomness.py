"""Randomness as a function of (seed, purpose, step, …): there is no generator to save.

Two integer hashes, in multiplies, xors and shifts only, so that NumPy, C++ and torch, whole
batches and shards, agree to the bit:

- SplitMix64 (Steele, Lea and Flood, 2014, "Fast splittable pseudorandom number generators")
  derives keys and makes the streams of initial weights and permutations;
- a 32-bit finalizer (C. Wellons, 2018, "Prospecting for hash functions": lowbias32) decides for
  each entry of a dropout mask.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from .arrays import lift
from .contracts import Array

__all__ = [
    "RecordedNoise",
    "StepNoise",
    "bits32",
    "derive",
    "derive_each",
    "hash32",
    "normals",
    "permutation",
    "uniforms",
]

MASK64 = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15
BLOCK = 1 << 16


def _mix64(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
    return z ^ (z >> 31)


def derive(seed: int, *path: int | str) -> int:
    """A 64-bit key: a function of the seed and of what the randomness is for.

    `derive(seed, "order", epoch)`, `derive(seed, "weights", layer)`.  Words count by their UTF-8
    bytes.
    """
    key = _mix64((seed + GAMMA) & MASK64)
    for item in path:
        numbers = item.encode() if isinstance(item, str) else (item,)
        for number in numbers:
            key = _mix64((key + GAMMA * (2 * number + 1)) & MASK64)
        key = _mix64(key ^ len(numbers))
    return key


def derive_each(keys: Array, numbers: Array) -> Array:
    """derive(seed, …, number) of many numbers, uint64, from the keys derive(seed, …), uint64."""
    key = _mix64_each(keys + np.uint64(GAMMA) * (np.uint64(2) * numbers + np.uint64(1)))
    return _mix64_each(key ^ np.uint64(1))


def _mix64_each(z: Array) -> Array:
    """`_mix64` of every entry of a uint64 array."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _stream64(key: int, n: int, start: int = 0) -> Array:
    """n 64-bit words of SplitMix64 started at `key`, from the word with the number `start`."""
    numbers = np.arange(start + 1, start + n + 1, dtype=np.uint64)
    return _mix64_each(numbers * np.uint64(GAMMA) + np.uint64(key))


def uniforms(key: int, n: int, start: int = 0) -> Array:
    """n float64 numbers, uniform in [0, 1), multiples of 2⁻⁵³, from the `start`-th of the key's."""
    return (_stream64(key, n, start) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normals(key: int, n: int) -> Array:
    """n float64 numbers from the standard normal distribution (Box and Muller, 1958)."""
    half = (n + 1) // 2
    out = np.empty(2 * half)
    for start in range(0, half, BLOCK):  # so that millions of weights need little beside them
        size = min(BLOCK, half - start)
        radius = np.sqrt(-2.0 * np.log1p(-uniforms(key, size, start)))
        angle = 2.0 * math.pi * uniforms(key, size, half + start)
        out[start : start + size] = radius * np.cos(angle)
        out[half + start : half + start + size] = radius * np.sin(angle)
    return out[:n]


def permutation(key: int, n: int) -> Array:
    """A permutation of 0..n−1, int64: the order of n random 64-bit words.

    The words of a stream are all different (the hash is one to one), so every way of sorting gives
    the same order, and NumPy's fastest will do.
    """
    return np.argsort(_stream64(key, n))


def hash32(x: Array) -> Array:
    """A 32-bit integer hash (lowbias32) of every entry of a uint32 array, in place."""
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x


def bits32(key: int, rows: Array, n_units: int) -> Array:
    """32 random bits for each (row, unit), uint32 (n_rows, n_units).

    Each is a function of the key, of the row's number in the global batch and of the unit alone,
    so shards of a batch draw what the whole batch would.
    """
    low, high = np.uint32(key & 0xFFFFFFFF), np.uint32(key >> 32)
    of_row = hash32(rows.astype(np.uint32) * np.uint32(0x9E3779B9) ^ low)
    of_unit = np.arange(n_units, dtype=np.uint32) * np.uint32(0x85EBCA6B) ^ high
    return hash32(of_row[:, None] ^ of_unit[None, :])


@dataclass(frozen=True)
class StepNoise:
    """All randomness inside one training step, as a function of (seed, step, layer, row, unit).

    Attributes
    ----------
    seed, step : int
    rows : int array, (n,)
        The numbers of this batch's rows in the global batch.
    share : float
        len(rows) / rows of the global batch.
    layer : int
    """

    seed: int
    step: int
    rows: Array = field(repr=False)
    share: float = 1.0
    layer: int = 0

    def of_layer(self, index: int) -> StepNoise:
        """The same step's noise for the layer with this index."""
        return StepNoise(self.seed, self.step, self.rows, self.share, index)

    def keep(self, shape: tuple[int, ...], rate: float, like: Array) -> Array:
        """Zeros with probability `rate` (to within 2⁻³²), else ones, in like's kind and dtype."""
        key = derive(self.seed, "dropout", self.step, self.layer)
        return lift(bits32(key, self.rows, shape[1]) >= np.uint32(_threshold(rate)), like)


def _threshold(rate: float) -> int:
    """Below it are a share `rate` of all 32-bit numbers."""
    return min(round(rate * 2**32), 2**32 - 1)


WORD = (1 << 32) - 1


def _hash_words(x: Array) -> Array:
    """`hash32` of numbers below 2³² in int64, which is what tensors have.

    A factor from 2³¹ on is taken less 2³²: the low 32 bits of a product are the same, and it stays
    within 64.
    """
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & WORD
    x = x ^ (x >> 15)
    x = (x * (0x846CA68B - 2**32)) & WORD
    return x ^ (x >> 16)


@dataclass(frozen=True)
class RecordedNoise:
    """`StepNoise` of a step that is recorded on a device and replayed: the same bits there.

    Attributes
    ----------
    keys : int64 tensor, (n_layers, 2)
        The low and the high words of derive(seed, "dropout", step, layer), see `keys_of_steps`.
    numbers : int64 tensor, (m,)
        0, 1, …, of rows and units at least.
    n : int
        Rows here.
    first : int
        The number of the first of them in the global batch.
    share : float
        n / rows of the global batch.
    layer : int
    """

    keys: Array = field(repr=False)
    numbers: Array = field(repr=False)
    n: int
    first: int = 0
    share: float = 1.0
    layer: int = 0

    @staticmethod
    def keys_of_steps(seed: int, first: int, steps: int, layers: int) -> Array:
        """The keys of steps first, first + 1, …, int64, (steps, n_layers, 2)."""
        of_step = derive_each(
            np.full(steps, derive(seed, "dropout"), np.uint64),
            np.arange(first, first + steps, dtype=np.uint64),
        )
        keys = derive_each(of_step[:, None], np.arange(layers, dtype=np.uint64)[None, :])
        return np.stack([keys & np.uint64(WORD), keys >> np.uint64(32)], axis=-1).astype(np.int64)

    def of_layer(self, index: int) -> RecordedNoise:
        """The same step's noise for the layer with this index."""
        return replace(self, layer=index)

    def keep(self, shape: tuple[int, ...], rate: float, like: Array) -> Array:
        """Zeros with probability `rate` (to within 2⁻³²), else ones, in like's kind and dtype."""
        low, high = self.keys[self.layer]
        rows = self.numbers[self.first : self.first + self.n]
        units = self.numbers[: shape[1]]
        of_row = _hash_words(((rows * (0x9E3779B9 - 2**32)) & WORD) ^ low)
        of_unit = ((units * (0x85EBCA6B - 2**32)) & WORD) ^ high
        bits = _hash_words(of_row[:, None] ^ of_unit[None, :])
        return lift(bits >= _threshold(rate), like)
