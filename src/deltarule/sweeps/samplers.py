"""Who proposes the next trial: samplers and pruners of Optuna's whose randomness is a function.

A sampler of Optuna's carries a generator along, so that what it proposes depends on all that it has
proposed before.  Ours are made anew for each trial and parameter, seeded by (seed, trial,
parameter): a sweep that is interrupted and goes on proposes what it would have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial

from ..ground.randomness import derive
from .domains import Choices, Span
from .spaces import Space

__all__ = ["pruner_of", "sampler_of", "suggest"]

MASK32 = (1 << 32) - 1
TRIALS_BEFORE_PRUNING = 5


def sampler_of(name: str, seed: int, space: Space) -> BaseSampler:
    """The sampler called 'tpe', 'random' or 'grid'."""
    if name == "grid":
        return _Grid(space)
    return _Seeded(_tpe if name == "tpe" else RandomSampler, seed)


def pruner_of(name: str, epochs: int) -> BasePruner:
    """The pruner called 'median' or 'none'.

    The median needs neither budgets nor brackets, which short sweeps cannot fill: a trial ends
    when its best value so far is worse than the median of the others' at the same epoch.  It waits
    for a fifth of the epochs, in which a high learning rate may look worse than it is.
    """
    if name == "none":
        return NopPruner()
    patience = max(epochs // 5, 1) + 1  # the first epoch of which it may be the last
    return MedianPruner(n_startup_trials=TRIALS_BEFORE_PRUNING, n_warmup_steps=patience)


def suggest(trial: Trial) -> Callable[[str, Span | Choices], Any]:
    """Takes each parameter from the sampler, or, in a trial that goes on, from the store."""

    def take(name: str, domain: Span | Choices) -> Any:
        if isinstance(domain, Choices):
            return trial.suggest_categorical(name, domain.labels)
        if domain.whole:
            low, high = int(domain.low), int(domain.high)
            return trial.suggest_int(name, low, high, step=int(domain.step or 1), log=domain.log)
        return trial.suggest_float(name, domain.low, domain.high, step=domain.step, log=domain.log)

    return take


def _tpe(seed: int) -> TPESampler:
    """Parameters that belong together are drawn together; trials under way are not repeated."""
    return TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)


class _Seeded(BaseSampler):
    """Asks a sampler that is made for the question alone."""

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self.make, self.seed = make, seed
        self._relative: BaseSampler | None = None

    def _made(self, trial: FrozenTrial, name: str) -> BaseSampler:
        return self.make(derive(self.seed, "trial", trial.number, name) & MASK32)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        self._relative = self._made(trial, "")
        return self._relative.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if self._relative is None:  # another sampler was asked for the space
            self.infer_relative_search_space(study, trial)
        assert self._relative is not None
        return self._relative.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        made = self._made(trial, param_name)
        return made.sample_independent(study, trial, param_name, param_distribution)


class _Grid(BaseSampler):
    """The trial with the number n is the n-th point of the space."""

    def __init__(self, space: Space) -> None:
        self.space = space

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self.space.point(trial.number % (self.space.count or 1))[param_name]
