"""A worker of a sweep: takes a trial, trains it, tells the store, until enough are done."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..ground.errors import FileRefused, InvalidInput
from ..network.inputs import brief
from .announcing import Announcer, line_of
from .findings import RUNNING, SURPLUS, best_of, record_of
from .searches import Search
from .stores import Store
from .trials import COMPLETE, FAILED, Ended, run_trial
from .workplaces import Workplace

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

__all__ = ["Worker", "open_study"]

DEFINITION, IDENTITY = "deltarule", "sweep"
PLACE = "folder"
PAUSE = 0.3
SECONDS_TO_DESCRIBE = 5.0


def open_study(store: Store, search: Search, folder_of: str | None) -> tuple[Study, str]:
    """The study of a sweep in its store, made if it is new, and its identity.

    Parameters
    ----------
    folder_of : str or None
        The identity of the sweep that the folder belongs to; None of a new folder.

    Raises
    ------
    InvalidInput
        If a study of that name is of something else, saying in what it differs.
    FileRefused
        If the folder is that of another sweep.
    """
    import optuna

    from .samplers import pruner_of, sampler_of

    with store.guarded():
        known = _known(store, search)
        if folder_of is not None and (known is None or known[IDENTITY] != folder_of):
            raise FileRefused(
                f"The folder belongs to another sweep than {brief(search.name)} in {store.shown}; "
                "choose a new one with --out."
            )
        if known is None:
            known = _make(store, search)
        _compare(known, search, store)
        study = optuna.load_study(
            study_name=search.name,
            storage=store.storage,
            sampler=sampler_of(search.sampler, search.recipe.seed, search.space),
            pruner=pruner_of(search.pruner, search.recipe.epochs),
        )
    return study, known[IDENTITY]


def _known(store: Store, search: Search) -> dict[str, Any] | None:
    """What the store knows of the sweep; None where it has none of that name."""
    storage = store.storage
    until = time.monotonic() + SECONDS_TO_DESCRIBE
    while True:
        try:
            study = storage.get_study_id_from_name(search.name)
        except KeyError:
            return None
        known: dict[str, Any] | None = storage.get_study_user_attrs(study).get(DEFINITION)
        if known is not None:
            return known
        if storage.get_n_trials(study):
            raise InvalidInput(
                f"The study {brief(search.name)} in {store.shown} is not a sweep of this library; "
                "choose another name with --study."
            )
        if time.monotonic() > until:  # who made it did not come to describing it
            return _describe(store, search)
        time.sleep(PAUSE)


def _make(store: Store, search: Search) -> dict[str, Any]:
    from optuna.exceptions import DuplicatedStudyError
    from optuna.study import StudyDirection

    up = search.greater_is_better
    direction = StudyDirection.MAXIMIZE if up else StudyDirection.MINIMIZE
    try:
        store.storage.create_new_study([direction], search.name)
    except DuplicatedStudyError:  # another process has just made it
        known = _known(store, search)
        assert known is not None
        return known
    return _describe(store, search)


def _describe(store: Store, search: Search) -> dict[str, Any]:
    known = {IDENTITY: uuid.uuid4().hex, **search.definition()}
    study = store.storage.get_study_id_from_name(search.name)
    store.storage.set_study_user_attr(study, DEFINITION, known)
    return known


def _compare(known: dict[str, Any], search: Search, store: Store) -> None:
    wanted = search.definition()
    other = [
        f"{key} was {brief(known.get(key))} and is {brief(wanted.get(key))}"
        for key in sorted({*known, *wanted} - {IDENTITY})
        if known.get(key) != wanted.get(key)
    ]
    if other:
        raise InvalidInput(
            f"The sweep {brief(search.name)} in {store.shown} was begun otherwise: "
            f"{'; '.join(other)}. Make them alike, or choose another name with --study."
        )


class Worker:
    """Works on a sweep until enough trials are done.

    Parameters
    ----------
    search : Search
    study : optuna Study
    store : Store
    place : Workplace
    announcer : Announcer
    """

    def __init__(
        self, search: Search, study: Study, store: Store, place: Workplace, announcer: Announcer
    ) -> None:
        self.search, self.study, self.store, self.place = search, study, store, place
        self.announcer = announcer
        self.began = time.monotonic()
        self.at_work: int | None = None

    def work(self) -> None:
        """Take up what others left, and begin trials, until there is no more to do here.

        While another process that shares the folder is at work on the last trials, it waits, and
        takes them up if that one dies.
        """
        self.announcer.begin(self._done(), self.search.trials)
        try:
            while not self._late():
                with self._next() as found:
                    if found is not None:
                        self._run(*found)
                        continue
                if not self._others_at_work():
                    return
                time.sleep(PAUSE)
        finally:
            self.announcer.end()

    def _late(self) -> bool:
        timeout = self.search.timeout
        return timeout is not None and time.monotonic() - self.began >= timeout

    def _trials(self) -> list[FrozenTrial]:
        """Those that count."""
        with self.store.guarded():
            every = self.study.get_trials(deepcopy=False)
        return [trial for trial in every if not trial.user_attrs.get(SURPLUS)]

    def _done(self) -> int:
        return sum(trial.state.is_finished() for trial in self._trials())

    def _is_here(self, trial: FrozenTrial) -> bool:
        """Whether a trial has begun and not ended, with its run in this folder."""
        begun = trial.state.name == "RUNNING"
        return begun and trial.user_attrs.get(PLACE) == self.place.identity

    def _still_here(self, trial: FrozenTrial) -> bool:
        with self.store.guarded():
            return self._is_here(self.store.storage.get_trial(trial._trial_id))

    def _others_at_work(self) -> bool:
        return any(map(self._is_here, self._trials()))

    @contextlib.contextmanager
    def _next(self) -> Iterator[tuple[Trial, bool] | None]:
        """A trial for this process alone, and whether it was begun before; None without one."""
        release: Callable[[], None] | None = None
        found: tuple[Trial, bool] | None = None
        try:
            with self.place.alone():
                left = [trial for trial in self._trials() if self._is_here(trial)]
                for trial in left:
                    release = self.place.hold_trial(trial.number)
                    if release is None:
                        continue
                    if self._still_here(trial):  # its process is no more
                        found = self._trial(trial._trial_id), True
                        break
                    release()  # its process has just brought it to its end
                    release = None
                else:
                    made = self._made()
                    if made is not None:
                        release = self.place.hold_trial(made.number)
                        found = made, False
            yield found
        finally:
            if release is not None:
                release()

    def _trial(self, identity: int) -> Trial:
        import optuna

        with self.store.guarded():
            return optuna.trial.Trial(self.study, identity)

    def _made(self) -> Trial | None:
        """A new trial, if one is wanted.

        Workers that share no folder may make one at the same moment; of too many, the last do not
        count.
        """
        import optuna

        if len(self._trials()) >= self.search.trials:
            return None
        with self.store.guarded():
            begun = optuna.trial.create_trial(
                state=optuna.trial.TrialState.RUNNING,
                user_attrs={PLACE: self.place.identity},
            )
            storage = self.store.storage
            study = storage.get_study_id_from_name(self.study.study_name)
            made = self._trial(storage.create_new_trial(study, begun))
        before = [trial for trial in self._trials() if trial.number < made.number]
        if len(before) < self.search.trials:
            return made
        with self.store.guarded():
            made.set_user_attr(SURPLUS, True)
            self.study.tell(made, state=optuna.trial.TrialState.FAIL)
        return None

    def _run(self, trial: Trial, begun: bool) -> None:
        from .samplers import suggest

        self.at_work = trial.number
        with self.store.guarded():
            changes = self.search.space.changes(suggest(trial))
        recipe, folder = self.search.trial_recipe(changes), self.place.run(trial.number)
        heard = self.announcer.trial(trial.number, begun)
        ended = run_trial(trial, recipe, folder, self.search.metric, self.store, heard)
        self._tell(trial, ended)
        self.at_work = None
        trials = self._trials()
        records = [record_of(t, self.search.space) for t in trials]
        line = line_of(
            next(r for r in records if r["trial"] == trial.number),
            self.search.metric,
            best_of(records, self.search.greater_is_better),
        )
        done = sum(record["state"] != RUNNING for record in records)
        self.announcer.ended(line, done, self.search.trials)

    def _tell(self, trial: Trial, ended: Ended) -> None:
        from optuna.trial import TrialState

        states = {COMPLETE: TrialState.COMPLETE, FAILED: TrialState.FAIL}
        with self.store.guarded():
            for name in ("epochs", "seconds", "reason"):
                trial.set_user_attr(name, getattr(ended, name))
            self.study.tell(trial, ended.value, state=states.get(ended.state, TrialState.PRUNED))
