"""What the front page and the guides show is what the program does."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deltarule.cli.parser import build_parser
from deltarule.runs.recipes import builtin_recipes
from deltarule.sweeps.spaces import space_from

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return [body for kind, body in BLOCK.findall(text) if kind == language]


def run(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("number", range(1, len(blocks("README.md", "python"))))
def test_python_of_the_readme_runs(number: int, tmp_path: Path) -> None:
    """Every Python block of the front page runs as it stands; the first one, below."""
    imports = (
        ""
        if "import deltarule" in blocks("README.md", "python")[number]
        else "import deltarule as dr\n"
    )
    run(imports + blocks("README.md", "python")[number], tmp_path)


def test_output_of_the_readme_is_real(tmp_path: Path) -> None:
    """The first Python block prints what the first text block shows."""
    assert run(blocks("README.md", "python")[0], tmp_path) == blocks("README.md", "text")[0]


@pytest.mark.parametrize("code", blocks("docs/adding.md", "python"))
def test_python_of_the_guide_runs(code: str, tmp_path: Path) -> None:
    """Every piece that the guide adds trains or passes the gradient check."""
    assert "assert" in code
    run(code, tmp_path)


def test_commands_of_the_readme_exist() -> None:
    """Every `deltarule …` line of the front page parses, and names recipes that exist."""
    lines = [
        line.split("#")[0].strip()
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("    deltarule ")
    ]
    assert len(lines) >= 4
    for line in lines:
        args = build_parser().parse_args(shlex.split(line)[1:])
        assert getattr(args, "recipe", None) in (None, *builtin_recipes()), line


def test_the_space_of_the_guide_is_one() -> None:
    """The space that the guide to sweeps shows is accepted as it stands."""
    (text,) = blocks("docs/sweeps.md", "toml")
    assert "depth" in space_from(tomllib.loads(text), {}).given["hidden_layer_sizes"]


def test_links_of_the_documents_lead_somewhere() -> None:
    """Every relative link in the documents points at a file of the repository."""
    pages = [page for page in ROOT.glob("docs/**/*.md") if page.parent.name != "derivations"]
    for document in [*ROOT.glob("*.md"), *pages]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_promises_name_tests_that_are_there() -> None:
    """Every test that holds a promise exists."""
    text = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+(?:\.py)?)/?`", text)
    assert len(named) > 20
    assert not [name for name in named if not (ROOT / name).exists()]


def test_extras_that_are_told_exist() -> None:
    """What pages and messages say to install is an extra; pages say so for a clone."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    told = set()
    for path in pages:
        text = path.read_text(encoding="utf-8")
        told |= set(re.findall(r"'\.\[([\w,]+)\]'", text))
        if path.name != "start.md":
            assert "'deltarule[" not in text, path
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        told |= set(re.findall(r"\bextra\('(\w+)'\)", text))
        assert "deltarule[" not in text or path.stem == "installing", path
    assert {"torch", "onnx", "sklearn", "sweep"} <= told
    assert {name for names in told for name in names.split(",")} <= set(
        project["optional-dependencies"]
    )
