"""The border to C++.  Everything that crosses it has been checked in Python or is checked here."""

from typing import Any, final

from numpy.typing import NDArray

Array = NDArray[Any]

ISAS: tuple[str, ...]
"""The instruction sets this processor has, slowest first: ("baseline", "avx2", "avx512")."""

def set_threads(n: int) -> None: ...
def get_threads() -> int: ...
def peak(dtype: str, threads: int, seconds: float, isa: str = "auto") -> float:
    """Multiply-adds per second that `threads` threads reach in registers."""

def elementwise(
    name: str, option: float, x: Array, y: Array, derivative: Array, isa: str = "auto"
) -> None:
    """y = f(x) and f′(x) as the engine computes them, for the tests of its accuracy."""

@final
class Trainer:
    """Packed weights and optimizer state of one dense chain, and what advances them.

    Raises ValueError for what does not fit, MemoryError where there is none.
    """

    def __init__(
        self,
        sizes: list[int],
        activations: list[tuple[str, float]],  # of each hidden layer: name, alpha or slope
        dropout: list[tuple[float, int]],  # of each hidden layer: rate, index in the chain
        loss: tuple[str, float],  # name; label_smoothing, delta or level
        rule: tuple[str, float, float, float, bool],  # name, beta1 | momentum | rho, beta2, epsilon, nesterov
        weight_decay: float,
        l2: float,
        clip: float,  # 0: none
        average: bool,
        shift: Array,  # float64, (n_features,)
        factor: Array,
        scaled: bool,
        dtype: str,  # "float32" | "float64"
        batch_size: int,
        bf16: bool = False,
        isa: str = "auto",
    ) -> None: ...
    isa: str
    state_slots: int
    bytes: int
    def load(self, theta: Array, state: Array, average: Array | None) -> None: ...
    def store(self, theta: Array, state: Array, average: Array | None) -> None: ...
    def advance(
        self,
        X: Array,  # (n, n_features) float32 | float64 | uint8, any strides
        y: Array,  # (n,) int64, or (n, k) of the dtype, C-contiguous
        weight: Array | None,  # (n,) of the dtype
        order: Array,  # (m,) int64: the rows of the steps to take, batch after batch
        lr: Array,  # (steps,) float64
        scalars: Array,  # (steps, k) float64: the rule's, as `rule.scalars(t)` returns them
        pace: Array,  # (steps,) float64: 1 − d of the moving average
        dropout_key: int,  # derive(seed, "dropout")
        t: int,  # of the first step, from 1
        scores: Array,  # (n, n_outputs) of the dtype, written at the rows' places
        losses: Array,  # (steps,) float64, written
        seconds: float,  # stop after the first step that ends later than this
        threads: int,  # 0: chosen by the size of a step
    ) -> int:
        """Take steps until `order` ends or time is up; returns how many.  GIL released."""

def forward(
    sizes: list[int],
    activations: list[tuple[str, float]],
    theta: Array,  # flat, matrices first, then biases
    X: Array,
    shift: Array,
    factor: Array,
    scaled: bool,
    scores: Array,  # (n, n_outputs), of theta's dtype, written
    threads: int,
    isa: str = "auto",
) -> int:
    """The scores of rows; returns −1, or the first row that holds what is not finite in theta's
    dtype.  GIL released for large batches."""

def softmax(z: Array, p: Array) -> None:
    """p = softmax(z), both (n, k), float32 or float64, C-contiguous; p is written."""
