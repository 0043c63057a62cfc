"""The answers that were most wrong, as pictures or as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .plots import photograph
from .rendering import Picture
from .words import count, legible, metric_value, number

__all__ = ["mistakes_view"]

MAX_COLUMNS = 16  # so many still fit on paper


def mistakes_view(found: Mapping[str, Any] | None, most: int) -> dict[str, Any] | None:
    """The worst answers of `found` (see `pages.run_page`), at most `most`.

    Returns
    -------
    dict, or None where there are none
        `heading`, `remark`, and either `pictures` or `columns` and `rows` of text.
    """
    if not found or not found.get("rows"):
        return None
    rows = list(found["rows"])[:most]
    classes = found.get("wrong") is not None
    heading = "Most confident mistakes" if classes else "Largest errors"
    remark = (
        f"{count(found['wrong'])} of {count(found.get('n'))} answers were wrong; these were given "
        "with the greatest confidence. Some may be mistakes of the labels."
        if classes
        else f"Of {count(found.get('n'))} predictions these are the farthest from the truth."
    )
    view: dict[str, Any] = {"heading": heading, "remark": remark, "pictures": []}
    view["columns"], view["rows"], view["text"] = (), [], ()
    if found.get("images") is not None:
        view["pictures"] = [
            _picture(i, pixels, row)
            for i, (pixels, row) in enumerate(zip(found["images"], rows, strict=False))
        ]
        return view
    columns = list(found.get("columns") or [])[:MAX_COLUMNS]
    if len(columns) < len(found.get("columns") or []):
        view["remark"] += f" Shown are the first {len(columns)} columns."
    cells = found.get("cells") or [[] for _ in rows]
    answer = ("true", "predicted", "confidence") if classes else ("true", "predicted", "error")
    view["columns"] = (*answer, *(legible(name, 60) for name in columns))
    view["rows"] = [
        (*_answer(row, classes), *(_cell(value) for value in values[: len(columns)]))
        for row, values in zip(rows, cells, strict=False)
    ]
    worded = [
        len(answer) + i
        for i in range(len(columns))
        if any(isinstance(values[i], str) for values in cells if i < len(values))
    ]
    view["text"] = (0, 1, *worded) if classes else (0, *worded)
    return view


def _answer(row: Mapping[str, Any], classes: bool) -> tuple[str, str, str]:
    if classes:
        sure = metric_value("accuracy", row.get("confidence"))
        return legible(row["true"], 60), legible(row["predicted"], 60), sure
    error = float(row["predicted"]) - float(row["true"])
    return number(row["true"], 6), number(row["predicted"], 6), number(error, 6)


def _cell(value: Any) -> str:
    return legible(value, 60) if isinstance(value, str) else number(value, 7)


def _picture(i: int, pixels: Any, row: Mapping[str, Any]) -> Picture:
    if "confidence" in row:
        true, predicted = legible(row["true"], 40), legible(row["predicted"], 40)
        sure, of_true = (metric_value("accuracy", row[k]) for k in ("confidence", "of_true"))
        title = f"{true}, taken for {predicted}"
        caption = f"{title} with {sure}; {true}: {of_true}".replace(" %", "\u00a0%")
    else:
        title = f"{number(row['true'])}, predicted {number(row['predicted'])}"
        caption = title
    svg = photograph(pixels, title, "One row of the validation images.", prefix=f"mistake-{i}")
    return Picture(f"mistake-{i}", svg, title, caption)
