"""Folders of images."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from deltarule.data.formats import image_folder, reading
from deltarule.data.formats.image_folder import holds_class_folders, read_image_folder
from deltarule.ground.errors import FileRefused


@pytest.fixture
def pets(tmp_path):
    """Two classes of colour images of 4 × 6 pixels; hidden and loose files beside them."""
    generator = np.random.default_rng(0)
    for name in ("dog", "cat"):
        (tmp_path / name).mkdir()
        for i in range(3):
            pixels = generator.integers(0, 256, (4, 6, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
        (tmp_path / name / ".DS_Store").write_bytes(b"\0")
    (tmp_path / ".git").mkdir()
    (tmp_path / "README.txt").write_text("pets")
    return tmp_path


def test_rows_are_channel_major_and_sorted(pets):
    """Rows are sorted by class and name; each is red, then green, then blue."""
    assert holds_class_folders(pets)
    data = read_image_folder(pets)
    assert data.image_shape == (3, 4, 6)
    assert data.X.dtype == np.uint8
    assert data.y.tolist() == ["cat"] * 3 + ["dog"] * 3
    assert data.class_names == ("cat", "dog")
    assert data.name == pets.name
    pixels = np.asarray(Image.open(pets / "dog" / "1.png"))
    np.testing.assert_array_equal(data.X[4].reshape(3, 4, 6), np.moveaxis(pixels, 2, 0))


def test_grey_images_have_one_channel(tmp_path):
    """Where every image is grey there is one channel."""
    (tmp_path / "a").mkdir()
    for i, mode in enumerate(("L", "1", "LA")):
        Image.new(mode, (3, 2), 1 if mode == "1" else 0).save(tmp_path / "a" / f"{i}.png")
    data = read_image_folder(tmp_path)
    assert data.image_shape == (1, 2, 3)
    assert data.X.tolist() == [[0] * 6, [255] * 6, [0] * 6]


@pytest.mark.parametrize("ending", ["png", "jpg", "jpeg", "bmp", "webp", "PNG"])
def test_formats(ending, tmp_path):
    """PNG, JPEG, BMP and WebP are read."""
    (tmp_path / "a").mkdir()
    Image.new("RGB", (8, 8), (200, 10, 10)).save(tmp_path / "a" / f"i.{ending}")
    data = read_image_folder(tmp_path)
    assert abs(int(data.X[0, 0]) - 200) < 8


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA"])
def test_modes_beside_colour_become_colour(mode, pets):
    """One colour image makes all images colour; palettes and transparency are resolved."""
    image = Image.new("RGBA", (6, 4), (9, 9, 9, 100)).convert(mode)
    image.save(pets / "cat" / "x.png", transparency=b"\x80" if mode == "P" else None)
    data = read_image_folder(pets)
    assert data.X.shape == (7, 72)
    assert data.X[3].tolist() == [9] * 72


def test_sizes_must_agree_or_be_given(pets):
    """Images of several sizes are refused with an example of two, and resized if asked."""
    Image.new("RGB", (5, 5)).save(pets / "dog" / "odd.png")
    with pytest.raises(
        FileRefused, match=r"4 × 6.*odd\.png is 5 × 5.*image_size=\(height, width\)"
    ):
        read_image_folder(pets)
    data = read_image_folder(pets, (2, 3))
    assert data.image_shape == (3, 2, 3)
    assert data.X.shape == (7, 18)


def test_what_is_no_image_is_named(pets):
    """All files that are no images are named, and empty class folders, at once."""
    (pets / "cat" / "notes.txt").write_text("x")
    (pets / "dog" / "sub").mkdir()
    (pets / "bird").mkdir()
    with pytest.raises(FileRefused, match=r"bird holds no images.*notes\.txt.*sub"):
        read_image_folder(pets)


def test_many_strangers_are_counted(pets):
    """Of many strange files a few are named and the others counted."""
    for i in range(9):
        (pets / "cat" / f"{i}.gif").write_bytes(b"GIF8")
    with pytest.raises(FileRefused, match=r"0\.gif.*and 4 more"):
        read_image_folder(pets)


def _png(width: int, height: int, packed: int = 100) -> bytes:
    """A PNG that announces a size and holds almost nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(bytes(packed)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")


BAD = {
    "nothing.png": (b"", "cannot be read as an image"),
    "text.png": (b"hello", "cannot be read as an image"),
    "cut.png": (_png(6, 4)[:40], "cannot be read as an image"),
    "few.png": (_png(6, 4, 30), "cannot be read as an image"),
    "bomb.png": (_png(8000, 8000), "more than 50,000,000"),
    "huge.png": (_png(2**31 - 1, 2**31 - 1), "cannot be read as an image"),
    "gif.png": (b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "cannot be read as an image"),
    "sixteen.png": (None, "mode I;16"),
    "misnamed.jpg": (_png(6, 4), "is a PNG image; rename"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_images_are_refused(name, pets):
    """A damaged, huge, misnamed or 16-bit image is refused with its name."""
    content, match = BAD[name]
    if content is None:
        Image.fromarray(np.zeros((4, 6), np.uint16)).save(pets / "cat" / name)
    else:
        (pets / "cat" / name).write_bytes(content)
    with pytest.raises(FileRefused, match=match) as caught:
        read_image_folder(pets)
    assert name in str(caught.value)


def test_memory_is_limited(pets, monkeypatch):
    """More pixels than the memory allows are refused before any is decoded."""
    monkeypatch.setattr(reading, "MAX_IN_MEMORY", 100)
    with pytest.raises(FileRefused, match="would take"):
        read_image_folder(pets)


def test_other_folders_are_told(tmp_path):
    """A folder without sub-folders, or with images beside them, is no folder of classes."""
    assert not holds_class_folders(tmp_path)
    with pytest.raises(FileRefused, match="no sub-folders with images"):
        read_image_folder(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "b.png").write_bytes(b"")
    assert not holds_class_folders(tmp_path)
    assert image_folder.MAX_PIXELS < 2**31
