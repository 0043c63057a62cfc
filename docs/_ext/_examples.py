"""Examples of the gallery: what each says of itself, and what it prints and draws when it is run.

An example is docs/gallery/NAME.py.  Its docstring is a title, a few sentences for the page, and a
paragraph "Picture: …" for those who do not see the picture, NAME.svg, that it leaves in the folder
where it is run.  Where what it needs is not there, it prints "Skipped: …" and leaves no picture.

    python docs/_ext/_examples.py NAME

runs one and keeps what it printed and drew in docs/gallery/kept, for pages that are built where it
is skipped.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "docs" / "gallery"
KEPT = GALLERY / "kept"
PICTURE = "Picture: "
SKIPPED = "Skipped: "
LIMIT = 300.0

# What is drawn in colours of these stands is painted for light and for dark pages afterwards.
STYLE = """
figure.facecolor: none
axes.facecolor: none
savefig.facecolor: none
text.color: {ink}
axes.edgecolor: {ink}
axes.labelcolor: {ink}
xtick.color: {ink}
ytick.color: {ink}
axes.prop_cycle: cycler("color", [{lines}])
axes.spines.top: False
axes.spines.right: False
legend.frameon: False
lines.linewidth: 2
font.size: 11
svg.hashsalt: deltarule
"""


@dataclass(frozen=True)
class Example:
    """What an example says of itself.

    Attributes
    ----------
    name : str
    title : str
        The first line of its docstring.
    text : str
        What it shows and what to look at, in Markdown.
    alt : str
        What is to be seen in its picture.
    code : str
        Without the docstring.
    """

    name: str
    title: str
    text: str
    alt: str
    code: str


@dataclass(frozen=True)
class Run:
    """What came of an example.

    Attributes
    ----------
    output : str
        What it printed.
    picture : str or None
        SVG in the colours of the stands; None where it was skipped.
    warnings : str
        What it said on stderr.
    """

    output: str
    picture: str | None
    warnings: str = ""


def paths() -> list[Path]:
    """The files of all examples."""
    return sorted(GALLERY.glob("*.py"))


def read(path: Path) -> Example:
    """What the example in a file says of itself.

    Raises
    ------
    ValueError
        If its docstring is not one of an example.
    """
    source = path.read_text(encoding="utf-8")
    module = ast.parse(source)
    title, *paragraphs = (ast.get_docstring(module) or "").split("\n\n")
    if len(paragraphs) < 2 or "\n" in title or not paragraphs[-1].startswith(PICTURE):
        raise ValueError(
            f"{path.name} must begin with a docstring of a title, a paragraph for the page, and a "
            f'last one that begins with "{PICTURE}" and says what is to be seen.'
        )
    alt = " ".join(paragraphs[-1].removeprefix(PICTURE).split())
    text = "\n\n".join(paragraphs[:-1])
    code = "".join(source.splitlines(keepends=True)[module.body[0].end_lineno :]).lstrip("\n")
    return Example(path.stem, title, text, alt[:1].upper() + alt[1:], code)


def run(path: Path) -> Run:
    """Run an example in a process and an empty folder of its own.

    Raises
    ------
    RuntimeError
        If it fails, or leaves no picture though it was not skipped; with what it said.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder, style = Path(name) / "empty", Path(name) / "matplotlibrc"
        folder.mkdir()
        style.write_text(_style(), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(path)],
            cwd=folder,
            env=_environment(style),
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT,
            check=False,
        )
        drawn = folder / f"{path.stem}.svg"
        skipped = done.stdout.startswith(SKIPPED)
        if done.returncode or not (drawn.exists() or skipped):
            what = f"ended with {done.returncode}" if done.returncode else f"left no {drawn.name}"
            raise RuntimeError(f"The example {path.name} {what}.\n{done.stdout}{done.stderr}")
        picture = None if skipped else drawn.read_text(encoding="utf-8")
    return Run(done.stdout, picture, done.stderr)


def kept(name: str) -> Run | None:
    """What was kept of an example that is skipped here."""
    output, picture = KEPT / f"{name}.txt", KEPT / f"{name}.svg"
    if not picture.exists():
        return None
    return Run(output.read_text(encoding="utf-8"), picture.read_text(encoding="utf-8"))


def keep(path: Path) -> None:
    """Run an example and keep what it printed and drew.

    Raises
    ------
    RuntimeError
        If it fails or is skipped.
    """
    done = run(path)
    if done.picture is None:
        raise RuntimeError(done.output)
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{path.stem}.txt").write_text(done.output, encoding="utf-8")
    (KEPT / f"{path.stem}.svg").write_text(done.picture, encoding="utf-8")


def painted(picture: str) -> dict[str, str]:
    """A picture for pages of each theme."""
    from deltarule.report import palette
    from deltarule.report.figures import ARMS, DARK, INK, LIGHT

    inks = {
        "light": (palette.LIGHT["ink"], *LIGHT),
        "dark": (palette.DARK["ink"], *DARK),
    }
    found = {}
    for theme, colours in inks.items():
        text = picture
        for stand, colour in zip((INK, *ARMS), colours, strict=True):
            text = text.replace(stand, colour)
        found[theme] = text
    return found


def _style() -> str:
    from deltarule.report.figures import ARMS, INK

    lines = ", ".join(f'"{stand[1:]}"' for stand in ARMS)  # a # would begin a comment
    return STYLE.format(ink=INK[1:], lines=lines)


def _environment(style: Path) -> dict[str, str]:
    """The same package, one thread, and pictures of the same bytes every time."""
    found = [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, found)),
        "PYTHONIOENCODING": "utf-8",
        "MATPLOTLIBRC": str(style),
        "MPLBACKEND": "Agg",
        "SOURCE_DATE_EPOCH": "0",
        **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }


if __name__ == "__main__":
    for given in sys.argv[1:]:
        keep(GALLERY / f"{given}.py")
