"""The border to C++.  Everything that crosses it has been checked in Python or is checked here.

What does not fit is a TypeError (no such conversion) or a ValueError (which says what is wrong),
before anything is read or written.
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]

ISAS: tuple[str, ...]
"""The instruction sets that this processor has, slowest first; ("baseline", "avx2", "avx512")
where it has all.  `isa` is one of them, or "auto" for the last; of bf16 it may be "tiles", too:
matrix tiles (AMX) emulated, for tests."""

ACTIVATIONS: tuple[str, ...]
LOSSES: tuple[str, ...]
RULES: tuple[str, ...]
"""What the core knows, by the names of the reference's functions."""

def set_threads(n: int) -> None:
    """Let calls that choose by themselves use at most n threads, 1 to 1024; of more than 64, 64."""

def get_threads() -> int:
    """How many those are; at first the processors of the machine."""

def amx() -> str:
    """Whether bf16 products go by matrix tiles: "in use", why not, or "" where there are none.

    Asked for the first time it asks the system for them and checks how they multiply.
    """

def tiles_agree(fault: bool) -> bool:
    """That check of emulated tiles; with a fault one factor is another than the check thinks."""

def peak(dtype: str, threads: int, seconds: float, isa: str = "auto") -> float:
    """Multiply-adds a second that `threads` threads, at most 64, reach in registers.

    dtype is "float32", "float64" or "bf16", whose pairs count as two.  GIL released.
    """

def elementwise(
    name: str, option: float, x: Array, y: Array, derivative: Array, isa: str = "auto"
) -> None:
    """Write y = f(x) and f′(x) of an activation, for the tests of their accuracy.

    x, y and derivative have as many entries, are float32 or float64 alike, and C-contiguous.
    """

class Trainer:
    """Packed weights and optimizer state of one dense chain, and what advances them.

    The constructor raises ValueError for what does not fit and MemoryError where there is not
    enough.  The methods raise ValueError, and RuntimeError while another thread is in one of them;
    after that the trainer is as it was.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activations: Sequence[tuple[str, float]],  # of each hidden layer: name, alpha or slope
        dropout: Sequence[tuple[float, int]],  # of each hidden layer: rate, index in the chain
        loss: tuple[str, float],  # name; label_smoothing, delta or level
        # name; beta1, momentum or rho; beta2; epsilon; nesterov
        rule: tuple[str, float, float, float, bool],
        weight_decay: float,
        l2: float,
        clip: float,  # 0: none
        average: bool,
        shift: Array,  # (n_features,) float64: x is (X − shift)·factor
        factor: Array,  # (n_features,) float64
        scaled: bool,  # whether shift and factor count
        dtype: str,  # "float32" | "float64"
        batch_size: int,
        bf16: bool = False,  # of float32: the factors of products are rounded
        isa: str = "auto",
    ) -> None: ...
    @property
    def isa(self) -> str:
        """The instruction set that was chosen; "amx" where bf16 products go by tiles."""

    @property
    def state_slots(self) -> int:
        """How many vectors the rule remembers here: 2 of adam and nadam, else 1."""

    @property
    def bytes(self) -> int:
        """How much memory it holds."""

    @property
    def threads(self) -> int:
        """How many threads took the steps of the last call."""

    @property
    def gradient_is_finite(self) -> bool:
        """Whether ∇ of the last step taken was."""

    @staticmethod
    def bytes_for(
        sizes: Sequence[int],
        activations: Sequence[tuple[str, float]],
        dropout: Sequence[tuple[float, int]],
        loss: tuple[str, float],
        rule: tuple[str, float, float, float, bool],
        weight_decay: float,
        l2: float,
        clip: float,
        average: bool,
        shift: Array,
        factor: Array,
        scaled: bool,
        dtype: str,
        batch_size: int,
        bf16: bool = False,
        isa: str = "auto",
    ) -> float:
        """The `bytes` of a trainer of these arguments, without making it."""

    def load(self, theta: Array, state: Array, average: Array | None) -> None:
        """Take (n_parameters,) θ, (state_slots, n_parameters) memory and (n_parameters,) θ̄.

        All of the dtype, matrices first, then biases; an average where weights are averaged, else
        None.  Must come before the others.
        """

    def store(self, theta: Array, state: Array, average: Array | None) -> None:
        """Write them back, in the same shapes: the bits that were loaded, or stepped since."""

    def advance(
        self,
        X: Array,  # (n, n_features) float32 | float64 | uint8, any strides
        y: Array,  # (n,) int64 for cross_entropy, or (n, n_outputs) of the dtype, C-contiguous
        weight: Array | None,  # (n,) of the dtype
        order: Array,  # (m,) int64: rows, batch after batch; no row twice in a batch
        lr: Array,  # (steps,) float64
        scalars: Array,  # (steps, k) float64: the rule's, as `rule.scalars(t)` returns them
        pace: Array,  # (steps,) float64: 1 − d of the moving average
        dropout_key: int,  # derive(seed, "dropout")
        t: int,  # of the first step, from 1
        scores: Array,  # (n, n_outputs) of the dtype, written at the rows' places
        losses: Array,  # (steps,) float64, written
        seconds: float,  # stop after the first step that ends later than this
        threads: int,  # at most 64; 0: chosen by the size of a step and by what others leave
        # (m,) int64: where in X the input of each row of `order` lies; None: at the row itself.
        # Given, X may have other rows than y, weight and scores.
        places: Array | None = None,
    ) -> int:
        """Take steps until `order` ends, time is up, or after one whose loss or ∇ is not finite.

        Returns how many: at least one, unless `order` is empty.  GIL released.
        """

def forward(
    sizes: Sequence[int],
    activations: Sequence[tuple[str, float]],
    theta: Array,  # (n_parameters,) float32 | float64: matrices first, then biases
    X: Array,  # (n, n_features) float32 | float64 | uint8, any strides
    shift: Array,
    factor: Array,
    scaled: bool,
    scores: Array,  # (n, n_outputs), of theta's dtype, written
    threads: int,  # at most 64; 0: chosen by the work there is and by what others leave
    isa: str = "auto",
) -> int:
    """Write the scores of rows, without dropout.

    Returns −1, or the number of the first row that holds what is not finite in theta's dtype; the
    scores mean nothing then.  GIL released for more than four rows.  MemoryError where there is
    not enough.
    """

def forward_bytes(sizes: Sequence[int], dtype: str, isa: str = "auto") -> float:
    """How much memory `forward` of more than four rows takes, and keeps for the next call."""

def softmax(z: Array, p: Array) -> None:
    """p = softmax(z), both (n, k), float32 or float64, C-contiguous; p is written."""
