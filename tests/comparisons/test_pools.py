"""Many runs at once: each has one thread of its own, and what the others have is put back."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import joblib

from deltarule.comparisons.errands import Errand, Sender, run_errand
from deltarule.comparisons.pools import Pool, crew_of
from deltarule.engine import native
from deltarule.runs.recipes import recipe_from


def test_processes_do_not_outnumber_processors(tmp_path: Path) -> None:
    """With several processes each has one thread for the engine and one for BLAS; this one keeps
    its own.
    """

    def seen(sender: Sender) -> tuple[int, int, set[int]]:
        from threadpoolctl import threadpool_info

        unwanted = dataclasses.replace(sender, sign=sender.sign + "-of-nobody")
        errand = Errand(str(tmp_path / "run"), recipe_from({}, {}), False)
        assert run_errand(errand, unwanted) == ("interrupted", "")
        return (
            os.getpid(),
            native.get_threads(),
            {pool["num_threads"] for pool in threadpool_info()},
        )

    threads = native.get_threads()
    pool = Pool(tmp_path, crew_of(2))
    with pool.at_work():
        calls: Any = (joblib.delayed(seen)(pool.sender) for _ in range(4))
        found = joblib.Parallel(n_jobs=pool.crew.n_jobs, batch_size=1)(calls)
    assert all(process != os.getpid() for process, _, _ in found)
    assert {engine for _, engine, _ in found} == {1}
    assert set().union(*(blas for _, _, blas in found)) <= {1}
    assert native.get_threads() == threads


def test_threads_do_not_outnumber_processors(tmp_path: Path) -> None:
    """Runs in threads of this process share its engine, which then has one thread for each."""
    threads = native.get_threads()
    with joblib.parallel_config(backend="threading", n_jobs=2):
        pool = Pool(tmp_path, crew_of(None))
        with pool.at_work():
            assert native.get_threads() == 1
    assert native.get_threads() == threads
