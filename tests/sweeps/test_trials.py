"""Laws of one trial: a run folder that the store hears of, and that says what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

optuna = pytest.importorskip("optuna", reason="needs Optuna")

from deltarule.learning.callbacks import Callback  # noqa: E402
from deltarule.runs import running  # noqa: E402
from deltarule.runs.recipes import Recipe, recipe_from  # noqa: E402
from deltarule.sweeps.stores import Store  # noqa: E402
from deltarule.sweeps.trials import Ended, run_trial  # noqa: E402


def recipe(**changes: Any) -> Recipe:
    """Some hundredths of a second."""
    given = {"epochs": 4, "hidden_layer_sizes": [8], "monitor": "val_loss", "lr": 0.01}
    return recipe_from(given, changes)


class Bench:
    """A study with a pruner that one can tell when to prune."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.prune_at = folder, 99
        self.store = Store(folder / "study.db")
        with self.store.guarded():
            self.study = optuna.create_study(storage=self.store.storage, pruner=self)

    def prune(self, study: Any, trial: Any) -> bool:
        return bool(trial.last_step >= self.prune_at)

    def trial(self) -> Any:
        with self.store.guarded():
            return self.study.ask()

    def run(self, trial: Any, given: Recipe, callbacks: Any = ()) -> Ended:
        folder = self.folder / str(trial.number)
        return run_trial(trial, given, folder, "val_loss", self.store, list(callbacks))

    def frozen(self, trial: Any) -> Any:
        with self.store.guarded():
            return self.study.get_trials(deepcopy=False)[trial.number]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A store in a folder."""
    monkeypatch.setattr(running, "run_page", lambda facts: "<html></html>")
    made = Bench(tmp_path)
    optuna.pruners.BasePruner.register(Bench)
    yield made
    made.store.close()


def test_a_whole_trial(bench: Bench) -> None:
    """Each epoch is reported; the value is that of the best epoch; the folder says what it is."""
    trial = bench.trial()
    ended = bench.run(trial, recipe())
    facts = json.loads((bench.folder / "0" / "result.json").read_text())
    assert ended.state == "complete"
    assert ended.value == facts["val_loss"]
    assert ended.epochs == 4
    assert ended.seconds > 0
    lines = (bench.folder / "0" / "metrics.jsonl").read_text().splitlines()
    values = {json.loads(line)["epoch"]: json.loads(line)["val_loss"] for line in lines}
    assert bench.frozen(trial).intermediate_values == values
    mark = json.loads((bench.folder / "0" / "trial.json").read_text())
    assert (mark["trial"], mark["state"], mark["value"]) == (0, "complete", ended.value)
    assert bench.run(trial, recipe()) == ended  # one that was done is left as it is


def test_a_pruned_trial_is_a_whole_run(bench: Bench) -> None:
    """It ends after the epoch, with its result; asked again, it is still pruned."""
    bench.prune_at = 2
    trial = bench.trial()
    for _ in range(2):
        ended = bench.run(trial, recipe())
        assert (ended.state, ended.value, ended.epochs) == ("pruned", None, 2)
        bench.prune_at = 99
    names = {path.name for path in (bench.folder / "0").iterdir()}
    assert {"best.safetensors", "about.json", "result.json", "trial.json"} <= names
    assert "report.html" not in names  # drawn when it is asked for: `deltarule report`


def test_a_decision_to_prune_stands(bench: Bench) -> None:
    """A worker that dies after the decision, before it is carried out, does not change its mind."""

    class Dies(Callback):
        def on_epoch(self, training: Any) -> None:
            if training.stop:
                raise KeyboardInterrupt

    bench.prune_at = 3
    trial = bench.trial()
    given = recipe(checkpoint_every="1 epoch")
    with pytest.raises(KeyboardInterrupt):
        bench.run(trial, given, [Dies()])
    bench.prune_at = 99
    again = optuna.trial.Trial(bench.study, trial._trial_id)
    assert bench.run(again, given).state == "pruned"
    assert bench.run(again, given).epochs == 3


def test_epochs_that_are_trained_again_are_not_judged_by_later_ones(bench: Bench) -> None:
    """Killed between a report and the decision on it, the decision comes at that epoch again."""

    class Dies(Callback):
        def on_epoch(self, training: Any) -> None:
            if training.epoch == 3:
                raise KeyboardInterrupt

    trial = bench.trial()
    with pytest.raises(KeyboardInterrupt):
        bench.run(trial, recipe(checkpoint_every="1000 steps"), [Dies()])
    assert bench.frozen(trial).last_step == 3
    bench.prune_at = 3
    again = optuna.trial.Trial(bench.study, trial._trial_id)
    ended = bench.run(again, recipe())
    assert (ended.state, ended.epochs) == ("pruned", 3)


def test_a_trial_that_diverges(bench: Bench) -> None:
    """It is pruned, with the reason, so that the sampler learns to keep away."""
    ended = bench.run(bench.trial(), recipe(lr=1e30, weight_decay=0))
    assert (ended.state, ended.value) == ("pruned", None)
    assert ended.reason.startswith("Training diverged: ")


def test_a_trial_that_is_refused(bench: Bench) -> None:
    """What only the training refuses is a failed trial with its reason, not the sweep's end."""
    ended = bench.run(bench.trial(), recipe(lr=1.0, weight_decay=1.0))
    assert ended.state == "failed"
    assert "lr × weight_decay" in ended.reason
    assert not (bench.folder / "0").exists()
