"""`deltarule.MLPClassifier` and `MLPRegressor` beside scikit-learn's, with its default settings.

    python benchmarks/estimators.py [--data DIR] [--out docs] [--only NAME …] [--even-if-busy]
    python benchmarks/estimators.py --quick          digits alone, a few epochs, to see that it runs
    python benchmarks/estimators.py --write FILE     the page anew from FILE

DIR holds the tables, NAME.csv.gz with a header; without it only the digits, which are embedded,
take part.  Tables longer than --rows are thinned to so many rows, the same for everybody; a quarter
is held out for the score, another for each seed.  Ahead of everybody stand medians for gaps,
standardised numbers and one-hot text, all learned from the training rows and outside of the clock.
Everybody takes turns in one process, in an order that alternates.  Writes estimators.json and
estimators.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from estimators_page import HELD_OUT, OURS, mean_sd, page

from machine import claim, describe, others, refuse_if_busy

DOCS = Path(__file__).resolve().parents[1] / "docs"
THEIRS, SCALED = "scikit-learn", "scikit-learn, y standardised"
# name → column that is asked for
CLASSIFIED = {"letter": "lettr", "phoneme": "class", "adult": "income"}
REGRESSED = {"california_housing": "median_house_value", "kin8nm": "y", "concrete": "strength"}
FEW, SEARCHED = "1,000 rows", "grid search"
Facts = dict[str, Any]


def say(text: str) -> None:
    """Progress, on the standard error."""
    print(text, file=sys.stderr, flush=True)


# -- rows ---------------------------------------------------------------------------------------


def columns_of(name: str, folder: str, most: int) -> tuple[Any, Any, Any]:
    """Numbers (n, …) with NaN for gaps, texts (n, …), and y (n,), of at most so many rows."""
    import numpy as np

    import deltarule as dr

    if name == "digits":
        data = dr.load_data("digits")
        numbers = data.X.reshape(len(data.y), -1).astype(np.float64)
        return numbers, np.empty((len(data.y), 0), object), data.y
    target = (CLASSIFIED | REGRESSED)[name]
    data = dr.load_data(str(Path(folder) / f"{name}.csv.gz"), target=target)
    columns = list(data.X.columns.values())
    numbers = [c for c in columns if c.dtype.kind == "f"]
    texts = [np.array([str(v) for v in c], object) for c in columns if c.dtype.kind != "f"]
    n = len(data.y)
    chosen = np.sort(np.random.default_rng(0).permutation(n)[:most])
    none = np.empty((n, 0), object)
    return (
        np.column_stack(numbers)[chosen],
        (np.column_stack(texts) if texts else none)[chosen],
        data.y[chosen],
    )


def split(columns: tuple[Any, Any, Any], seed: int, classes: bool) -> tuple[Any, ...]:
    """X, y to learn from and X, y to be judged by, encoded."""
    import numpy as np
    from sklearn.impute import SimpleImputer
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers, texts, y = columns
    train, test = train_test_split(
        np.arange(len(y)), test_size=HELD_OUT, random_state=seed, stratify=y if classes else None
    )
    scaler = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    parts = [[scaler.fit_transform(numbers[train]), scaler.transform(numbers[test])]]
    if texts.shape[1]:
        encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        parts.append([encoder.fit_transform(texts[train]), encoder.transform(texts[test])])
    X, X_test = (np.hstack(part) for part in zip(*parts, strict=True))
    return X, y[train], X_test, y[test]


# -- contestants --------------------------------------------------------------------------------


def contestants(classes: bool, **settings: Any) -> dict[str, Any]:
    """name → random_state → estimator, all with scikit-learn's default settings."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.preprocessing import StandardScaler

    import deltarule as dr

    if classes:
        return {
            THEIRS: lambda seed: MLPClassifier(random_state=seed, **settings),
            OURS: lambda seed: dr.MLPClassifier(random_state=seed, **settings),
        }
    return {
        THEIRS: lambda seed: MLPRegressor(random_state=seed, **settings),
        SCALED: lambda seed: TransformedTargetRegressor(
            MLPRegressor(random_state=seed, **settings), transformer=StandardScaler()
        ),
        OURS: lambda seed: dr.MLPRegressor(random_state=seed, **settings),
    }


def fitted(model: Any, X: Any, y: Any) -> tuple[Any, float]:
    """The model, and seconds of its fit."""
    start = time.perf_counter()
    model.fit(X, y)
    return model, time.perf_counter() - start


def turns(names: list[str], number: int) -> list[str]:
    """The order in turn `number`: forwards and backwards by turns."""
    return names if number % 2 == 0 else names[::-1]


def beside(name: str, args: argparse.Namespace, settings: Facts) -> Facts:
    """Scores and seconds of everybody on one table, a run for each seed."""
    classes = name not in REGRESSED
    columns = columns_of(name, args.data, args.rows)
    models = contestants(classes, **settings)
    found: Facts = {one: {"score": [], "seconds": [], "epochs": []} for one in models}
    for seed in range(args.seeds):
        X, y, X_test, y_test = split(columns, seed, classes)
        for one in turns(list(models), seed):
            model, seconds = fitted(models[one](seed), X, y)
            found[one]["score"].append(float(model.score(X_test, y_test)))
            found[one]["seconds"].append(seconds)
            found[one]["epochs"].append(int(getattr(model, "regressor_", model).n_iter_))
    say(f"{name}: " + ", ".join(f"{one} {mean_sd(f['score'])}" for one, f in found.items()))
    return {
        "rows": len(columns[2]),
        "features": X.shape[1],
        "score": "accuracy" if classes else "R²",
        "contestants": found,
    }


def few_rows(args: argparse.Namespace, settings: Facts) -> Facts:
    """Seconds of fits on 1,000 rows of the digits, and of fits on 30 features with one output."""
    import numpy as np

    import deltarule as dr

    random = np.random.default_rng(0)
    digits = dr.load_data("digits")
    Z = random.standard_normal((1000, 30))
    v = Z[:, 0] * Z[:, 1] + np.sin(Z[:, 2])
    images = digits.X[:1000].reshape(1000, -1).astype(np.float64) / 16
    works = {
        "digits, 10 classes": (True, images, digits.y[:1000]),
        "30 features, 2 classes": (True, Z, v > 0),
        "30 features, regression": (False, Z, v),
    }
    result: Facts = {}
    for work, (classes, X, y) in works.items():
        models = contestants(classes, **settings)
        result[work] = {one: {"seconds": [], "epochs": []} for one in models}
        for seed in range(args.seeds):
            for one in turns(list(models), seed):
                model, seconds = fitted(models[one](seed), X, y)
                result[work][one]["seconds"].append(seconds)
                epochs = getattr(model, "regressor_", model).n_iter_
                result[work][one]["epochs"].append(int(epochs))
    say(f"{FEW}: done")
    return result


def searched(args: argparse.Namespace, settings: Facts) -> Facts:
    """Seconds of a grid search over 12 fits and the last, in one process and in two."""
    import numpy as np
    from sklearn.model_selection import GridSearchCV

    import deltarule as dr

    digits = dr.load_data("digits")
    X, y = digits.X[:1000].reshape(1000, -1).astype(np.float64) / 16, digits.y[:1000]
    grid = {"alpha": [1e-4, 1e-2], "learning_rate_init": [1e-3, 3e-3]}
    models = contestants(True, **{"max_iter": 50, "tol": 0.0, **settings})
    result: Facts = {one: {"1": [], "2": []} for one in models}
    for number in range(-1, 3):  # the first turn starts the processes, and does not count
        for one in turns(list(models), number):
            for jobs in ("1", "2"):
                search = GridSearchCV(models[one](0), grid, cv=3, n_jobs=int(jobs))
                seconds = fitted(search, X, y)[1]
                if number >= 0:
                    result[one][jobs].append(seconds)
    say(f"{SEARCHED}: done")
    return result


# -- run ----------------------------------------------------------------------------------------


def run(args: argparse.Namespace) -> Facts:
    """Measure everything that was asked for."""
    before = refuse_if_busy(args.even_if_busy or args.quick)
    claim(args.threads)
    warnings.simplefilter("ignore")  # most fits end at max_iter, and say so
    os.environ["PYTHONWARNINGS"] = "ignore"  # in the processes of a grid search too
    from threadpoolctl import threadpool_limits

    import deltarule as dr

    dr.set_threads(args.threads)
    wanted = ["digits"] if args.quick else ["digits", *CLASSIFIED, *REGRESSED]
    settings = {"max_iter": 3} if args.quick else {}
    asked = [n for n in (*wanted, FEW, SEARCHED) if n.startswith(tuple(args.only or ("",)))]
    have = [
        n
        for n in asked
        if n in (*wanted[:1], FEW, SEARCHED) or (Path(args.data) / f"{n}.csv.gz").exists()
    ]
    how = {name: getattr(args, name) for name in ("threads", "seeds", "rows")}
    result: Facts = {
        "machine": describe(),
        "how": {**how, "others_before": before},
        "absent": [n for n in asked if n not in have],
    }
    with threadpool_limits(args.threads):
        tables = [n for n in have if n not in (FEW, SEARCHED)]
        result["tables"] = {n: beside(n, args, settings) for n in tables}
        if FEW in have:
            result["few"] = few_rows(args, settings)
    if SEARCHED in have:
        result["search"] = searched(args, settings)
    result["how"]["others_after"] = others()
    return result


def main() -> None:
    """Measure, write, and print the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="", metavar="DIR", help="holds NAME.csv.gz")
    parser.add_argument("--out", type=Path, default=DOCS, metavar="DIR")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="parts that begin so")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10_000, help="the most of a table")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--even-if-busy", action="store_true", help="do not refuse a busy machine")
    parser.add_argument("--quick", action="store_true", help="digits alone, a few epochs")
    parser.add_argument("--write", type=Path, metavar="FILE", help="measure nothing")
    args = parser.parse_args()
    result = json.loads(args.write.read_text(encoding="utf-8")) if args.write else run(args)
    args.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, ensure_ascii=False)
    (args.out / "estimators.json").write_text(text + "\n", encoding="utf-8")
    (args.out / "estimators.md").write_text(page(result), encoding="utf-8")
    print(page(result))


if __name__ == "__main__":
    main()
