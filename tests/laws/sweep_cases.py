"""A small sweep, processes that work on it, and a real PostgreSQL server."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import deltarule as dr
from deltarule.runs import running
from deltarule.sweeps import findings

LONG = os.environ.get("DELTARULE_LONG") == "1"
SPACE: dict[str, Any] = {
    "lr": {"low": 1e-4, "high": 1e-1, "log": True},
    "hidden_layer_sizes": {"depth": [1, 2], "width": {"low": 8, "high": 32, "log": True}},
    "activation": {"choices": ["relu", "tanh"]},
}
KEYS: dict[str, Any] = {"epochs": 6, "batch_size": 256, "checkpoint_every": "0.01 s"}


def small_sweep(out: Path | None, trials: int = 6, page: bool = LONG, **options: Any) -> Any:
    """Some tenths of a second for each trial; pages of runs are left out, and perhaps its own."""
    changes = {**KEYS, **options.pop("changes", {})}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(running, "run_page", lambda facts: "<html></html>")
        if not page:
            patched.setattr(findings, "sweep_page", lambda facts: "<html></html>")
        return dr.sweep(
            "digits", SPACE, trials=trials, out=out, changes=changes, progress=False, **options
        )


def start(work: Callable[[], object], says: Path | None = None) -> int:
    """Run something in a forked child; its process number.  What it says goes into a file."""
    child = os.fork()
    if not child:
        code = 1
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            out = os.open(says or os.devnull, flags)
            os.dup2(out, 1)
            os.dup2(out, 2)
            sys.stdout = sys.stderr = os.fdopen(out, "w", buffering=1)
            told = work()
            code = told if type(told) is int else 0
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    return child


def ended(child: int) -> int:
    """Wait for a child; its exit code, or −9 where it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill(child: int) -> None:
    """End a child at once, after which nothing is tidied up."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


class Postgres:
    """A server of its own on the loopback, which trusts nobody without a password."""

    PASSWORD = "open sesame/%40"
    QUOTED = "open%20sesame%2F%2540"

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self.programs = folder, programs
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.data = folder / "data"
        secret = folder / "password"
        secret.write_text(self.PASSWORD)
        self._own(folder)
        self._own(secret)
        self._run(
            "initdb",
            f"--pgdata={self.data}",
            "--username=sweeper",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
        )

    def url(self, database: str = "postgres", password: str | None = None) -> str:
        """The address of a database."""
        login = f"sweeper:{self.QUOTED if password is None else password}"
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Let it answer."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run(
            "pg_ctl", "start", "--wait", f"--pgdata={self.data}", f"--log={self.folder}/log",
            f"--options={options}",
        )  # fmt: skip

    def stop(self) -> None:
        """Let it go at once, whoever is connected."""
        self._run("pg_ctl", "stop", "--mode=immediate", f"--pgdata={self.data}")

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(path, *self._owner())

    def _owner(self) -> tuple[int, int]:
        import pwd

        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                found = pwd.getpwnam(name)
                return found.pw_uid, found.pw_gid
        pytest.skip("needs a user other than root for PostgreSQL, such as postgres or nobody")

    def _run(self, program: str, *words: str) -> None:
        """As a user who is not root, whom the server's programs refuse."""
        who: dict[str, Any] = {}
        if os.geteuid() == 0:
            uid, gid = self._owner()
            who = {"user": uid, "group": gid, "extra_groups": []}
        done = subprocess.run(
            [self.programs / program, *words],
            cwd=self.folder,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
            **who,
        )
        assert done.returncode == 0, (program, done.stdout)


def postgres_programs() -> Path | None:
    """Where the server's programs are, the newest version's; None where there are none."""
    on_path = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda f: f.parent.name)
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    found = [folder for folder in folders if (folder / "initdb").exists()]
    return found[-1] if found else None


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """A server that has started, or a skip."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("needs PostgreSQL's server (Debian: apt-get install postgresql)")
    # The server's user may not be let into the folders of tests.
    with tempfile.TemporaryDirectory(prefix="deltarule-", ignore_cleanup_errors=True) as folder:
        server = Postgres(Path(folder), programs)
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(AssertionError):
                server.stop()
