"""Laws of the samplers: what they propose is a function of the seed, the trial and the past."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

optuna = pytest.importorskip("optuna", reason="needs Optuna")

from deltarule.sweeps.samplers import pruner_of, sampler_of, suggest  # noqa: E402
from deltarule.sweeps.spaces import Space, space_from  # noqa: E402

SPACE = space_from(
    {
        "lr": {"low": 1e-4, "high": 1e-1, "log": True},
        "dropout": {"low": 0.0, "high": 0.5, "step": 0.1},
        "hidden_layer_sizes": {"depth": [1, 3], "width": {"low": 8, "high": 64}},
        "activation": {"choices": ["relu", "tanh"]},
    },
    {},
)


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
    optuna.logging.set_verbosity(level)


def proposed(study: Any, space: Space = SPACE) -> dict[str, Any]:
    """What the next trial tries; it is told that small rates are good."""
    trial = study.ask()
    changes = space.changes(suggest(trial))
    study.tell(trial, changes.get("lr", 0.0))
    return changes


@pytest.mark.parametrize("name", ["tpe", "random"])
def test_reproducible_wherever_it_is_interrupted(name: str) -> None:
    """A sampler that is made anew before each trial proposes what one proposes that stays."""
    whole = optuna.create_study(sampler=sampler_of(name, 7, SPACE))
    one = [proposed(whole) for _ in range(16)]
    cut = optuna.create_study()
    other = []
    for _ in range(16):
        cut.sampler = sampler_of(name, 7, SPACE)
        other.append(proposed(cut))
    assert one == other
    assert len({str(changes) for changes in one}) == 16
    again = optuna.create_study(sampler=sampler_of(name, 8, SPACE))
    assert [proposed(again) for _ in range(3)] != one[:3]


def test_interrupted_within_a_trial() -> None:
    """A trial of which some parameters are known already gets the rest as if it had not stopped."""
    whole, cut = (optuna.create_study(sampler=sampler_of("tpe", 7, SPACE)) for _ in range(2))
    for study in (whole, cut):
        for _ in range(12):
            proposed(study)
    one = SPACE.changes(suggest(whole.ask()))
    trial = cut.ask()
    trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    again = optuna.trial.Trial(cut, trial._trial_id)
    cut.sampler = sampler_of("tpe", 7, SPACE)
    assert SPACE.changes(suggest(again)) == one


def test_a_grid_tries_each_point_once() -> None:
    """As many trials as the grid has points try each of them."""
    given = {"batch_size": {"choices": [8, 16]}, "hidden_layer_sizes": {"depth": [1, 2]}}
    given["hidden_layer_sizes"]["width"] = {"low": 8, "high": 16, "step": 8}  # type: ignore[index,assignment]
    space = space_from(given, {})
    study = optuna.create_study(sampler=sampler_of("grid", 0, space))
    assert space.count == 2 * (2 + 4)
    assert len({str(proposed(study, space)) for _ in range(12)}) == 12


@pytest.mark.parametrize(("name", "prunes"), [("median", True), ("none", False)])
def test_a_bad_trial_is_pruned_when_there_are_others(name: str, prunes: bool) -> None:
    """Five trials and a fifth of the epochs have to pass; then the worse half ends."""
    study = optuna.create_study(pruner=pruner_of(name, 10))
    for i in range(6):
        trial = study.ask()
        for epoch in range(1, 11):
            trial.report(1.0 + i if i < 5 else 9.0, epoch)
            pruned = trial.should_prune()
            assert pruned == (prunes and i == 5 and epoch > 2), (i, epoch)
        study.tell(trial, 1.0)
