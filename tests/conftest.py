"""Fixtures shared by all tests."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from deltarule.engine import native

# The same examples in every run, and none fails because the machine is busy.
settings.register_profile(
    "laws", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("laws")

# What a script starts in the background is deaf to Ctrl-C, and some tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# It neither draws with the help of a GPU nor asks anybody for anything of its own.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

REAL_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_finish() -> None:
    """What is imported by now stays: to look through it for garbage took 7 % of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """`real_data(name)`: the folder of a real data set beside the repository, or a skip."""

    def find(name: str) -> Path:
        path = REAL_DATA / name
        if not path.exists():
            pytest.skip(
                f"needs the real data set {name} in a folder shared/data beside the project"
            )
        return path

    return find


@pytest.fixture
def points_in() -> Callable[[Path], dict[str, list[tuple[int, float]]]]:
    """`points_in(folder)`: (step, value) by tag, and texts by tag, by TensorBoard's own readers."""
    pytest.importorskip("tensorboardX", reason="needs tensorboardX to write event files")
    pytest.importorskip("tensorboard", reason="needs tensorboard to read event files")

    def read(folder: Path) -> dict[str, list[tuple[int, Any]]]:
        from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
        from tensorboard.util.tensor_util import make_ndarray

        # One is for programs; the one behind TensorBoard's pages supersedes texts, too.
        plain = event_accumulator.EventAccumulator(str(folder), {"scalars": 0})
        pages = plugin_event_accumulator.EventAccumulator(str(folder), {"tensors": 0})
        plain.Reload()
        pages.Reload()
        found: dict[str, list[tuple[int, Any]]] = {
            tag: [(point.step, point.value) for point in plain.Scalars(tag)]
            for tag in plain.Tags()["scalars"]
        }
        for tag in pages.Tags()["tensors"]:
            points = [(p.step, make_ndarray(p.tensor_proto)) for p in pages.Tensors(tag)]
            if tag.endswith("/text_summary"):
                texts = [(step, array.item().decode()) for step, array in points]
                found[tag.removesuffix("/text_summary")] = texts
            else:
                np.testing.assert_equal([(s, array.item()) for s, array in points], found[tag])
        return found

    return read


@pytest.fixture
def plain_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs, comparisons and sweeps whose pages are empty: their pictures take fifty times as long
    as a small training.

    For laws of everything else about them; the long forms draw the pictures all the same.
    """
    if os.environ.get("DELTARULE_LONG") != "1":
        pages = ("runs.running.run_page", "comparisons.comparing.comparison_page")
        for page in (*pages, "sweeps.findings.sweep_page"):
            monkeypatch.setattr(f"deltarule.{page}", lambda facts: "<html></html>")


@pytest.fixture
def core() -> Any:
    """The engine's compiled core, or a skip; with DELTARULE_REQUIRE_ENGINE=1 a failure."""
    if not native.available():
        required = os.environ.get("DELTARULE_REQUIRE_ENGINE") == "1"
        (pytest.fail if required else pytest.skip)(native.why_not())
    return native.core()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window, or a skip; one for all tests, as its driver allows no second."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs chromium")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()
