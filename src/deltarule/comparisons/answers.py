"""What a comparison found, as a value that can be printed, shown and tabled."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..ground.frames import data_frame
from ..report.words import duration, is_share, metric_name, metric_value, number

__all__ = ["Comparison"]


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What a comparison found.

    Attributes
    ----------
    folder : Path
        Of the comparison, with its runs.
    facts : dict
        Everything, as in the folder's comparison.json.
    """

    folder: Path
    facts: dict[str, Any]

    @property
    def verdict(self) -> list[str]:
        """The answer, in sentences."""
        return list(self.facts["verdict"])

    @property
    def warnings(self) -> list[str]:
        """What to know before believing it, in sentences."""
        return list(self.facts["warnings"])

    @property
    def arms(self) -> dict[str, dict[str, Any]]:
        """The facts of each arm, by name."""
        return {arm["name"]: arm for arm in self.facts["arms"]}

    def to_frame(self) -> Any:
        """A pandas DataFrame, one row for each run.

        Raises
        ------
        NotAvailable
            If pandas is not installed.
        """
        rows = [
            {"arm": arm["name"], **(arm["tuned"] or {})}
            | {key: value for key, value in run.items() if key != "history"}
            for arm in self.facts["arms"]
            for run in arm["runs"]
        ]
        return data_frame(rows, "a comparison", ".facts")

    def __repr__(self) -> str:
        """What was compared; the answer is its text."""
        seeds = len(self.facts["seeds"])
        return f"<Comparison {self.facts['title']!r}, {seeds} seed{'' if seeds == 1 else 's'}>"

    def __str__(self) -> str:
        """The verdict, the warnings, and a table of the arms."""
        header, *rows = self._table()
        widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (header, *rows)
        ]
        notes = [f"Note: {warning}" for warning in self.warnings]
        return "\n".join([*self.verdict, "", *lines, *([""] if notes else []), *notes])

    def _repr_html_(self) -> str:
        """The same for notebooks."""
        header, *rows = self._table()
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
        body = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows
        )
        said = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self.verdict)
        notes = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in self.warnings)
        listed = f"<ul>{notes}</ul>" if notes else ""
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"<div>{said}{table}{listed}</div>"

    def _table(self) -> list[tuple[str, ...]]:
        """Header and rows, as text."""
        facts = self.facts
        metric = facts["metric"]["name"]
        header = ["arm", f"best {metric_name(metric)}", "at the end", "at equal time"]
        if facts["target"] is not None:
            header.append("epochs to target")
        header += ["time", "difference", "p"]
        found = {d["arm"]: d for d in facts["differences"] if d["at"] == "best"}
        rows = []
        for arm in facts["arms"]:
            tuned = ", ".join(f"{k} {v}" for k, v in (arm["tuned"] or {}).items())
            row = [f"{arm['name']} ({tuned})" if tuned else arm["name"]]
            row += [_spread(metric, arm[at]) for at in ("best", "end", "at_equal_time")]
            if facts["target"] is not None:
                row.append(_reached(arm["to_target"]))
            row.append(duration(arm["seconds"] and arm["seconds"]["mean"]))
            d = found.get(arm["name"])
            row += [_interval(metric, d), number(d["p_holm"], 2) if d else ""]
            rows.append(tuple(row))
        return [tuple(header), *rows]


def _spread(metric: str, summary: Mapping[str, Any] | None) -> str:
    if summary is None:
        return "—"
    mean = metric_value(metric, summary["mean"])
    return mean if summary["sd"] is None else f"{mean} ± {metric_value(metric, summary['sd'])}"


def _reached(found: Mapping[str, Any]) -> str:
    epochs = found["epochs"]
    if epochs is None:
        return f"0 of {found['of']}"
    told = number(epochs["mean"], 3)
    if epochs["sd"] is not None:
        told += f" ± {number(epochs['sd'], 2)}"
    some = found["reached"] < found["of"]
    return f"{told} ({found['reached']} of {found['of']})" if some else told


def _interval(metric: str, d: Mapping[str, Any] | None) -> str:
    """'−0.2 [−0.8, 0.4] points', shares in points: their difference is no share."""
    if d is None:
        return ""

    def told(value: float) -> str:
        text = f"{100 * value:.1f}" if is_share(metric) else number(value, 3)
        return text.replace("-", "\N{MINUS SIGN}")

    unit = " points" if is_share(metric) else ""
    if d["low"] is None:
        return f"{told(d['mean'])}{unit}"
    return f"{told(d['mean'])} [{told(d['low'])}, {told(d['high'])}]{unit}"
