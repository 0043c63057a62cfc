"""Laws of the store of a sweep: its address, what is told of it, and that passwords are not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import deltarule as dr
from deltarule.sweeps import stores
from deltarule.sweeps.stores import Store, masked

pytest.importorskip("optuna", reason="needs Optuna")
UNREACHABLE = "postgresql://ann:hush%2Fhush@127.0.0.1:1/db?sslpassword=psst"


def test_a_file_of_sqlite(tmp_path: Path) -> None:
    """A file is made where there is none, whatever its name holds, and opened again."""
    path = tmp_path / "a b?c#%d{e}.db"
    for _ in range(2):
        store = Store(path)
        store.close()
    assert path.is_file()
    assert store.shown == str(path)


@pytest.mark.parametrize("secret", ["hush", "psst", "hush/hush", "hush%2Fhush"])
def test_a_password_is_never_shown(secret: str) -> None:
    """Neither in the store's name, nor in its errors, nor in a command that is written down."""
    pytest.importorskip("psycopg", reason="needs psycopg")
    with pytest.raises(dr.NotAvailable, match="cannot be reached") as caught:
        Store(UNREACHABLE)
    assert secret not in str(caught.value)
    assert "postgresql://ann:***@127.0.0.1:1/db" in str(caught.value)
    command = f"deltarule sweep digits --storage '{UNREACHABLE}'"
    assert secret not in masked(command, UNREACHABLE)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (5, "not 5"),
        ("", "not ''"),
        ("sweep.db", "'sweep.db'"),
        ("postgres://a@b/c", r"Did you mean 'postgresql'\?"),
        ("mysql://a:secret@b/c", "Unknown kind of store 'mysql'"),
        ("postgresql:/a:secret@b/c", "not what was given"),
        ("postgresql://a:secret@b:port/c", "is not the address"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
    ],
)
def test_addresses_that_are_none(address: object, says: str) -> None:
    """What is no address is refused with an example, and without its password."""
    with pytest.raises(dr.InvalidInput, match=says) as caught:
        Store.check(address)
    assert "secret" not in str(caught.value)
    assert "sqlite:///sweep.db" in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """SQLite makes files, not folders."""
    with pytest.raises(dr.NotAvailable, match="folder that is not there"):
        Store(f"sqlite:///{tmp_path}/no/sweep.db")
    with pytest.raises(dr.NotAvailable, match="is a folder"):
        Store(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """A file with something else in it is one sentence, and stays as it is."""
    (tmp_path / "a.db").write_text("my diary, which is long enough to be no database at all" * 9)
    before = (tmp_path / "a.db").read_bytes()
    with pytest.raises(dr.NotAvailable, match="file is not a database"):
        Store(f"sqlite:///{tmp_path}/a.db")
    assert (tmp_path / "a.db").read_bytes() == before


@pytest.mark.parametrize(
    ("package", "says"),
    [("optuna", r"needs Optuna: pip install 'deltarule\[sweep\]'"), ("psycopg", "needs psycopg")],
)
def test_packages_that_are_missing(
    package: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not installed is named, with how to install it."""
    real = importlib.util.find_spec
    missing = (package, "psycopg2")
    monkeypatch.setattr(stores, "find_spec", lambda n: None if n in missing else real(n))
    with pytest.raises(dr.NotAvailable, match=says):
        Store.check("postgresql://ann@localhost/db")
