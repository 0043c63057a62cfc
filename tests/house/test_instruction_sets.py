"""What is compiled for newer processors never runs on older ones."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def setup_script() -> dict[str, Any]:
    """The names of setup.py, or a skip where nothing can be compiled for several processors."""
    pytest.importorskip("setuptools")
    names = runpy.run_path(str(ROOT / "setup.py"))
    if not names["X86"] or not shutil.which("g++") or not shutil.which("nm"):
        pytest.skip("needs an x86-64 processor, g++ and nm")
    return names


NAMES = [
    "kernels_avx2",
    "kernels_avx512",
    "kernels_avx512bf16",
    "kernels_amx",
    "kernels_tiles",
]


@pytest.mark.parametrize("name", NAMES)
def test_shared_symbols(name: str, setup_script: dict[str, Any], tmp_path: Path) -> None:
    """All symbols that a linker may merge with another file's lie in a namespace of their own."""
    made = tmp_path / "kernels.o"
    core = ROOT / setup_script["CORE"]
    # Without optimization nothing is inlined that need not be: every function has a symbol.
    flags = ["-std=c++20", "-O0", "-Wno-psabi", *setup_script["INSTRUCTION_SETS"].get(name, [])]
    subprocess.run(["g++", *flags, "-c", core / f"{name}.cpp", "-o", made], check=True)
    listed = subprocess.run(
        ["nm", "--demangle", made], check=True, capture_output=True, text=True
    ).stdout
    merged = re.findall(r"^\S* +[WVu] (.*)$", listed, flags=re.MULTILINE)
    own = name.removeprefix("kernels_") + "::"
    foreign = [symbol for symbol in merged if own not in symbol and "DW.ref." not in symbol]
    assert len(merged) > 50
    assert not foreign


def test_each_is_told_from_the_others(setup_script: dict[str, Any]) -> None:
    """Every file of kernels has its flags, and every set of flags its file."""
    files = {path.stem for path in (ROOT / setup_script["CORE"]).glob("kernels_*.cpp")}
    plain = {"kernels_baseline", "kernels_tiles"}
    assert files == {*plain, *setup_script["INSTRUCTION_SETS"]}


@pytest.mark.parametrize("compiler", ["g++", "clang++-14", "clang++"])
def test_matrix_tiles(compiler: str, setup_script: dict[str, Any], tmp_path: Path) -> None:
    """The instructions of matrix tiles are in the file that is chosen for them, and in no other."""
    if not shutil.which(compiler) or not shutil.which("objdump"):
        pytest.skip(f"needs {compiler} and objdump")
    core, sets = ROOT / setup_script["CORE"], setup_script["INSTRUCTION_SETS"]
    for source in ("kernels_amx", "kernels_avx512bf16", "amx"):
        made = tmp_path / f"{source}.o"
        flags = ["-std=c++20", "-O0", "-Wno-psabi", *sets.get(source, [])]
        subprocess.run([compiler, *flags, "-c", core / f"{source}.cpp", "-o", made], check=True)
        listed = subprocess.run(
            ["objdump", "--disassemble", "--no-show-raw-insn", made],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        words = {"ldtilecfg", "tilerelease", "tilezero", "tileloadd", "tdpbf16ps", "tilestored"}
        assert words & set(listed.split()) == (words if source == "kernels_amx" else set())
