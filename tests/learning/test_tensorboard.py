"""Event files for TensorBoard: one point for each epoch and value, however often interrupted."""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deltarule as dr
from deltarule.learning.tensorboard import require_tensorboardx, tag_of

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)
Points = dict[str, list[tuple[int, Any]]]
Reader = Callable[[Path], Points]
TAGS = {
    "loss/train": "train_loss",
    "loss/validation": "val_loss",
    "accuracy/train": "train_accuracy",
    "accuracy/validation": "val_accuracy",
    "learning_rate": "lr",
}


def train(folder: Path, **options: Any) -> dr.History:
    """Four epochs of four steps, watched."""
    board = dr.TensorBoard(folder)
    given = {"epochs": 4, "batch_size": 10, "progress": False, "callbacks": [board]}
    return dr.Network([3, 4, 2], seed=1).train(X, Y, X, Y, **{**given, **options})


def expected(records: list[dict[str, float]], tags: dict[str, str] = TAGS) -> Points:
    """The points that records make; event files hold float32."""
    return {
        tag: [(int(r["step"]), float(np.float32(r[column]))) for r in records]
        for tag, column in tags.items()
    }


def scalars(points: Points) -> Points:
    """Without the texts."""
    return {tag: found for tag, found in points.items() if not isinstance(found[0][1], str)}


def test_tags() -> None:
    """A column is called as people expect; what is an axis has no tag of its own."""
    columns = ["epoch", "step", "seconds", "lr", "gradient", "val_neg_log_loss", "train_loss"]
    tags = [None, None, None, "learning_rate", "gradient", "neg_log_loss/validation", "loss/train"]
    assert [tag_of(column) for column in columns] == tags
    assert [tag_of(f"{kind}_dense1") for kind in ("ratio", "dead")] == [
        "ratio/dense1",
        "dead/dense1",
    ]


def test_points_are_the_history(tmp_path: Path, points_in: Reader) -> None:
    """Each value of each epoch is one point over its step, and what was trained is a text."""
    history = train(tmp_path / "logs" / "first")
    points = points_in(tmp_path / "logs" / "first")
    assert scalars(points) == expected(history.epochs)
    ((step, text),) = points["training"]
    assert step == 0
    assert "| batch_size | 10 |" in text
    assert f"| engine | {history.engine} |" in text


def test_watching_changes_nothing(tmp_path: Path, points_in: Reader) -> None:
    """Watched or not, the weights are the same, and the engine that takes the steps, too."""
    watched, alone = train(tmp_path / "a"), train(tmp_path / "b", callbacks=[])
    assert watched.weights_sha256 == alone.weights_sha256
    assert watched.engine == alone.engine
    assert not (tmp_path / "b").exists()


def test_times_are_those_of_the_training(tmp_path: Path, points_in: Reader) -> None:
    """Between two points lie the seconds that the history has between them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    history = train(tmp_path)
    reader = EventAccumulator(str(tmp_path))
    reader.Reload()
    times = [point.wall_time for point in reader.Scalars("loss/train")]
    assert abs(times[-1] - time.time()) < 60
    np.testing.assert_allclose(np.diff(times), np.diff(history["seconds"]), atol=1e-5)


class Stops(dr.Callback):
    """Breaks off in an epoch, in the middle or after its checkpoint."""

    every_step = False

    def __init__(self, epoch: int, event: str) -> None:
        self.epoch, self.event = epoch, event

    def _stop(self, training: Any, event: str) -> None:
        if training.epoch == self.epoch and event == self.event:
            raise KeyboardInterrupt

    def on_step(self, training: Any) -> None:
        self._stop(training, "on_step")

    def on_epoch(self, training: Any) -> None:
        self._stop(training, "on_epoch")


@pytest.mark.parametrize("event", ["on_step", "on_epoch"])
@pytest.mark.parametrize("epoch", [1, 3])
@pytest.mark.parametrize("often", ["1 step", "2 epochs"])
def test_interrupted_and_gone_on(
    tmp_path: Path, points_in: Reader, event: str, epoch: int, often: str
) -> None:
    """A training that goes on has one point for each epoch and one text, whatever it repeats."""
    logs, kept = tmp_path / "logs", tmp_path / "checkpoints"
    watchers = [dr.TensorBoard(logs), Stops(epoch, event)]
    given = {"checkpoint_every": often, "engine": "reference"}
    with pytest.raises(KeyboardInterrupt):
        train(logs, callbacks=watchers, checkpoints=kept, **given)
    history = train(logs, resume=kept, **given)
    points = points_in(logs)
    assert len(history) == 4
    assert scalars(points) == expected(history.epochs)
    assert [step for step, _ in points["training"]] == [0]


@pytest.mark.parametrize("left", [0, 7, 40, 0.3, 0.6, 0.99])
def test_a_file_cut_anywhere(tmp_path: Path, points_in: Reader, left: float) -> None:
    """What a kill has left of a file, half a point or nothing, does not disturb the next one."""
    logs, kept = tmp_path / "logs", tmp_path / "checkpoints"
    with pytest.raises(KeyboardInterrupt):
        train(logs, callbacks=[dr.TensorBoard(logs), Stops(3, "on_epoch")], checkpoints=kept)
    (file,) = logs.iterdir()
    data = file.read_bytes()
    file.write_bytes(data[: left if isinstance(left, int) else int(left * len(data))])
    history = train(logs, resume=kept)
    assert scalars(points_in(logs)) == expected(history.epochs)


def test_another_training_supersedes(tmp_path: Path, points_in: Reader) -> None:
    """A training that begins anew in a used folder is the one that is shown."""
    train(tmp_path, epochs=6)
    history = train(tmp_path, epochs=2, lr=0.1)
    assert scalars(points_in(tmp_path)) == expected(history.epochs)


def test_a_training_that_is_over(tmp_path: Path, points_in: Reader) -> None:
    """The records of a history are written as the training would have; a gap in them is NaN."""
    history = train(tmp_path / "a")
    board = dr.TensorBoard(tmp_path / "b", {"note": "*all* of it"})
    board.write(history.epochs)
    assert scalars(points_in(tmp_path / "b")) == scalars(points_in(tmp_path / "a"))
    board.write([{**history.epochs[0], "val_loss": None}])
    points = points_in(tmp_path / "b")
    assert math.isnan(points["loss/validation"][0][1])
    assert points["note"] == [(0, "*all* of it")]
    assert len(points["loss/train"]) == 1


def test_a_training_that_diverges(tmp_path: Path, points_in: Reader) -> None:
    """The epochs before are there."""

    class Diverges(dr.Callback):
        def on_epoch(self, training: Any) -> None:
            if training.epoch == 2:
                training.optimizer.lr = 1e30

    with pytest.warns(dr.CutShort):
        train(tmp_path, callbacks=[dr.TensorBoard(tmp_path), Diverges()])
    assert [step for step, _ in points_in(tmp_path)["loss/train"]] == [4, 8]


# -- estimators -----------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::deltarule.DoubtfulFit")
def test_a_fit_of_an_estimator(tmp_path: Path, points_in: Reader, solver: str) -> None:
    """A fit has a point for each iteration, its copy in a search is one that writes, too."""
    from sklearn.base import clone

    board = dr.TensorBoard(tmp_path)
    model = dr.MLPClassifier((4,), solver=solver, max_iter=5, random_state=0, callbacks=[board])
    clone(model).fit(X, Y)
    copy.deepcopy(model).fit(X, Y)
    points = scalars(points_in(tmp_path))
    steps = [1, 2, 3, 4, 5]
    assert {tag: [step for step, _ in found] for tag, found in points.items()} == dict.fromkeys(
        points, steps
    )
    assert {"loss/train", "learning_rate"} <= set(points)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::deltarule.DoubtfulFit")
def test_fitted_further(tmp_path: Path, points_in: Reader) -> None:
    """Calls of partial_fit are one curve; a fit from the beginning begins another."""
    model = dr.MLPClassifier((4,), random_state=0, callbacks=[dr.TensorBoard(tmp_path)])
    for _ in range(3):
        model.partial_fit(X, Y, classes=[0, 1])
    points = points_in(tmp_path)
    assert [step for step, _ in points["loss/train"]] == [1, 2, 3]
    assert len(points["training"]) == 1
    model.set_params(max_iter=2).fit(X, Y)
    assert [step for step, _ in points_in(tmp_path)["loss/train"]] == [1, 2]


# -- what fails -----------------------------------------------------------------------------------


def test_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tensorboardX one sentence says what to install, before anything is written."""
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(dr.NotAvailable) as caught:
        dr.TensorBoard(tmp_path / "logs")
    assert str(caught.value) == (
        "Event files for TensorBoard need tensorboardX: pip install 'deltarule[tensorboard]'."
    )
    with pytest.raises(dr.NotAvailable, match=r"\[tensorboard\]'\. Or not\.$"):
        require_tensorboardx("Or not.")
    assert not (tmp_path / "logs").exists()


def test_a_folder_that_is_a_file(tmp_path: Path, points_in: Reader) -> None:
    """What cannot be made is told in one sentence."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(dr.NotAvailable, match=r"Event files cannot be written to .*file: "):
        train(tmp_path / "file")


@pytest.mark.parametrize("at", [0, 1, 5, 9, 13, 17, 26])
def test_a_disk_that_fills(
    tmp_path: Path, points_in: Reader, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """A disk that is full ends the training in one sentence, and never hangs."""
    from tensorboardX import record_writer

    class Full:
        def __init__(self, path: str) -> None:
            self.file, self.left = open(path, "wb"), at  # noqa: SIM115

        def write(self, data: bytes) -> None:
            self.left -= 1
            if self.left < 0:
                raise OSError(28, "No space left on device")
            self.file.write(data)

        def flush(self) -> None:
            self.file.flush()

        def fileno(self) -> int:
            return self.file.fileno()

        def close(self) -> None:
            self.file.close()

    monkeypatch.setattr(record_writer, "open_file", Full)
    with pytest.raises(dr.NotAvailable, match=r"No space left on device\. Choose a folder"):
        train(tmp_path)
    monkeypatch.undo()
    history = train(tmp_path)
    assert scalars(points_in(tmp_path)) == expected(history.epochs)
