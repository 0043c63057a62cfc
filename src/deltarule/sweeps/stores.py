"""Where a sweep keeps its trials: a study of Optuna's in SQLite or PostgreSQL."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..ground.errors import InvalidInput, NotAvailable, did_you_mean
from ..ground.installing import extra
from ..network.inputs import brief

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from sqlalchemy.engine import URL

__all__ = ["Store", "masked"]

KINDS = ("sqlite", "postgresql")
EXAMPLES = "sqlite:///sweep.db or postgresql://user@localhost/sweeps"
SECONDS_TO_WAIT = 60  # while another process writes
TRIES = 6
HIDDEN = "***"
SECRETS = ("password", "sslpassword", "passfile")


def masked(text: str, url: str | None) -> str:
    """The text without the password of a store's address, and without that of its query."""
    if not url or "://" not in url:
        return text
    for secret in _secrets(url):
        text = text.replace(secret, HIDDEN)
    return text


def _secrets(url: str) -> list[str]:
    """What in an address must not be shown, as it is written there and as it is meant."""
    from urllib.parse import parse_qsl, quote, quote_plus, unquote

    rest = url.partition("://")[2]
    address, _, query = rest.partition("?")
    login = address.rpartition("@")[0]
    found = [login.partition(":")[2]]
    found += [value for name, value in parse_qsl(query) if name in SECRETS]
    forms = {form for s in found if s for form in (s, unquote(s), quote(s), quote_plus(s))}
    return sorted(forms, key=len, reverse=True)


class Store:
    """An opened store.

    Whatever goes wrong in it is told as one sentence of ours, without the password.

    Parameters
    ----------
    address : str or Path
        sqlite:///FILE, postgresql://[user[:password]@]host[:port]/database, or a file of SQLite's.

    Attributes
    ----------
    shown : str
        The address without the password.

    Raises
    ------
    InvalidInput
        If the address is none.
    NotAvailable
        If Optuna or the database's driver is not installed, or nothing answers.
    """

    def __init__(self, address: str | Path) -> None:
        _require_optuna()
        self.address = str(address)
        if isinstance(address, Path):
            self._url, self.shown = _of_file(address), str(address)
        else:
            self._url = _parsed(address)
            as_given = self._url.set(drivername=address.partition("://")[0])
            self.shown = masked(as_given.render_as_string(hide_password=True), address)
        self._storage: RDBStorage | None = None
        try:
            self._storage = self._opened()
        except BaseException:
            self.close()
            raise

    def _opened(self) -> RDBStorage:
        from optuna.exceptions import StorageInternalError
        from optuna.storages import RDBStorage
        from sqlalchemy.exc import SQLAlchemyError

        sqlite = self._url.get_backend_name() == "sqlite"
        name, seconds = ("timeout", SECONDS_TO_WAIT) if sqlite else ("connect_timeout", 10)
        settings = {"connect_args": {name: seconds}, "pool_pre_ping": not sqlite}
        url = self._url.render_as_string(hide_password=False)
        url = url.replace("{", "{{").replace("}", "}}")  # Optuna takes it for a template
        with self.guarded():
            for attempt in range(TRIES):
                try:
                    return RDBStorage(url, engine_kwargs=settings)
                except (SQLAlchemyError, StorageInternalError) as error:
                    if attempt == TRIES - 1 or not _being_made(error):
                        raise
                    time.sleep(0.2 * (attempt + 1))
        raise AssertionError

    @staticmethod
    def check(address: object) -> None:
        """Check an address as far as that is possible without a server.

        Raises
        ------
        InvalidInput
            If it is none.
        NotAvailable
            If what it needs is not installed, or its folder is not there.
        """
        _require_optuna()
        _parsed(address)

    @property
    def storage(self) -> RDBStorage:
        """Optuna's own."""
        assert self._storage is not None
        return self._storage

    @contextlib.contextmanager
    def guarded(self) -> Iterator[None]:
        """While Optuna is at work: it is quiet, and what fails is told as `NotAvailable`."""
        import optuna
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        level = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except (StorageInternalError, SQLAlchemyError) as error:
            raise NotAvailable(self._told(error)) from None
        except RuntimeError as error:
            if "schema" not in str(error):
                raise
            raise NotAvailable(
                f"The store {self.shown} was made by another version of Optuna; use that version, "
                "or another store."
            ) from None
        finally:
            optuna.logging.set_verbosity(level)

    def _told(self, error: BaseException) -> str:
        """What happened, in one sentence, and what to do."""
        inner: BaseException = error
        while inner.__cause__ is not None:
            inner = inner.__cause__
        inner = getattr(inner, "orig", None) or inner
        lines = [line.strip() for line in str(inner).splitlines() if line.strip()]
        reason = masked(lines[0] if lines else type(inner).__name__, self.address).rstrip(".")
        text = " ".join(lines).casefold()
        if "password" in text or "authentication failed" in text:
            return (
                f"The store {self.shown} does not let this user in; check the user's name and "
                "password (PGPASSWORD or the file ~/.pgpass keep it off the command line)."
            )
        if "does not exist" in text and "database" in text:
            return f"The store {self.shown} is not there: {reason}. Make it with createdb."
        if self._url.get_backend_name() == "sqlite":
            return (
                f"The store {self.shown} cannot be used: {reason}. Name a file of SQLite's, or a "
                "new one in a folder that exists and may be written to."
            )
        remedy = (
            "Start the server, or check the address."
            if self._storage is None
            else "Nothing is lost: when it answers again, give the same command again."
        )
        return f"The store {self.shown} cannot be reached: {reason}. {remedy}"

    def close(self) -> None:
        """Let go of the database; a store that has gone already is no matter."""
        if self._storage is not None:
            with contextlib.suppress(Exception):
                self._storage.remove_session()
            with contextlib.suppress(Exception):
                self._storage.engine.dispose()


def _require_optuna() -> None:
    if find_spec("optuna") is None:
        raise NotAvailable(f"A sweep needs Optuna: {extra('sweep')}.")


def _parsed(address: object) -> URL:
    """The address, checked as far as it can be without a server."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if not isinstance(address, str) or "://" not in address:
        shown = (
            "what was given" if "@" in str(address) else brief(address)
        )  # it may hold a password
        raise InvalidInput(f"A store is {EXAMPLES}, not {shown}.")
    kind = address.partition("://")[0].partition("+")[0]
    if kind not in KINDS:
        raise InvalidInput(
            f"Unknown kind of store {brief(kind)}.{did_you_mean(kind, KINDS)} A store is "
            f"{EXAMPLES}."
        )
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise InvalidInput(
            f"{masked(address, address)} is not the address of a store; write {EXAMPLES}."
        ) from None
    if kind == "sqlite":
        return _file(url)
    if url.drivername == "postgresql" and find_spec("psycopg2") is None:
        url = url.set(drivername="postgresql+psycopg")
    driver = url.drivername.partition("+")[2] or "psycopg2"
    if find_spec(driver) is None:
        raise NotAvailable(
            f"A store in PostgreSQL needs {driver}: {extra('sweep')} brings psycopg."
        )
    return url


def _of_file(path: Path) -> URL:
    from sqlalchemy.engine import URL

    return URL.create("sqlite", database=str(path.absolute()))


def _file(url: URL) -> URL:
    if not url.database or url.database == ":memory:":
        raise InvalidInput(
            "A store of SQLite's that lives in memory is lost at the end; name a file, such as "
            "sqlite:///sweep.db."
        )
    path = Path(url.database)
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "lies in a folder that is not there"
        raise NotAvailable(f"The store {path} {what}; name a file in a folder that exists.")
    return url


def _being_made(error: BaseException) -> bool:
    """Whether two processes made the same tables at the same moment."""
    text = str(error).casefold()
    return "already exists" in text or "unique" in text or "duplicate" in text
