"""The verdict's rules, on facts made by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest

from deltarule.comparisons.verdict import conclusion, verdict, warnings
from deltarule.mathematics.statistics import holm, sign_flip_p, summarize


def summary(values: list[float]) -> dict[str, Any]:
    return vars(summarize(values)).copy()


def arm(name: str, best: list[float | None], epochs: list[int] | None = None) -> dict[str, Any]:
    """An arm with these values at its best epochs; None is a run that diverged."""
    runs = [
        {
            "seed": seed,
            "status": "done" if value is not None else "diverged",
            "message": None if value is not None else "Training diverged.",
            "best": value,
        }
        for seed, value in enumerate(best)
    ]
    target = None
    if epochs is not None:
        target = {
            "reached": len(epochs),
            "of": len(best),
            "epochs": summary([float(e) for e in epochs]) if epochs else None,
        }
    return {"name": name, "tuned": None, "runs": runs, "to_target": target}


def facts(*arms: dict[str, Any], metric: str = "val_accuracy", **more: Any) -> dict[str, Any]:
    """The facts that the verdict reads, with differences computed as a comparison does."""
    first, *others = arms
    rows = []
    for other in others:
        d = [
            run["best"] - base["best"]
            for run, base in zip(other["runs"], first["runs"], strict=True)
            if None not in (run["best"], base["best"])
        ]
        if d:
            p = sign_flip_p(d) if len(d) > 1 else None
            rows.append({"arm": other["name"], "against": first["name"], "at": "best", "p": p})
            rows[-1] |= summary(d)
    adjusted = iter(holm([row["p"] for row in rows if row["p"] is not None]))
    for row in rows:
        row["p_holm"] = None if row["p"] is None else next(adjusted)
    return {
        "arms": list(arms),
        "differences": rows,
        "metric": {"name": metric, "greater_is_better": metric != "val_loss"},
        "seeds": list(range(len(first["runs"]))),
        "level": 0.95,
        "target": None,
        "equal_time": None,
        "tuning": None,
        "machine": {"processes": 1, "cores": 2},
        **more,
    }


UP = [0.5, 0.51, 0.49, 0.5, 0.52, 0.48]


def better(by: float, n: int, wobble: float = 0.0) -> list[float]:
    return [x + by + wobble * (-1) ** i for i, x in enumerate(UP[:n])]


def test_no_evidence() -> None:
    """An interval that holds 0 is no evidence of a difference, and never evidence of none."""
    said = " ".join(verdict(facts(arm("a", UP[:5]), arm("b", better(0.001, 5, 0.01)))))
    assert "no evidence of a difference over 5 seeds" in said
    assert not re.search(r"\b(same|as good|equally|no difference)\b", said)


def test_equal_means() -> None:
    """Means that do not differ are said to be equal, and that is no evidence either."""
    (said, *_) = verdict(facts(arm("a", UP), arm("b", UP)))
    assert said.startswith("At the best epoch the validation accuracy of b equals that of a (95 %")
    assert "no evidence of a difference over 6 seeds" in said


def test_five_wins_are_a_hint() -> None:
    """Five clear wins of five are called a hint, and the test's limit is said, with the remedy."""
    said = verdict(facts(arm("a", UP[:5]), arm("b", better(0.02, 5))))
    assert "2.00 points higher than that of a" in said[0]
    assert "a hint, not evidence, over 5 seeds" in said[0]
    assert said[1].startswith("No number of wins among 5 seeds can reach p < 0.05")
    assert "0.0625. With 6 seeds it could" in said[1]


def test_six_wins_are_evidence() -> None:
    """Six of six are evidence, p and all, and nothing is said of limits."""
    (said,) = verdict(facts(arm("a", UP), arm("b", better(0.02, 6))))
    assert (
        "evidence of a difference over 6 seeds (exact paired permutation test, p = 0.031)" in said
    )


def test_several_arms_are_corrected() -> None:
    """With three others, six seeds cannot be enough: Holm's correction is said, and the limit."""
    others = [arm(name, better(0.02, 6, 0.001)) for name in "bcd"]
    said = verdict(facts(arm("a", UP), *others))
    assert all("a hint" in sentence for sentence in said[:3])
    assert "after Holm's correction for 3 comparisons" in said[0]
    assert "after the correction for 3 comparisons: its smallest value is 0.09375" in said[3]
    assert "With 7 seeds it could" in said[3]


def test_losses_are_better_when_lower() -> None:
    """Of a loss the words say which is better, without points."""
    said = verdict(facts(arm("a", UP), arm("b", better(-0.1, 6, 0.001)), metric="val_loss"))
    assert "0.1 lower than that of a, which is better (95 % interval" in said[0]


def test_one_seed() -> None:
    """One seed has no interval, no p, no evidence, and the verdict says so."""
    given = facts(arm("a", [0.5], [3]), arm("b", [0.6], [2]), target=0.42)
    said = " ".join(verdict(given))
    assert "in one run of each" in said
    assert "single runs with one seed: there are no intervals" in said
    assert not re.search(r"±|evidence|interval of|p =", said)
    assert warnings(given, False)[0].startswith("One seed only")


def test_targets() -> None:
    """Epochs to a target, with how many reached it where some did not."""
    given = facts(
        arm("adam", UP[:3], [3, 3, 4]),
        arm("sgd", UP[:3], [9, 10]),
        arm("lion", UP[:3], []),
        target=0.42,
    )
    assert verdict(given)[0] == (
        "adam reached 42 % validation accuracy in 3.33 ± 0.58 epochs, sgd in 9.5 ± 0.71 epochs "
        "with 2 of 3 seeds, and with the others not at all, lion did not with any of its 3 seeds "
        "(mean ± standard deviation over the seeds)."
    )


def test_diverged() -> None:
    """A diverged run is told with its seed; pairs are those that both finished."""
    given = facts(arm("a", UP[:4]), arm("b", [0.6, None, 0.6, 0.61]))
    assert "over 3 seeds" in verdict(given)[0]
    (warning,) = [w for w in warnings(given, False) if "diverged" in w]
    assert warning.startswith("b diverged with 1 of 4 seeds (1); its means are over the other 3")


def test_nothing_in_common() -> None:
    """Without a seed that both finished nothing is said of the two."""
    (said,) = verdict(facts(arm("a", UP[:2]), arm("b", [None, None])))
    assert "nothing can be said" in said


def test_untuned_optimizers() -> None:
    """Different optimizers without their own rates get a warning; tuned ones do not."""
    given = facts(arm("a", UP[:2]), arm("b", UP[:2]))
    assert any("compares settings, not optimizers" in w for w in warnings(given, True))
    assert warnings(given, False) == []
    for one in given["arms"]:
        one["tuned"] = {"lr": 0.1}
    assert warnings(given, True) == []


@pytest.mark.parametrize(("chosen", "side"), [(0, "smallest"), (1, None), (2, "largest")])
def test_edges_of_the_tuning(chosen: int, side: str | None) -> None:
    """A best value at the edge of the list is told."""
    rows = [
        {"arm": "a", "changes": {"lr": lr}, "mean": 0.5, "chosen": i == chosen}
        for i, lr in enumerate((0.1, 0.2, 0.4))
    ]
    said = warnings(facts(arm("a", UP[:2]), arm("b", UP[:2]), tuning=rows), False)
    assert said == [] if side is None else f"the {side} lr that was tried" in said[0]


def test_undecided() -> None:
    """Where the test could have decided and did not, but the interval excludes 0, both are said."""
    d = {"n": 8, "low": 0.001, "high": 0.02, "mean": 0.01, "p_holm": 0.06}
    assert conclusion(d, 1) == "undecided"
    assert conclusion({**d, "n": 5}, 1) == "hint"
    assert conclusion({**d, "p_holm": 0.04}, 1) == "evidence"
    assert conclusion({**d, "low": -0.001}, 1) == "none"
