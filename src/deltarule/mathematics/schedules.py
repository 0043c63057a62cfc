"""Schedules: factors of the learning rate, as functions of the step.                      (S0)

schedule(done, total, **options) is the factor after `done` of `total` steps (so `done` is 0 in
the first step).  Schedules multiply: η·Πⱼ sⱼ(done), with any optimizer.

A length (`length`, `every`, `warmup`, …) below 1 is a fraction of all steps, from 1 on it counts
steps.
"""

from __future__ import annotations

import math

__all__ = [
    "constant",
    "cosine",
    "exponential",
    "linear",
    "one_cycle",
    "step",
    "warmup",
    "warmup_stable_decay",
]


def _steps(length: float, total: float) -> float:
    """A length in steps: a fraction of the total below 1, a count from 1 on."""
    return length * total if length < 1 else length


def constant(done: float, total: float) -> float:
    """s = 1                                                                              (S1)"""
    return 1.0


def exponential(done: float, total: float, *, decay: float = 1e-4) -> float:
    """s = e^(−k·t), the report's decay at every iteration                                 (S2)"""
    return math.exp(-decay * done)


def step(done: float, total: float, *, every: float = 1 / 3, factor: float = 0.1) -> float:
    """s = f^⌊t/every⌋: a staircase                                                        (S3)"""
    return factor ** math.floor(done / max(_steps(every, total), 1.0))


def linear(done: float, total: float, *, end: float = 0.0) -> float:
    """s = 1 − (1 − end)·t/T: a straight line to `end`                                      (S4)"""
    return 1.0 - (1.0 - end) * min(done / total, 1.0)


def cosine(done: float, total: float, *, end: float = 0.0) -> float:
    """s = end + (1 − end)·(1 + cos(πt/T))/2                                               (S5)

    Loshchilov and Hutter 2017, without restarts.
    """
    return end + (1.0 - end) * 0.5 * (1.0 + math.cos(math.pi * min(done / total, 1.0)))


def warmup(done: float, total: float, *, length: float = 0.05) -> float:
    """s = min((t + 1)/length, 1): from almost nothing to the full rate                     (S6)

    Goyal et al. 2017.
    """
    return min((done + 1.0) / max(_steps(length, total), 1.0), 1.0)


def one_cycle(
    done: float, total: float, *, peak: float = 0.3, start: float = 0.04, end: float = 4e-6
) -> float:
    """s rises from `start` to 1 at t = peak·T, then falls to `end`, both as half a cosine   (S7)

    Smith and Topin 2018; the defaults are those of PyTorch's OneCycleLR.
    """
    top = max(_steps(peak, total), 1.0)
    if done < top:
        low, way = start, 1.0 - done / top
    else:
        low, way = end, (done - top) / (total - top) if done < total else 1.0
    return low + (1.0 - low) * 0.5 * (1.0 + math.cos(math.pi * way))


def warmup_stable_decay(
    done: float, total: float, *, warmup: float = 0.05, decay: float = 0.2, end: float = 0.0
) -> float:
    """s rises linearly, stays at 1, and falls linearly over the last `decay` of the run    (S8)

    Hu et al. 2024.
    """
    rise = min((done + 1.0) / max(_steps(warmup, total), 1.0), 1.0)
    fall = min((total - done) / max(_steps(decay, total), 1.0), 1.0)
    return rise * (end + (1.0 - end) * max(fall, 0.0))
