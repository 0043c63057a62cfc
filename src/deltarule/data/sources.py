"""From what a user names, a data set or a path, to a `Dataset`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias, get_args, overload

from ..ground.contracts import Array
from ..ground.errors import InvalidInput, NotAvailable, Problems, choose, did_you_mean
from ..ground.memory import in_words, memory_left
from .dataset import Dataset, Table
from .digits import load_digits
from .downloads import cache_folder
from .formats.arrays import Arrays, holds_arrays, read_array_folder, read_npy, read_npz
from .formats.cifar import holds_cifar10, read_cifar10
from .formats.columnar import parquet_size, read_parquet
from .formats.columnar_mapped import map_parquet
from .formats.delimited import read_delimited
from .formats.idx import holds_idx, read_idx
from .formats.image_folder import holds_class_folders, read_image_folder
from .formats.reading import MAX_IN_MEMORY
from .selection import Input
from .targets import Task, as_targets

__all__ = ["Split", "load_data"]

_SPLITS = {"train": "train", "test": "test"}
_TASKS = {"classification": "classification", "regression": "regression"}
_Named: TypeAlias = Literal["digits", "cifar10", "mnist"]
_NAMES: tuple[_Named, ...] = get_args(_Named)
Split: TypeAlias = Literal["train", "test"]
_NAMED_AT_MOST = 50
# A table, the copy of it that training rows are, and what they become as numbers.
COPIES = 3


@dataclass(frozen=True)
class _Request:
    """What a call of `load_data` asks for besides the source."""

    target: str | None
    split: str
    image_size: tuple[int, int] | None
    task: Task | None
    need_target: bool


@overload
def load_data(
    source: _Named,
    *,
    target: str | None = ...,
    data_dir: str | Path | None = ...,
    split: Split = ...,
    image_size: tuple[int, int] | None = ...,
    task: Task | None = ...,
    need_target: bool = ...,
) -> Dataset[Array, Array]: ...


@overload
def load_data(
    source: str | Path,
    *,
    target: str | None = ...,
    data_dir: str | Path | None = ...,
    split: Split = ...,
    image_size: tuple[int, int] | None = ...,
    task: Task | None = ...,
    need_target: Literal[True] = ...,
) -> Dataset[Input | Table, Array]: ...


@overload
def load_data(
    source: str | Path,
    *,
    target: str | None = ...,
    data_dir: str | Path | None = ...,
    split: Split = ...,
    image_size: tuple[int, int] | None = ...,
    task: Task | None = ...,
    need_target: bool = ...,
) -> Dataset: ...


def load_data(
    source: str | Path,
    *,
    target: str | None = None,
    data_dir: str | Path | None = None,
    split: Split = "train",
    image_size: tuple[int, int] | None = None,
    task: Task | None = None,
    need_target: bool = True,
) -> Dataset:
    """Load a data set by its name or its path.

    Parameters
    ----------
    source : str or Path
        'digits', 'cifar10', 'mnist', or a path.  A file is told by its ending: a table (.csv,
        .tsv, .txt, also with .gz, or .parquet), arrays (.npz, .npy), or an archive of CIFAR-10
        (.tar.gz).  A folder is told by what it holds: CIFAR-10 batches, MNIST's idx files, X.npy
        and y.npy, or a sub-folder of images for each class (or such folders in train and test).
    target : str, optional
        The column of a table that is to be learned.
    data_dir : str or Path, optional
        Where to look for 'cifar10' and 'mnist' before the user's cache folder.
    split : {'train', 'test'}
        Which part to load, where the source has parts; otherwise all rows are loaded.
    image_size : (height, width), optional
        Resize the images of a folder so.
    task : {'classification', 'regression'}, optional
        What the target of a table or of arrays is; by default, `targets.guess_task` decides.
    need_target : bool
        If false, rows to predict: a table need not have the target, nor arrays labels.

    Returns
    -------
    Dataset
        Tables keep their columns (`Table`); images are uint8.

    Raises
    ------
    NotAvailable
        If there is no such data set, file or package.
    InvalidInput
        If the target is not named, not there, or has missing values; or an option is unknown.
    FileRefused
        If a file is damaged or not what its name says.
    """
    if task is not None:
        choose(task, _TASKS, "task")
    problems = Problems()
    for name, path in (("source", source), ("data_dir", data_dir)):
        problems.require(
            isinstance(path, str | Path) or (name == "data_dir" and path is None),
            f"{name} must be a name or a path, not {path!r}.",
        )
    size: object = image_size
    problems.require(
        size is None
        or (
            isinstance(size, tuple | list)
            and len(size) == 2
            and all(isinstance(n, int) and n > 0 for n in size)
        ),
        f"image_size is (height, width), both at least 1, not {size!r}.",
    )
    problems.raise_if_any()
    request = _Request(target, choose(split, _SPLITS, "split"), image_size, task, need_target)
    try:
        return _load(source, data_dir, request)
    except OSError as error:
        raise NotAvailable(f"{source} cannot be read: {error.strerror or error}.") from error
    except RuntimeError:  # a home folder that nobody has
        raise NotAvailable(f"{source} cannot be found; write the path out in full.") from None


def _name(path: Path) -> str:
    return path.name.split(".")[0] or path.name


def _from_table(table: Table, path: Path, request: _Request) -> Dataset:
    target, columns = request.target, ", ".join(table.names[:_NAMED_AT_MOST])
    if target is None and request.need_target:
        raise InvalidInput(
            f"{path} is a table: say which column to learn, by --target COLUMN (target=...). Its "
            f"columns are: {columns}."
        )
    if target is not None and target not in table and request.need_target:
        if len(table.names) == 1 and target in re.split(r"[^\w.-]", table.names[0]):
            raise InvalidInput(
                f"{path} has one column only, {table.names[0]:.60}: its delimiter was not "
                "recognised. Separate the columns by commas, semicolons or tabs."
            )
        raise InvalidInput(
            f"{path} has no column {target!r}.{did_you_mean(target, table.names)} Its columns are: "
            f"{columns}."
        )
    if target is None or target not in table:
        return Dataset(_name(path), table, feature_names=table.names)
    if len(table.names) == 1:
        raise InvalidInput(
            f"{path} has no column besides the target {target!r}; a network learns from others."
        )
    rows, y = table.without(target), table[target]
    dataset = Dataset(_name(path), rows, feature_names=rows.names, target_name=target)
    try:
        y = as_targets(y, request.task, f"{path}: the target {target!r}")
    except InvalidInput:
        if request.need_target:
            raise
        return dataset  # whatever stands there, the rows can be predicted
    return _with_targets(dataset, y)


def _from_arrays(arrays: Arrays, path: Path, request: _Request) -> Dataset:
    dataset = Dataset(_name(path), arrays.X, image_shape=arrays.image_shape)
    if arrays.y is None:
        if request.need_target:
            raise InvalidInput(
                f"{path} has no labels: store X and y together, as arrays X and y of one .npz or "
                "as X.npy and y.npy in one folder."
            )
        return dataset
    try:
        return _with_targets(dataset, as_targets(arrays.y, request.task, f"{path}: y"))
    except InvalidInput:
        if request.need_target:
            raise
        return dataset  # whatever stands in y, the rows can be predicted


def _with_targets(dataset: Dataset, y: Array) -> Dataset:
    names = tuple(sorted(set(y))) if y.dtype.kind == "O" else None
    return replace(dataset, y=y, class_names=names)


def _load_images(folder: Path, request: _Request) -> Dataset:
    part = folder / request.split
    inner = part if part.is_dir() and holds_class_folders(part) else folder
    return replace(read_image_folder(inner, request.image_size), name=folder.name)


def _load_delimited(path: Path, request: _Request) -> Dataset:
    notes: list[str] = []
    names = [request.target] if request.task == "classification" and request.target else []
    dataset = _from_table(read_delimited(path, notes.append, names), path, request)
    return replace(dataset, notes=(*dataset.notes, *notes))


def _load_parquet(path: Path, request: _Request) -> Dataset:
    limit, size = memory_left(), parquet_size(path)
    room = MAX_IN_MEMORY if limit is None else min(MAX_IN_MEMORY, limit.left // COPIES)
    if size <= room:
        return _from_table(read_parquet(path), path, request)
    cache = cache_folder() / "parquet"
    dataset = _from_table(map_parquet(path, cache), path, request)
    told = (
        f"{path} would take {in_words(size)} of memory, so its columns were unpacked once into "
        f"{cache}, from which rows are read as needed."
    )
    return replace(dataset, notes=(told,))


def _load_npz(path: Path, request: _Request) -> Dataset:
    return _from_arrays(read_npz(path, request.split), path, request)


def _load_npy(path: Path, request: _Request) -> Dataset:
    return _from_arrays(read_npy(path), path, request)


def _load_array_folder(path: Path, request: _Request) -> Dataset:
    return _from_arrays(read_array_folder(path, request.split), path, request)


def _load_cifar10(path: Path, request: _Request) -> Dataset:
    return read_cifar10(path, request.split)


def _load_mnist(path: Path, request: _Request) -> Dataset:
    return read_idx(path, request.split)


def _load_idx(path: Path, request: _Request) -> Dataset:
    return replace(_load_mnist(path, request), name=path.name)


_Holds = Callable[[Path], bool]
_Load = Callable[[Path, _Request], Dataset]

_PUBLISHED: dict[str, tuple[_Holds, _Load]] = {
    "cifar10": (holds_cifar10, _load_cifar10),
    "mnist": (holds_idx, _load_mnist),
}

_FOLDERS: tuple[tuple[_Holds, _Load], ...] = (
    (holds_cifar10, _load_cifar10),
    (holds_idx, _load_idx),
    (holds_arrays, _load_array_folder),
    (holds_class_folders, _load_images),
)

_FILES: dict[str, _Load] = {
    ".csv": _load_delimited,
    ".tsv": _load_delimited,
    ".txt": _load_delimited,
    ".csv.gz": _load_delimited,
    ".tsv.gz": _load_delimited,
    ".txt.gz": _load_delimited,
    ".parquet": _load_parquet,
    ".npz": _load_npz,
    ".npy": _load_npy,
    ".tar.gz": _load_cifar10,
    ".tgz": _load_cifar10,
}


def _load_published(name: str, data_dir: str | Path | None, request: _Request) -> Dataset:
    holds, load = _PUBLISHED[name]
    places = [cache_folder() / name]
    if data_dir is not None:
        given = Path(data_dir).expanduser()
        places = [given, given / name, *places]
    for place in places:
        if holds(place):
            return load(place, request)
    raise NotAvailable(
        f"{name} is not here (looked in {', '.join(map(str, places))}). Fetch it once by "
        f"`deltarule datasets get {name}`, or name the folder that has it by --data DIR "
        "(data_dir=...)."
    )


def _load(source: str | Path, data_dir: str | Path | None, request: _Request) -> Dataset:
    if source == "digits":
        return load_digits()
    if source in _PUBLISHED:
        return _load_published(str(source), data_dir, request)
    path = Path(source).expanduser()
    if path.is_dir():
        return _load_folder(path, request)
    if path.exists():
        return _load_file(path, request)
    raise NotAvailable(
        f"There is no data set and no file called {str(source)!r}."
        f"{did_you_mean(source, _NAMES) or _near_file(path)} Data sets are: {', '.join(_NAMES)}."
    )


def _near_file(path: Path) -> str:
    """The file beside it that may be meant: packed, or spelled nearly so."""
    try:
        names = [p.name for p in path.parent.iterdir() if p.name.lower().endswith(tuple(_FILES))]
    except (OSError, ValueError):
        return ""
    same = sorted(name for name in names if name.startswith(f"{path.name}."))
    near = same or difflib.get_close_matches(path.name, names, n=1, cutoff=0.8)
    return f" Did you mean {str(path.with_name(near[0]))!r}?" if near else ""


def _load_file(path: Path, request: _Request) -> Dataset:
    for ending, load in _FILES.items():
        if path.name.lower().endswith(ending):
            return load(path, request)
    raise InvalidInput(
        f"Cannot tell what {path} is from its ending; known are {', '.join(_FILES)}."
    )


def _load_folder(folder: Path, request: _Request) -> Dataset:
    for holds, load in _FOLDERS:
        if holds(folder):
            return load(folder, request)
    raise NotAvailable(
        f"{folder} holds no data that is known: neither CIFAR-10 batches, nor MNIST's idx files, "
        "nor X.npy, nor a sub-folder of images for each class."
    )
