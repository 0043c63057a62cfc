"""The site, built once for all tests that read it."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

DOCS = Path(__file__).resolve().parents[2] / "docs"
TOOLS = (
    "sphinx",
    "myst_parser",
    "furo",
    "sphinx_copybutton",
    "sphinx-mathjax-offline",
    "sklearn",
    "optuna",
)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site: built without a warning, or every test that wants it fails.

    DELTARULE_SITE names one that `make docs` has just built.
    """
    if built := os.environ.get("DELTARULE_SITE"):
        assert (Path(built) / "index.html").is_file(), f"{built} holds no site"
        return Path(built)
    missing = [name for name in TOOLS if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} to build the site")
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, told = shared / "site", shared / "site.log"
    with FileLock(shared / "site.lock"):
        if not told.exists():
            command = ["-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
            done = subprocess.run(
                [sys.executable, *command, "-d", shared / "doctrees", DOCS, folder],
                capture_output=True,
                text=True,
                check=False,
            )
            told.write_text(f"{done.returncode}\n{done.stdout}{done.stderr}", encoding="utf-8")
    code, _, said = told.read_text(encoding="utf-8").partition("\n")
    assert code == "0", said
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="session")
def site_address(site: Path) -> Iterator[str]:
    """Where a server of this machine's own serves the site."""
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
