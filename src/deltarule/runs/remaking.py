"""Reports made anew, from the folder of a run, a comparison or a sweep alone."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..ground.errors import (
    DeltaruleError,
    FileRefused,
    InvalidInput,
    NotAvailable,
    choose,
)
from ..mathematics import metrics
from ..network.loading import BEST, load
from ..network.network import Network
from ..report.comparisons import comparison_markdown, comparison_page
from ..report.pages import run_markdown, run_page
from ..report.sweeps import sweep_page
from ..storage.atomic import as_path, write_text
from .facts import network_facts
from .folders import ABOUT, METRICS, RECIPE, RESULT, SWEEP, read_lines
from .held_out import held_out_facts
from .preparation import load_for, prepare
from .recipes import Recipe, find_recipe, settled_recipe

__all__ = ["COMPARISON", "FORMATS", "Made", "facts_of_run", "make_reports"]

COMPARISON, COMPARISON_RECIPE = "comparison.json", "comparison.toml"
FORMATS = {"html": "one page that needs nothing else", "md": "Markdown, with pictures beside it"}
MOST_BYTES = 1 << 28
ABOUT_KEYS = ("monitor", "best_epoch", "seconds", "engine", "versions", "command")

Markdown = tuple[str, dict[str, str]]


@dataclass(frozen=True)
class Made:
    """The report of one folder.

    Attributes
    ----------
    folder : Path
    kind : {"run", "comparison", "sweep"}
    files : tuple of Path
        The page first, then its pictures.
    missing : tuple of str
        Sentences: what the page lacks, and why.
    """

    folder: Path
    kind: str
    files: tuple[Path, ...]
    missing: tuple[str, ...]


def make_reports(
    folders: Sequence[str | Path], format: str = "html", out: str | Path | None = None
) -> list[Made]:
    """Make the report of each folder anew; nothing else in the folder is touched.

    Parameters
    ----------
    folders : sequence of path
        Of runs, comparisons and sweeps.
    format : {"html", "md"}
    out : path, optional
        Of one folder, the page's file, or a folder for it; of several, a folder for all pages,
        which is made if it is missing.  By default report.html or report.md in each folder.

    Raises
    ------
    InvalidInput
        If the format is unknown, or there is none such of a sweep.
    NotAvailable, FileRefused
        If a folder is none of a run, a comparison or a sweep, is damaged or of another version, or
        the page cannot be written.  The pages of the folders before it have been made.
    """
    choose(format, FORMATS, "format")
    places = [as_path(folder) for folder in folders]
    targets = _targets(places, format, out)
    return [_make(place, target, format) for place, target in zip(places, targets, strict=True)]


def _targets(places: list[Path], format: str, out: str | Path | None) -> list[Path]:
    """Where each page goes."""
    if out is None:
        return [place / f"report.{format}" for place in places]
    target = as_path(out)
    if len(places) == 1:
        if not target.parent.is_dir():  # told before anything is drawn
            raise NotAvailable(
                f"{target} cannot be written: the folder {target.parent} is not there. Choose "
                "another --out."
            )
        return [target / f"report.{format}" if target.is_dir() else target]
    try:
        target.mkdir(exist_ok=True)
    except OSError as error:
        raise NotAvailable(
            f"The reports of {len(places)} folders need a folder, and {target} cannot be made: "
            f"{error.strerror or error}. Choose another --out."
        ) from None
    found: list[Path] = []
    for place in places:
        stem = place.resolve().name or "report"
        names = (stem if i == 1 else f"{stem}-{i}" for i in range(1, len(places) + 1))
        found.append(next(p for n in names if (p := target / f"{n}.{format}") not in found))
    return found


def _make(place: Path, target: Path, format: str) -> Made:
    if not place.is_dir():
        raise NotAvailable(
            f"{place} is not the folder of a run, a comparison or a sweep; name one that "
            "`deltarule train`, `compare` or `sweep` made."
        )
    missing: list[str] = []
    page: Callable[[Any], str] = run_page
    markdown: Callable[[Any], Markdown] = run_markdown
    if (place / COMPARISON).exists() or (place / COMPARISON_RECIPE).exists():
        kind, facts = "comparison", _comparison(place)
        page, markdown = comparison_page, comparison_markdown
    elif (place / SWEEP).exists():
        kind, facts, page = "sweep", _sweep(place), sweep_page
        if format != "html":
            raise InvalidInput(
                f"The report of the sweep in {place} is made as html only; leave --format out."
            )
    elif (place / RECIPE).is_file():
        facts, missing = facts_of_run(place)
        kind = "run"
    else:
        raise NotAvailable(
            f"{place} is neither the folder of a run, which holds a {RECIPE}, nor that of a "
            f"comparison, which holds a {COMPARISON}, nor that of a sweep, which holds a {SWEEP}."
        )
    try:
        text, pictures = (page(facts), {}) if format == "html" else markdown(facts)
    except (InvalidInput, TypeError, ValueError, AttributeError, LookupError) as error:
        raise FileRefused(
            f"The {kind} in {place} is damaged, or was made by another version of deltarule: "
            f"{error}."
        ) from error
    files = [target]
    for name, svg in pictures.items():
        files.append(target.with_name(f"{target.stem}-{name}"))
        write_text(files[-1], svg)
        text = text.replace(f"({name})", f"({_link(files[-1].name)})")
    write_text(target, text)
    return Made(place, kind, tuple(files), tuple(missing))


def _link(name: str) -> str:
    """A file's name as an address in Markdown."""
    from urllib.parse import quote

    return quote(name)


def _comparison(place: Path) -> dict[str, Any]:
    if not (place / COMPARISON).exists():
        raise NotAvailable(
            f"The comparison in {place} has not come to its end: it holds no {COMPARISON}. Go on "
            "with the command that began it."
        )
    facts = _json(place / COMPARISON)
    if "arms" not in facts or "title" not in facts:
        raise FileRefused(
            f"{place / COMPARISON} is damaged, or was made by another version of deltarule: it "
            "names no arms."
        )
    return facts


def _sweep(place: Path) -> dict[str, Any]:
    if not (place / RESULT).exists():
        raise NotAvailable(
            f"The sweep in {place} has not written down anything yet; it does so when a worker "
            "ends."
        )
    return _json(place / RESULT)


def facts_of_run(place: Path) -> tuple[dict[str, Any], list[str]]:
    """What the page of a run shows, from its folder; and sentences about what it must lack.

    Raises
    ------
    NotAvailable, FileRefused
        If the folder is damaged or of another version.
    """
    recipe = _recipe(place)
    records = read_lines(place / METRICS)
    about = _json(place / ABOUT) if (place / ABOUT).exists() else {}
    missing: list[str] = []
    network = None
    if (place / BEST).is_file():
        network = load(place / BEST)
        facts = network_facts(recipe, network)
    else:
        missing.append(
            f"The run has no {BEST}, as it has not come to its end; what the weights would show is "
            "left out."
        )
        title = ": ".join(filter(None, (Path(recipe.data).name, recipe.description)))
        facts = {"title": title, "recipe": recipe.to_toml(), "data": {"name": recipe.data}}
    facts["history"] = records
    facts |= _course(recipe, records) | {k: about[k] for k in ABOUT_KEYS if k in about}
    facts["data"] |= {k: about[k] for k in ("n_train", "n_val") if k in about}
    facts.setdefault("command", f"deltarule train {shlex.quote(recipe.data)} --recipe {RECIPE}")
    if network is not None and records:
        try:
            facts |= _of_rows(recipe, network, facts["data"])
        except DeltaruleError as error:
            missing.append(f"What the validation rows would show is left out. {error}")
    facts["warnings"] = [*_texts(about.get("warnings")), *missing]
    if not about and not (place / RESULT).is_file() and network is not None:
        facts["warnings"].append("The run has not come to its end.")
    return facts, missing


def _of_rows(recipe: Recipe, network: Network, data: dict[str, Any]) -> dict[str, Any]:
    """What the validation rows show; `data` learns how many rows there are."""
    dataset = load_for(recipe)
    if dataset.fingerprint() != network.about.get("fingerprint"):
        raise NotAvailable(f"The data {recipe.data} have changed since the run.")
    prepared = prepare(recipe, dataset)
    data["n_train"] = len(prepared.X)
    data["n_val"] = 0 if prepared.X_val is None else len(prepared.X_val)
    return held_out_facts(prepared, network)


def _course(recipe: Recipe, records: list[dict[str, Any]]) -> dict[str, Any]:
    """The best epoch and the time, of a run that left no word of them."""
    seconds = [record["seconds"] for record in records if _is_number(record.get("seconds"))]
    course: dict[str, Any] = {"seconds": seconds[-1]} if seconds else {}
    watched = any("val_loss" in record for record in records)
    monitor = recipe.monitor or ("val_loss" if watched else None)
    if monitor is None:
        return course
    metric = getattr(metrics, monitor.partition("_")[2], None)
    sign = -1.0 if getattr(metric, "greater_is_better", False) else 1.0
    values = {
        record["epoch"]: sign * record[monitor]
        for record in records
        if "epoch" in record and _is_number(record.get(monitor))
    }
    best = min(values, key=lambda epoch: values[epoch]) if values else None
    return {**course, "monitor": monitor, "best_epoch": best}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _texts(given: object) -> list[str]:
    return [str(text) for text in given] if isinstance(given, Iterable) else []


def _recipe(place: Path) -> Recipe:
    try:
        return settled_recipe(find_recipe(str(place / RECIPE)))
    except InvalidInput as error:
        raise FileRefused(
            f"{place / RECIPE} is damaged, or was made by another version of deltarule: {error}"
        ) from None


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("it is too large")
        found = json.loads(path.read_bytes().decode("utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it holds no object")
    except (ValueError, RecursionError) as error:
        raise FileRefused(
            f"{path} is damaged: {error}. Take it from a backup, or do it again."
        ) from None
    except OSError as error:
        raise NotAvailable(f"{path} cannot be read: {error.strerror or error}.") from None
    return found
