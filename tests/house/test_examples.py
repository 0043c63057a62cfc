"""The examples do what they say, with the real thing or a stand-in for what needs an account."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import pytest

import deltarule as dr

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FILES = sorted(EXAMPLES.glob("*.py"))
COLUMNS = {"epoch", "lr", "seconds"} | {
    f"{part}_{name}" for part in ("train", "val") for name in ("loss", "accuracy")
}


def example(name: str) -> Any:
    """An example as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def train(*callbacks: dr.Callback, **options: Any) -> dr.History:
    """Three epochs of two steps."""
    data = dr.load_data("digits")
    X, y = data.X[:100], data.y[:100]
    return dr.Network([64, 10], scaling="unit").train(
        X, y, X, y, epochs=3, batch_size=50, callbacks=callbacks, progress=False, **options
    )


def without_step(record: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in record.items() if name != "step"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_says_what_to_install(path: Path) -> None:
    """An example begins with what to install, and stands in the list of examples."""
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert "pip install deltarule " in told
    assert f"python {path.name}" in told
    assert f"[{path.name}]({path.name})" in (EXAMPLES / "README.md").read_text(encoding="utf-8")


# -- MLflow ---------------------------------------------------------------------------------------


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow with a store of files in a folder of its own."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path / 'mlruns'}")
    monkeypatch.chdir(tmp_path)
    return pytest.importorskip("mlflow", reason="needs mlflow-skinny to log to")


def test_mlflow(mlflow: Any) -> None:
    """What MLflow's store has of a run are the values of each epoch, and the plan."""
    callback = example("mlflow_callback").MLflowCallback()
    with mlflow.start_run() as run:
        history = train(callback)
    client = mlflow.MlflowClient()
    stored = client.get_run(run.info.run_id)
    assert stored.info.status == "FINISHED"
    assert stored.data.params["batch_size"] == "50"
    assert set(stored.data.metrics) == COLUMNS
    for name in COLUMNS:
        points = [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, name)]
        assert points == list(zip(history["step"], history[name], strict=True))


def test_mlflow_of_a_training_that_fails(mlflow: Any) -> None:
    """A training that diverges is a run that failed."""
    callback = example("mlflow_callback").MLflowCallback()
    with pytest.raises(dr.Diverged), mlflow.start_run() as run:
        train(callback, lr=1e30)
    assert mlflow.MlflowClient().get_run(run.info.run_id).info.status == "FAILED"


def test_mlflow_as_a_program(mlflow: Any) -> None:
    """The example itself leaves a run with ten epochs and the network."""
    example("mlflow_callback").main()
    client = mlflow.MlflowClient()
    (run,) = client.search_runs(["0"])
    assert len(client.get_metric_history(run.info.run_id, "val_accuracy")) == 10
    (artifact,) = client.list_artifacts(run.info.run_id)
    assert artifact.path == "digits.safetensors"


# -- Weights & Biases -----------------------------------------------------------------------------


class Run:
    """What the example uses of a run of wandb, and what became of it."""

    def __init__(self, project: str) -> None:
        self.project, self.config = project, dict[str, Any]()
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.failed: bool | None = None

    def log(self, data: dict[str, float], step: int) -> None:
        self.logged.append((step, data))

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, at: TracebackType | None
    ) -> None:
        self.failed = kind is not None


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """The runs of a stand-in for wandb, which needs neither network nor account."""
    begun: list[Run] = []

    def init(*, project: str) -> Run:
        begun.append(Run(project))
        return begun[-1]

    stand_in = ModuleType("wandb")
    stand_in.init = init  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", stand_in)
    return begun


def test_wandb(runs: list[Run]) -> None:
    """What is logged to a run are the values of each epoch over its step, and the plan."""
    run = Run("any")
    history = train(example("wandb_callback").WandbCallback(run))
    assert run.config["batch_size"] == 50
    assert run.logged == [(r["step"], without_step(r)) for r in history.epochs]
    assert set(run.logged[0][1]) == COLUMNS


def test_wandb_as_a_program(runs: list[Run]) -> None:
    """The example itself makes one run with ten epochs, and ends it."""
    example("wandb_callback").main()
    (run,) = runs
    assert run.project == "digits"
    assert len(run.logged) == 10
    assert run.failed is False
