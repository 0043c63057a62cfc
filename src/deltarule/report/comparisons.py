"""The page of a comparison: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..ground.errors import InvalidInput
from . import contrasts, intervals
from .arms import Arm, Metric, arms_of, drawn_arms, metric_of, name_of
from .bands import MAX_BANDS, bands, share_no_time
from .markdown import Markdown
from .rendering import DETAILS, Detail, Picture, render, within_size
from .words import as_float, capitalised, count, legible

__all__ = ["comparison_markdown", "comparison_page"]

SPREADS = ", ± standard deviation (interval of the mean), and permutation tests"


def comparison_page(facts: Mapping[str, Any]) -> str:
    """The answer of a comparison as an HTML page without scripts or network requests.

    Parameters
    ----------
    facts : mapping
        Plain values, as a comparison's folder holds them in comparison.json.  `title` must be
        there; a page simply lacks the part for which another key is missing:

        - `verdict` and `warnings` (sentences), `metric` {name, greater_is_better, share}, `seeds`,
          `level` of the intervals, `smallest_p`, `target`, `equal_time` (seconds), `data` {name,
          n_train, n_val}, `recipe` (TOML), `command`, `versions`, `machine` {processes, cores};
        - `arms`: {name, changes, tuned, parameters, runs, best, end, at_equal_time, to_target,
          seconds}, where a run has seed, status ('done', 'diverged', 'failed'), message, history
          and its numbers, and a summary is {n, mean, sd, low, high};
        - `differences`: {arm, against, at, n, mean, sd, low, high, p, p_holm};
        - `tuning`: {arm, changes, n, mean, sd, chosen, diverged}.

    Returns
    -------
    str
        The page, below 500 kB: of what would be larger it shows less.  The same facts give the
        same bytes.

    Raises
    ------
    InvalidInput
        If there is no title.
    """
    _check(facts)
    return within_size(lambda detail: render("comparison.html", _view(facts, detail)))


def comparison_markdown(facts: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The same answer as Markdown, and its pictures: file name → SVG.

    Raises
    ------
    InvalidInput
        If there is no title.
    """
    _check(facts)
    view = _view(facts, DETAILS[0])
    page = Markdown()
    page.heading(1, view["title"])
    for sentence in view["verdict"]:
        page.paragraph(sentence)
    page.bullets([f"Warning: {warning}" for warning in view["warnings"]])
    page.paragraph(view["lede"])
    for section in view["sections"]:
        page.heading(2, section["heading"])
        page.paragraph(section["remark"])
        for picture in section["pictures"]:
            page.picture(picture)
        for table in section["tables"]:
            page.table(table["columns"], table["rows"])
    page.heading(2, "Do it again")
    if view["command"]:
        page.code(view["command"], "sh")
    if view["recipe"]:
        page.code(view["recipe"], "toml")
    page.table(("software", "version"), view["versions"])
    return page.text, page.files


def _check(facts: Mapping[str, Any]) -> None:
    if "title" not in facts:
        raise InvalidInput("A page needs a title; the facts have none.")


def _view(facts: Mapping[str, Any], detail: Detail) -> dict[str, Any]:
    """Everything the template shows, as clean text, tables and pictures."""
    arms, metric = arms_of(facts), metric_of(facts)
    drawn = drawn_arms(arms, metric)
    sections = [
        _curves(facts, arms, drawn, metric, detail),
        _answers(facts, arms, metric, detail),
        _differences(facts, arms, drawn, metric, detail),
        _speed(drawn, metric),
        _tuning(facts, metric, detail),
        _failures(arms, detail),
        _changes(arms, detail),
    ]
    return {
        "title": legible(facts["title"]),
        "verdict": [legible(s, 1000) for s in (facts.get("verdict") or [])[:40]],
        "warnings": [legible(w, 1000) for w in (facts.get("warnings") or [])[:20]],
        "lede": _lede(facts, arms, metric),
        "sections": [section for section in sections if section],
        "command": legible(facts.get("command") or "", 4000, lines=True),
        "recipe": legible(facts.get("recipe") or "", detail.recipe, lines=True),
        "versions": [
            (legible(name, 60), legible(version, 60))
            for name, version in list((facts.get("versions") or {}).items())[:60]
        ],
    }


def _section(
    name: str,
    heading: str,
    remark: str = "",
    pictures: Sequence[Picture] = (),
    tables: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any] | None:
    full = [table for table in tables if table["rows"]]
    if not pictures and not full:
        return None
    return {
        "name": name,
        "heading": heading,
        "remark": remark,
        "pictures": list(pictures),
        "tables": full,
    }


def _table(
    name: str,
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    most: int,
    text: tuple[int, ...] = (0,),
) -> dict[str, Any]:
    """A table of at most so many rows; its caption tells what is left out."""
    left_out = len(rows) - most
    if left_out > 0:
        caption += f"; {count(left_out)} more rows are left out"
    return {
        "name": name,
        "caption": caption,
        "columns": columns,
        "rows": rows[:most],
        "text": text,
    }


def _lede(facts: Mapping[str, Any], arms: Sequence[Arm], metric: Metric) -> str:
    """What was compared on what, and how often."""
    seeds, data = facts.get("seeds") or [], facts.get("data") or {}
    words = []
    if arms:
        words.append(f"{count(len(arms))} arm{'s' if len(arms) != 1 else ''}")
    if seeds:
        words.append(f"{count(len(seeds))} seed{'s' if len(seeds) != 1 else ''} each")
    if data.get("n_train") is not None:
        name = f" of {legible(data['name'], 80)}" if data.get("name") else ""
        words.append(f"{count(data['n_train'])} training rows{name}")
    if data.get("n_val") is not None:
        words.append(f"{count(data['n_val'])} for validation")
    machine = facts.get("machine") or {}
    if machine.get("processes") is not None and machine.get("cores") is not None:
        processes, cores = count(machine["processes"]), count(machine["cores"])
        words.append(f"{processes} at a time on {cores} cores")
    better = "more is better" if metric.greater_is_better else "less is better"
    sentence = f"Compared by {metric.name}; {better}."
    return f"{capitalised(', '.join(words))}. {sentence}" if words else ""


def _curves(
    facts: Mapping[str, Any],
    arms: Sequence[Arm],
    drawn: Sequence[Arm],
    metric: Metric,
    detail: Detail,
) -> dict[str, Any] | None:
    """Metric and loss, over epochs and over time."""
    loss = next(
        (
            column
            for column in ("val_loss", "train_loss")
            if any(column in record for arm in drawn for run in arm.done for record in run.history)
        ),
        None,
    )
    shown = [metric]
    if loss and loss != metric.column:
        shown.append(replace(metric, column=loss, greater_is_better=False, share=False))
    pictures = []
    for i, quantity in enumerate(shown):
        for over, spoken in (("epoch", "epochs"), ("seconds", "the time of training")):
            if not any(
                quantity.column in record and record.get(over, over == "epoch") is not None
                for arm in drawn
                for run in arm.done
                for record in run.history
            ):
                continue
            name = f"bands-{i}-{spoken.split()[-1]}"
            svg = bands(
                drawn,
                quantity,
                over=over,
                target=_number(facts.get("target")) if quantity is metric else None,
                mark=_number(facts.get("equal_time")) if over == "seconds" else None,
                points=detail.points,
                prefix=name,
            )
            caption = f"{capitalised(quantity.name)} over {spoken}."
            pictures.append(Picture(name, svg, caption, caption))
    several = any(len(arm.done) > 1 for arm in drawn)
    remark = "The lines are means over the seeds" if several else "One seed each"
    if several and len(drawn) <= MAX_BANDS:
        remark += "; the bands reach from the lowest to the highest"
    remark += ", as far as all runs of an arm went." if several else "."
    if several and any(share_no_time(arm, metric.column) for arm in drawn):
        remark += " Of an arm whose runs have no time in common, each run is a thin line over time."
    if len(drawn) < len(arms):
        remark += _not_drawn(arms, drawn)
    return _section("curves", "Learning curves", remark, pictures)


def _not_drawn(arms: Sequence[Arm], drawn: Sequence[Arm]) -> str:
    without = sum(not arm.done for arm in arms)
    told = f" {count(without)} of {count(len(arms))} had no run that ended." if without else ""
    rest = len(arms) - without - len(drawn)
    few = f" Drawn are the first arm and the {count(len(drawn) - 1)} best others." if rest else ""
    return told + few


def _number(value: Any) -> float | None:
    return None if value is None else as_float(value)


def _answers(
    facts: Mapping[str, Any], arms: Sequence[Arm], metric: Metric, detail: Detail
) -> dict[str, Any] | None:
    target = contrasts.shown_target(metric, facts.get("target"))
    level = facts.get("level")
    one = len(facts.get("seeds") or []) == 1
    mean, interval = "of the one seed" if one else "mean over the seeds", ""
    if level is not None and not one:
        interval = f", ± standard deviation ({100 * as_float(level):g} % interval of the mean)"
    return _section(
        "answers",
        "Arm by arm",
        tables=[
            _table(
                "quality",
                f"{capitalised(metric.name)}: {mean}{interval}",
                contrasts.quality_columns(metric, facts.get("equal_time")),
                contrasts.quality_rows(arms, metric),
                detail.rows,
            ),
            _table(
                "speed",
                f"Speed: mean over the runs that reached {target or 'the target'}{interval}",
                contrasts.speed_columns(target),
                contrasts.speed_rows(arms),
                detail.rows,
            ),
        ],
    )


def _differences(
    facts: Mapping[str, Any],
    arms: Sequence[Arm],
    drawn: Sequence[Arm],
    metric: Metric,
    detail: Detail,
) -> dict[str, Any] | None:
    given = list(facts.get("differences") or [])
    if not given:
        return None
    one = len(facts.get("seeds") or []) == 1
    pictures = []
    if len(drawn) > 1:
        first = name_of(given[0].get("against"), 60)
        caption = (
            f"Each arm minus {first}, seed by seed, with its interval; where it reaches across the "
            "line, either may be better."
            if not one
            else f"Each arm minus {first}; one seed has no interval."
        )
        svg = intervals.forest(drawn, given, metric)
        pictures.append(Picture("differences", svg, "Differences from the first arm", caption))
    table = _table(
        "difference-rows",
        "Paired differences" + ("" if one else SPREADS),
        ("arm", "minus", "where", "pairs", "difference", "p", "p, Holm"),
        contrasts.difference_rows(given, metric),
        detail.rows,
        (0, 1, 2),
    )
    remark = contrasts.power(len(facts.get("seeds") or []), facts.get("smallest_p"))
    return _section("differences", "Differences", remark, pictures, [table])


def _speed(drawn: Sequence[Arm], metric: Metric) -> dict[str, Any] | None:
    pictures = []
    for of, caption in (
        ("epochs_to_target", "Epochs until the target was reached, and the best that came of it."),
        ("seconds_to_target", "Seconds until the target was reached."),
        ("seconds", "Seconds of the whole training."),
    ):
        name = f"trade-{of.replace('_', '-')}"
        svg = intervals.trade(drawn, metric, of, prefix=name)
        if svg is not None:
            pictures.append(Picture(name, svg, caption, caption))
    remark = "Each small mark is one run, the large ones are the means of the arms."
    return _section("trade", "Speed against quality", remark, pictures)


def _tuning(facts: Mapping[str, Any], metric: Metric, detail: Detail) -> dict[str, Any] | None:
    given = list(facts.get("tuning") or [])
    if not given:
        return None
    names = {str(row.get("arm")) for row in given}
    pictures = []
    if len(names) <= 12:
        svg = intervals.tuning(given, metric)
        caption = (
            "What each arm reached with each value; the ring is the value that it was given, a "
            "cross one with which no run came to its end."
        )
        pictures.append(Picture("tuning", svg, "What tuning found", caption))
    table = _table(
        "tuning-rows",
        f"{capitalised(metric.name)} of each value that was tried, ± standard deviation",
        ("arm", "tried", "runs", "reached", "diverged", "chosen"),
        contrasts.tuning_rows(given, metric),
        detail.rows,
        (0, 1),
    )
    remark = "Each arm was given its own best value before the arms were compared."
    return _section("tuning", "Tuning", remark, pictures, [table])


def _failures(arms: Sequence[Arm], detail: Detail) -> dict[str, Any] | None:
    table = _table(
        "failures-rows",
        "Runs that did not come to their end; they are in no mean",
        ("arm", "seed", "what became of it", "why"),
        contrasts.failed_rows(arms),
        detail.rows,
        (0, 2, 3),
    )
    return _section("failures", "Runs that failed", tables=[table])


def _changes(arms: Sequence[Arm], detail: Detail) -> dict[str, Any] | None:
    table = _table(
        "changes-rows",
        "What each arm changes of the common recipe",
        ("arm", "changes", "tuned", "parameters"),
        contrasts.change_rows(arms),
        detail.rows,
        (0, 1, 2),
    )
    return _section("changes", "The arms' recipes", tables=[table])
