"""How the report's network reaches an accuracy soon: few numbers for each image, whitened.

The rows of pixels are summed over blocks of 4 × 4 in each colour, P; the sums of some rows give
principal components, T, each divided by its deviation; a small network learns on (xP − m)T, where
its steps can be long.  All of this is linear, so it folds into the first layer:

    (xP − m) T W + b = x (P T W) + (b − m T W)

and what remains is [3072, 100, 100, 50, 10] on raw pixels.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from workloads import REPORT, Array

import deltarule as dr

COLOURS, SIDE, BLOCK = 3, 32, 4
ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Recipe:
    """A way to a mark.

    Attributes
    ----------
    accuracy, seconds : float
        The mark, and the time allowed for it.
    rows : int
        How many of the training rows are used.
    components : int
    of_rows : int
        How many rows the components come from.
    epochs, batch : int
    lr : float
        Of Adam, falling linearly to zero.
    """

    accuracy: float
    seconds: float
    rows: int
    epochs: int
    batch: int
    lr: float = 0.008
    components: int = 64
    of_rows: int = 4_000

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the small network."""
        return self.components, *REPORT[1:]

    def named(self) -> str:
        """In one line."""
        return (
            f"{self.rows:,} rows, {self.epochs} epoch{'s' * (self.epochs > 1)} at batch "
            f"{self.batch}, rate {self.lr:g} falling linearly to zero, {self.components} whitened "
            f"components of {BLOCK} × {BLOCK} blocks from {self.of_rows:,} rows"
        )


RECIPES = (
    Recipe(0.42, 0.2, rows=30_000, epochs=1, batch=64),
    Recipe(0.50, 0.6, rows=45_000, epochs=4, batch=128),
)


def block_sums(X: Array) -> Array:
    """xP of raw pixels, (n, 3072) uint8 in C order → (n, 192) float32."""
    sums = np.empty((len(X), COLOURS * (SIDE // BLOCK) ** 2), np.float32)

    def some(start: int) -> None:
        part = slice(start, start + ROWS_AT_ONCE)
        # Four neighbours are one word of 32 bits; two lanes of 16 bits hold what becomes of them.
        words = X[part].view(np.uint32).reshape(-1, BLOCK, SIDE // BLOCK)
        lanes = words & np.uint32(0x00FF00FF)
        lanes += (words >> np.uint32(8)) & np.uint32(0x00FF00FF)
        block = lanes[:, 0] + lanes[:, 1]
        for line in range(2, BLOCK):
            block += lanes[:, line]
        block = (block & np.uint32(0xFFFF)) + (block >> np.uint32(16))
        sums[part] = block.reshape(-1, sums.shape[1])

    with ThreadPoolExecutor(int(os.environ.get("OMP_NUM_THREADS", "1"))) as pool:
        list(pool.map(some, range(0, len(X), ROWS_AT_ONCE)))
    return sums


def whitening(sums: Array, components: int) -> tuple[Array, Array]:
    """m, (192,), and T, (192, components), from the rows given."""
    mean = sums.mean(0)
    centred = sums - mean
    variances, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = slice(-components, None)
    return mean, directions[:, kept] / np.sqrt(variances[kept])


def fold(mean: Array, T: Array, layers: list[tuple[Array, Array]]) -> dr.Network:
    """The report's network on raw pixels, from (W, b) of each layer of the small one."""
    (W, b), *rest = layers
    of_blocks = (T @ W).reshape(COLOURS, SIDE // BLOCK, 1, SIDE // BLOCK, 1, -1)
    shape = (COLOURS, SIDE // BLOCK, BLOCK, SIDE // BLOCK, BLOCK, W.shape[1])
    of_pixels = np.broadcast_to(of_blocks, shape).reshape(-1, W.shape[1])
    net = dr.Network(REPORT, scaling="none", initializer="zeros")
    for number, (weight, bias) in enumerate([(of_pixels, b - mean @ T @ W), *rest], 1):
        net.parameters[f"dense{number}.W"][...] = weight
        net.parameters[f"dense{number}.b"][...] = bias
    return net
