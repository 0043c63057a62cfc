"""scikit-learn's contract, whole, over many configurations."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from estimator_configurations import CONFIGURATIONS, expected_failures
from sklearn.utils.estimator_checks import parametrize_with_checks

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::deltarule.DoubtfulFit",
    "ignore::sklearn.exceptions.DataConversionWarning",
    "ignore::sklearn.exceptions.SkipTestWarning",
    "ignore::sklearn.exceptions.EstimatorCheckFailedWarning",
)


CHECKS = parametrize_with_checks(CONFIGURATIONS, expected_failed_checks=expected_failures)
# As a list: an old scikit-learn makes an iterator, which pytest 9 refuses.
NAMES, CASES = CHECKS.args[0], list(CHECKS.args[1])
# Each estimator is told in words once: for every check anew it took a quarter of all collecting.
TOLD = {**CHECKS.kwargs, "ids": cache(CHECKS.kwargs["ids"])}


@pytest.mark.parametrize(NAMES, CASES, **TOLD)
def test_contract(estimator: Any, check: Any) -> None:
    """Every check of scikit-learn's holds for every configuration."""
    check(estimator)
