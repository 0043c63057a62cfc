"""A folder of images: one sub-folder for each class, named after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...ground.errors import FileRefused, Problems
from ..dataset import Dataset
from .reading import check_in_memory, parsing, size_of

__all__ = ["holds_class_folders", "read_image_folder"]

MAX_PIXELS = 50_000_000
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".webp": "WEBP"}
_GREY = {"1", "L", "LA"}
_COLOUR = {"P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}
_NAMED_AT_MOST = 5


def _visible(folder: Path) -> list[Path]:
    return sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=lambda p: p.name)


def holds_class_folders(folder: Path) -> bool:
    """Whether a folder holds sub-folders, and nothing else but loose text."""
    visible = _visible(folder)
    loose = (p for p in visible if not p.is_dir())
    return any(p.is_dir() for p in visible) and all(p.suffix in (".txt", ".md", "") for p in loose)


def _open(path: Path) -> Any:
    from PIL import Image

    size_of(path)
    image = Image.open(path, formats=sorted(set(_FORMATS.values())))
    if image.format != _FORMATS[path.suffix.lower()]:
        image.close()
        raise FileRefused(f"{path} is a {image.format} image; rename it to what it is.")
    return image


def _list_images(folder: Path) -> list[tuple[Path, str]]:
    """(path, class) of every image, sorted by class and name."""
    images = []
    problems = Problems()
    strange: list[str] = []
    for class_folder in (p for p in _visible(folder) if p.is_dir()):
        files = _visible(class_folder)
        problems.require(files, f"{class_folder} holds no images; remove the folder or fill it.")
        for path in files:
            if path.suffix.lower() in _FORMATS and path.is_file():
                images.append((path, class_folder.name))
            else:
                strange.append(str(path))
    more = f" and {len(strange) - _NAMED_AT_MOST} more" if len(strange) > _NAMED_AT_MOST else ""
    problems.require(
        images or strange or problems,
        f"{folder} has no sub-folders with images; make one for each class.",
    )
    problems.require(
        not strange,
        f"Not images ({', '.join(_FORMATS)}): {', '.join(strange[:_NAMED_AT_MOST])}{more}; move "
        "them out of the class folders.",
    )
    problems.raise_if_any(FileRefused)
    return images


def _survey(images: list[tuple[Path, str]]) -> tuple[dict[tuple[int, int], Path], bool]:
    """The sizes (height, width) that occur, with an example of each, and whether all are grey."""
    sizes: dict[tuple[int, int], Path] = {}
    grey = True
    for path, _ in images:
        with parsing(path, "an image"), _open(path) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise FileRefused(
                    f"{path} has {width} × {height} pixels, more than {MAX_PIXELS:,}; make it "
                    "smaller."
                )
            if image.mode not in _GREY | _COLOUR:
                raise FileRefused(
                    f"{path} has pixels of mode {image.mode}; convert it to 8-bit grey or RGB."
                )
            sizes.setdefault((height, width), path)
            grey = grey and image.mode in _GREY
    return sizes, grey


def read_image_folder(folder: Path, image_size: tuple[int, int] | None = None) -> Dataset:
    """All images of a folder with a sub-folder for each class.

    Parameters
    ----------
    folder : Path
        Its sub-folders are the classes; hidden files and loose text beside them are ignored.
    image_size : (height, width), optional
        Resize every image so; needed where sizes differ.

    Returns
    -------
    Dataset
        X uint8 of shape (n, channels · height · width), one channel if every image is grey, else
        three (transparency is dropped); y the folders' names; rows sorted by class and name.

    Raises
    ------
    FileRefused
        For files that are no images, damaged or huge images, empty class folders, and sizes that
        differ while no `image_size` is given.
    """
    images = _list_images(folder)
    sizes, grey = _survey(images)
    if image_size is None and len(sizes) > 1:
        (first, path), (second, other) = list(sizes.items())[:2]
        raise FileRefused(
            f"The images in {folder} differ in size: {path} is {first[0]} × {first[1]}, {other} is "
            f"{second[0]} × {second[1]} (height × width); give image_size=(height, width) to "
            "resize them."
        )
    height, width = image_size or next(iter(sizes))
    channels = 1 if grey else 3
    check_in_memory(folder, len(images) * channels * height * width)
    x = np.empty((len(images), channels * height * width), np.uint8)
    for row, (path, _) in zip(x, images, strict=True):
        with parsing(path, "an image"), _open(path) as image:
            if image.mode in ("P", "PA"):
                image = image.convert("RGBA")  # a palette may name a transparent colour
            plain = image.convert("L" if grey else "RGB")
            if plain.size != (width, height):
                plain = plain.resize((width, height))
            pixels = np.asarray(plain).reshape(height, width, channels)
            row[:] = np.moveaxis(pixels, 2, 0).ravel()
    classes = [name for _, name in images]
    return Dataset(
        name=folder.name,
        X=x,
        y=np.array(classes, object),
        class_names=tuple(sorted(set(classes))),
        image_shape=(channels, height, width),
    )
