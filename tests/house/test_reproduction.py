"""The report's claims beside ours: the rules, the runs, and the section that shows them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "docs" / "reproduction.json"
SMALL = {
    "data": "digits",
    "validation": 0.2,
    "hidden_layer_sizes": [16],
    "epochs": 3,
    "batch_size": 256,
}


@pytest.fixture(scope="module", autouse=True)
def benchmarks() -> Iterator[None]:
    """The folder of the scripts among those of modules."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield
    sys.path.remove(str(ROOT / "benchmarks"))


def difference(mean: float, low: float, high: float, p: float | None, n: int = 6) -> dict[str, Any]:
    return {"n": n, "mean": mean, "sd": 0.01, "low": low, "high": high, "p": p}


@pytest.mark.parametrize(
    ("d", "said"),
    [
        (difference(0.02, 0.01, 0.03, 0.03), ("confirmed", "undecided", "refuted")),
        (difference(0.03, 0.02, 0.04, 0.03), ("confirmed", "refuted", "refuted")),
        (difference(-0.005, -0.008, -0.002, 0.03), ("refuted", "confirmed", "refuted")),
        (difference(0.02, 0.015, 0.025, 0.06), ("undecided", "undecided", "undecided")),
        (difference(0.0, -0.005, 0.005, 0.5), ("undecided", "confirmed", "confirmed")),
        (difference(0.0, -0.05, 0.05, 0.5), ("undecided", "undecided", "undecided")),
        (difference(0.0, -0.005, 0.005, 0.5, n=5), ("undecided", "undecided", "undecided")),
        (difference(0.0, 0.0, 0.0, None), ("undecided", "undecided", "undecided")),
        (None, ("undecided", "undecided", "undecided")),
    ],
)
def test_rules_never_say_more_than_the_data(d: Any, said: tuple[str, str, str]) -> None:
    """More, similar and no effect: confirmed or refuted only as the rules have it."""
    from claims import directed, no_effect, similar

    assert (directed(d, 1), similar(d), no_effect(d)) == said


def test_pairs_are_of_seeds_that_both_have() -> None:
    """A run without a value takes its pair out; a single pair has no p."""
    from claims import paired

    found = paired([1.0, None, 3.0, 4.0], [2.0, 5.0, None, 6.0])
    assert found is not None
    assert (found["n"], found["mean"], found["p"]) == (2, 1.5, 0.5)
    assert paired([1.0], [2.0])["p"] is None  # type: ignore[index]
    assert paired([None], [2.0]) is None


def test_single_runs_spread_more_than_means() -> None:
    """Of 95 % of single runs, the interval is √(n + 1) times as wide as that of the mean."""
    from claims import single

    low, high = single({"n": 8, "mean": 0.5, "sd": 0.01, "low": 0.49, "high": 0.51})  # type: ignore[misc]
    assert (low, high) == pytest.approx((0.47, 0.53))


def test_a_list_is_widened_at_the_end_that_was_chosen() -> None:
    """One value more, as far off as the last two are from each other; an inner one adds none."""
    from reproduce import wider

    values = [0.001, 0.003, 0.01]
    assert wider(values, {0.003}) == values
    assert wider(values, {0.001, 0.01}) == [0.0003, *values, 0.03]


def test_a_reproduction_in_small(tmp_path: Path, plain_pages: None) -> None:
    """Four comparisons, with lists that are long enough; asked again, nothing is run anew, and
    the section is the same and says what the quick form cannot show.
    """
    from claims import claims
    from claims_page import section
    from reproduce import Plan, put, reproduce

    plan = Plan(
        seeds=2,
        tune_seeds=1,
        changes=SMALL,
        optimizer_rates=(0.01, 0.1, 1.0),
        schedule_rates=(0.01, 0.1, 1.0),
        whole=False,
    )
    result = reproduce(plan, tmp_path, {})
    for name, more in (("optimizers", 1), ("rates", 0)):
        found = result["comparisons"][name]
        rates = {row["changes"]["lr"] for row in found["tuning"]}
        assert len(rates) >= 3 + more
        assert not {arm["tuned"]["lr"] for arm in found["arms"]} & {min(rates), max(rates)}
    told = section(json.loads(json.dumps(result, allow_nan=False)))
    assert told.startswith("**This is the quick form, which shows less")
    assert "with 2 seeds no difference can be told from chance" in told
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.jsonl")}
    again = reproduce(plan, tmp_path, {})
    assert made == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("metrics.jsonl")}
    assert again["comparisons"] == result["comparisons"]
    assert again["seconds"] == result["seconds"] > 0
    assert [claim.verdict for claim in claims(again)][3:] == ["undecided"] * 8

    document = tmp_path / "results.md"
    document.write_text(
        "Before.\n<!-- reproduction: begin -->old<!-- reproduction: end -->\nAfter.\n"
    )
    put(told, document)
    put(told, document)
    text = document.read_text(encoding="utf-8")
    assert text.startswith("Before.\n<!-- reproduction: begin -->\n**This")
    assert text.endswith("\n<!-- reproduction: end -->\nAfter.\n")
    assert text.count(told) == 1


def test_the_section_is_made_from_its_figures() -> None:
    """docs/results.md holds what docs/reproduction.json says, and that is of whole runs."""
    from claims_page import section
    from reproduce import BEGIN, END

    result = json.loads(RECORDED.read_text(encoding="utf-8"))
    assert result["whole"]
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert f"{BEGIN}\n{section(result)}\n{END}" in text
