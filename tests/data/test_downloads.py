"""Fetching data sets, from a server on this machine."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deltarule.data import downloads
from deltarule.data.sources import load_data
from deltarule.ground.errors import FileRefused, InvalidInput, NotAvailable, UnknownName


class Server:
    """Serves `files` by name; `headers` are added, `cut` shortens the answers."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.headers: dict[str, str] = {}
        self.redirect = ""
        self.cut = 0
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                content = outer.files.get(self.path.lstrip("/"))
                if outer.redirect:
                    self.send_response(302)
                    self.send_header("Location", outer.redirect)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write((content or b"")[: len(content or b"") - outer.cut])

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    one = Server()
    yield one
    one.http.shutdown()
    one.http.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("DELTARULE_DATA", str(folder))
    return folder


@pytest.fixture
def small_sets(make, server, monkeypatch):
    """Published sets as small as the made-up ones, served."""
    archive = make.cifar_archive()
    sha256 = hashlib.sha256(archive).hexdigest()
    cifar = downloads._File("cifar-10-binary.tar.gz", len(archive), sha256=sha256)
    server.files[cifar.name] = archive
    mnist = []
    for name, content in make.mnist_files().items():
        md5 = hashlib.md5(content).hexdigest()
        mnist.append(downloads._mnist_file(name, len(content), md5))
        server.files[f"{name}.gz"] = gzip.compress(content)
    for name, files in (("cifar10", (cifar,)), ("mnist", tuple(mnist))):
        published = downloads._Published("https://example.invalid/", files, name)
        monkeypatch.setitem(downloads.KNOWN, name, published)


def everything(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["cifar10", "mnist"])
def test_a_fetched_set_loads_by_name(name, small_sets, server, cache):
    """What was fetched is found by its name, and asking again fetches nothing."""
    seen: list[tuple[int, int]] = []
    folder = downloads.get(name, base_url=server.url, progress=lambda *n: seen.append(n))
    assert folder == cache / name
    assert len(load_data(name).X) > 0
    assert seen[-1][0] == seen[-1][1] > 0
    asked = server.asked
    downloads.get(name, base_url=server.url)
    assert server.asked == asked


@pytest.mark.parametrize("name", ["cifar10", "mnist"])
def test_a_wrong_sum_keeps_nothing(name, small_sets, server, cache):
    """One changed byte in one file, and no file of the set is kept."""
    last = list(server.files)[0 if name == "cifar10" else -1]
    if name == "cifar10":
        server.files[last] = bytes(len(server.files[last]))
    else:
        server.files[last] = gzip.compress(b"something else")
    with pytest.raises(FileRefused, match=r"not the published file.*Nothing was kept"):
        downloads.get(name, base_url=server.url)
    assert everything(cache) == []


def test_a_packed_bomb_keeps_nothing(small_sets, server, cache):
    """A file that unpacks to more than the published one is refused while it unpacks."""
    name = next(n for n in server.files if "t10k-labels" in n)
    server.files[name] = gzip.compress(bytes(10**7))
    with pytest.raises(FileRefused, match="not the published file"):
        downloads.get("mnist", base_url=server.url)
    assert everything(cache) == []


def test_what_is_too_large_is_stopped(small_sets, server, cache):
    """A server that sends more than the published size is cut off."""
    server.files["cifar-10-binary.tar.gz"] += bytes(10**6)
    with pytest.raises(FileRefused, match="larger than the published"):
        downloads.get("cifar10", base_url=server.url)
    assert everything(cache) == []


def test_an_interrupted_download_keeps_nothing(small_sets, server, cache):
    """A connection that ends early leaves no file."""
    server.cut = 1000
    with pytest.raises((NotAvailable, FileRefused)):
        downloads.get("cifar10", base_url=server.url)
    assert everything(cache) == []


def test_a_break_by_the_user_keeps_nothing(small_sets, server, cache):
    """Ctrl-C while a file comes in leaves no file."""

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        downloads.get("cifar10", base_url=server.url, progress=stop)
    assert everything(cache) == []


def test_a_damaged_copy_is_fetched_again(small_sets, server, cache):
    """A file in the cache that is not the published one is replaced."""
    folder = downloads.get("cifar10", base_url=server.url)
    path = folder / "cifar-10-binary.tar.gz"
    path.write_bytes(b"damaged")
    downloads.get("cifar10", base_url=server.url)
    assert path.read_bytes() == server.files[path.name]


def test_packed_files_stay_packed(small_sets, server, cache):
    """A server that declares .gz files as encoded content does not change what is kept."""
    server.headers["Content-Encoding"] = "gzip"
    downloads.get("cifar10", base_url=server.url)
    assert downloads.available()[1].present


@pytest.mark.parametrize("url", ["http://example.com/", "ftp://127.0.0.1/", "file:///etc/", "x"])
def test_only_https_is_used(url, cache):
    """Anything but https, or http on this machine, is refused before anything is asked."""
    with pytest.raises(InvalidInput, match="https only"):
        downloads.get("cifar10", base_url=url)


def test_a_redirection_may_not_leave_https(small_sets, server, cache):
    """A server that redirects to plain http elsewhere is not followed."""
    server.redirect = "http://example.com/cifar-10-binary.tar.gz"
    with pytest.raises(InvalidInput, match="https only"):
        downloads.get("cifar10", base_url=server.url)
    assert everything(cache) == []


def test_an_absent_file_is_told(small_sets, server, cache):
    """A server without the file is quoted with its answer."""
    server.files.clear()
    with pytest.raises(NotAvailable, match="the server answered 404"):
        downloads.get("cifar10", base_url=server.url)


def test_no_connection_is_told_in_one_sentence(small_sets, server, cache):
    """Offline, one sentence says so and what else to do."""
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(NotAvailable, match=r"cannot be reached.*--data DIR"):
        downloads.get("cifar10", base_url=server.url)


def test_an_unwritable_cache_is_told(small_sets, server, tmp_path, monkeypatch):
    """A cache folder that cannot be made is named, with the variable that moves it."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DELTARULE_DATA", str(tmp_path / "file" / "cache"))
    with pytest.raises(NotAvailable, match="DELTARULE_DATA"):
        downloads.get("cifar10", base_url=server.url)


def test_an_unknown_set_gets_a_suggestion(cache):
    """A misspelled name gets the nearest one."""
    with pytest.raises(UnknownName, match="Did you mean 'cifar10'"):
        downloads.get("cifar")


def test_the_list_of_sets_tells_what_is_there(small_sets, server, cache):
    """Every known set is listed, with its size once it is there."""
    before = {known.name: known for known in downloads.available()}
    assert list(before) == ["digits", "cifar10", "mnist"]
    assert before["digits"].present
    assert not before["cifar10"].present
    downloads.get("cifar10", base_url=server.url)
    after = {known.name: known for known in downloads.available()}["cifar10"]
    assert after.present
    assert after.size == len(server.files["cifar-10-binary.tar.gz"])
    assert after.folder == cache / "cifar10"


def test_the_cache_is_the_users(monkeypatch):
    """Without the variable the cache is the user's own cache folder."""
    monkeypatch.delenv("DELTARULE_DATA", raising=False)
    assert downloads.cache_folder().name == "deltarule"


def test_the_published_addresses_are_https():
    """Every published file comes over https and has a sum."""
    for published in downloads.KNOWN.values():
        assert published.base_url.startswith("https://")
        assert all(file.sha256 or file.unpacked_md5 for file in published.files)


def test_real_mnist_has_the_published_sums(real_data):
    """The four real files are the published ones by size and sum."""
    folder = real_data("mnist")
    for file in downloads.KNOWN["mnist"].files:
        assert downloads._is_published(folder / file.name, file)
        assert len(gzip.decompress((folder / file.name).read_bytes())) == file.unpacked_size
        assert (folder / file.name).stat().st_size <= file.size
