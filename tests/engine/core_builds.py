"""Builds the core in ways of its own, without Python, and has `core_driver.cpp` prove each.

    python tests/engine/core_builds.py address   under AddressSanitizer, and for undefined behaviour
    python tests/engine/core_builds.py thread    under ThreadSanitizer
    python tests/engine/core_builds.py cross     for other processors and systems, as far as there
                                                 are compilers for them here

What runs must give the same bits at any number of threads, and on other processors the same
numbers but for rounding.  Exits with 1 where something does not.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETUP = runpy.run_path(str(ROOT / "setup.py"))
CORE = ROOT / SETUP["CORE"]
CXX = shlex.split(os.environ.get("CXX") or "g++")
WITH_PYTHON = ("module", "binding")
# Below -O2 GCC takes vectors that are filled lane by lane for uninitialized.
SANITIZERS = {
    "address": "-O1 -g -Wno-maybe-uninitialized -fsanitize=address,undefined "
    "-fno-sanitize-recover=all",
    "thread": "-O1 -g -Wno-maybe-uninitialized -fsanitize=thread",
}
# Of 9 digits printed: float64 agrees in all but the last, float32 as far as sums in another order,
# bf16 as far as factors that such a sum has rounded to another neighbour.
TOLERANCE = {"bf16": 1e-3, "float32": 1e-4, "float64": 1e-8}


def say(*words: object) -> None:
    """Print at once: what follows may take a while, or crash."""
    print(*words, flush=True)


def sources(x86: bool) -> list[Path]:
    """The core's files without Python, and the driver."""
    core = [path for path in sorted(CORE.glob("*.cpp")) if path.stem not in WITH_PYTHON]
    chosen = [path for path in core if x86 or path.stem not in SETUP["INSTRUCTION_SETS"]]
    return [*chosen, Path(__file__).with_name("core_driver.cpp")]


def build(compiler: Sequence[str], folder: Path, flags: str, x86: bool, link: bool = True) -> Path:
    """Compile side by side as setup.py does, with more flags; returns the program."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    def compile_one(source: Path) -> str:
        own = SETUP["INSTRUCTION_SETS"].get(source.stem, []) if x86 else []
        made = str(folder / f"{source.stem}.o")
        words = [*SETUP["FLAGS"], f"-I{CORE}", *flags.split(), *own, "-c", str(source), "-o", made]
        subprocess.run([*compiler, *words], check=True)
        return made

    with ThreadPoolExecutor(os.cpu_count()) as team:
        objects = list(team.map(compile_one, sources(x86)))
    program = folder / "driver.exe"
    if link:
        words = [*objects, "-pthread", *flags.split(), "-o", str(program)]
        subprocess.run([*compiler, *words], check=True)
    return program


def run(command: Sequence[str | Path]) -> list[str]:
    """The lines that the driver prints; what it complains of goes through."""
    return subprocess.run(
        [str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.splitlines()


def differences(lines: list[str], others: list[str]) -> list[str]:
    """Cases whose numbers are another's by more than rounding; both as the driver prints them."""
    known = {tuple(line.split("|")[0:3:2]): line.split("|")[3:] for line in others}
    found = []
    for line in lines:
        case, _, dtype, *numbers = line.split("|")
        if not all(
            math.isclose(float(a), float(b), rel_tol=TOLERANCE[dtype])
            for a, b in zip(numbers, known[case, dtype], strict=True)
        ):
            found.append(f"{line} instead of {known[case, dtype]}")
    return found


def sanitize(kind: str, folder: Path) -> None:
    """Run the driver under a sanitizer."""
    # Both warn of what is not so: GCC's manual says that sanitizers have it see ghosts.
    program = build(
        CXX, folder / kind, SANITIZERS[kind] + " -Wno-maybe-uninitialized", SETUP["X86"]
    )
    say(f"{kind}: {len(run([program]))} cases ran without a report")


def cross(folder: Path) -> None:
    """Compile for what else there is a compiler for here, and run what can be run."""
    own = run([build(CXX, folder / "own", "", SETUP["X86"])])
    if odd := differences(own, own):
        raise SystemExit("\n".join(["own: one instruction set gives other numbers", *odd]))
    say(f"own: {len(own)} cases ran")
    for name, command, x86, flags, runner in (
        ("arm64 Linux", ["aarch64-linux-gnu-g++"], False, "-static", ["qemu-aarch64"]),
        ("x86-64 Windows", ["x86_64-w64-mingw32-g++-posix"], True, "-static", ["wine"]),
    ):
        if not shutil.which(command[0]):
            say(f"{name}: no {command[0]} here")
            continue
        program = build(command, folder / name.replace(" ", "-"), flags, x86)
        if not shutil.which(runner[0]):
            say(f"{name}: compiled and linked by {command[0]}; nothing to run it here")
            continue
        lines = run([*runner, program])
        if odd := differences(lines, own):
            raise SystemExit("\n".join([f"{name}: other numbers", *odd]))
        say(f"{name}: compiled by {command[0]}, {len(lines)} cases ran under {runner[0]}")
    if importlib.util.find_spec("ziglang") is None:
        say("macOS: no ziglang here")
        return
    for target, x86 in (("aarch64-macos", False), ("x86_64-macos", True), ("x86_64-windows", True)):
        command = [sys.executable, "-m", "ziglang", "c++", "-target", target]
        build(command, folder / target, "", x86, link=False)
        say(f"{target}: compiled by ziglang")


def main() -> None:
    """Parse, then build and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=[*SANITIZERS, "cross"])
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "core")
    arguments = parser.parse_args()
    try:
        if arguments.what == "cross":
            cross(arguments.folder)
        else:
            sanitize(arguments.what, arguments.folder)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{error.cmd[0]} failed with exit code {error.returncode}") from None


if __name__ == "__main__":
    main()
