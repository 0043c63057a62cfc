"""What numbers in pieces are worth on real tables, beside numbers left whole and gradient boosting.

    python benchmarks/pieces.py DIR [--seeds 5] [--only NAME …]

DIR holds the tables, NAME.csv.gz.  Every seed draws its own fifth of the rows to test on.  The
others are what `deltarule train` is given, with its defaults, of which it holds out a fifth to
choose the best epoch; scikit-learn's HistGradientBoosting, with its defaults, learns from all of
them.  Told are means and standard deviations over the seeds of the accuracy, or of R².
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from deltarule.runs.recipes import Recipe
from deltarule.runs.running import train_run
from deltarule.runs.serving import evaluate_model

TARGETS = {
    "adult": "income",
    "phoneme": "class",
    "spambase": "is_spam",
    "letter": "lettr",
    "credit_g": "class",
    "california_housing": "median_house_value",
    "wine_quality": "quality",
    "abalone": "rings",
    "kin8nm": "y",
    "concrete": "strength",
    "diamonds": "price",
}
CLASSES = ("adult", "phoneme", "spambase", "letter", "credit_g")
ARMS = {"numbers whole": 0, "in pieces": "auto"}


def boosted(train: pandas.DataFrame, test: pandas.DataFrame, target: str, classes: bool) -> float:
    """The score of gradient boosting."""
    kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    rows = [frame.drop(columns=target) for frame in (train, test)]
    for name in rows[0].columns:
        if not pandas.api.types.is_numeric_dtype(rows[0][name]):
            known = pandas.CategoricalDtype(rows[0][name].dropna().unique())
            rows = [frame.assign(**{name: frame[name].astype(known)}) for frame in rows]
    model = kind(categorical_features="from_dtype", random_state=0)
    model.fit(rows[0], train[target])
    return float(model.score(rows[1], test[target]))


def trained(folder: Path, name: str, pieces: Any, seed: int) -> float:
    """The score of a run with the defaults of `deltarule train`."""
    recipe = Recipe(
        data=str(folder / "train.csv"),
        target=TARGETS[name],
        task="classification" if name in CLASSES else "regression",
        pieces=pieces,
        seed=seed,
    )
    with tempfile.TemporaryDirectory(dir=folder) as place:
        run = Path(place) / "run"
        train_run(recipe, run, progress=False, report=False)
        found = evaluate_model(run, str(folder / "test.csv"), {}, "all")
    return float(found["accuracy" if name in CLASSES else "r2"])


def scores(table: pandas.DataFrame, name: str, seed: int) -> dict[str, float]:
    """The score of each contestant on one split."""
    order = np.random.default_rng(seed).permutation(len(table))
    held = len(table) // 5
    test, train = table.iloc[order[:held]], table.iloc[order[held:]]
    with tempfile.TemporaryDirectory() as place:
        train.to_csv(Path(place) / "train.csv", index=False)
        test.to_csv(Path(place) / "test.csv", index=False)
        found = {arm: trained(Path(place), name, pieces, seed) for arm, pieces in ARMS.items()}
    return found | {"gradient boosting": boosted(train, test, TARGETS[name], name in CLASSES)}


def main() -> None:
    """Print one line of Markdown for each table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=list(TARGETS), choices=list(TARGETS))
    given = parser.parse_args()
    print(f"| table | {' | '.join([*ARMS, 'gradient boosting'])} |\n|---|---:|---:|---:|")
    for name in given.only:
        table = pandas.read_csv(given.folder / f"{name}.csv.gz")
        found = [scores(table, name, seed) for seed in range(given.seeds)]
        told = [
            f"{statistics.mean(values):.4f} ± {statistics.stdev(values):.4f}"
            for values in ([each[arm] for each in found] for arm in found[0])
        ]
        print(f"| {name} | {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    main()
