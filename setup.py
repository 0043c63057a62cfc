"""Builds the engine: one source, compiled once for each instruction set of the processor.

Everything else stands in pyproject.toml.  The extension is optional: where it cannot be built the
package installs without it and the NumPy reference does the work.  Three environment variables:
DELTARULE_REQUIRE_ENGINE=1 makes a failed build an error, DELTARULE_NO_ENGINE=1 builds none, and
DELTARULE_ENGINE_FLAGS adds flags for compiler and linker (sanitizers).
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.errors import CompileError, PlatformError

CORE = Path("src/deltarule/engine/core")
X86 = platform.machine().lower() in ("x86_64", "amd64")
AVX512 = ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma"]
INSTRUCTION_SETS = {
    "kernels_avx2": ["-mavx2", "-mfma"],
    "kernels_avx512": AVX512,
    "kernels_avx512bf16": [*AVX512, "-mavx512bf16"],
    "kernels_amx": [*AVX512, "-mavx512bf16", "-mamx-tile", "-mamx-bf16"],
}
# What a compiler must understand for the last; where it does not, that file is compiled empty.
NEWEST = "#include <immintrin.h>\nvoid release() { _tile_release(); }\n"
ARITHMETIC = ["-ffp-contract=fast", "-fno-math-errno"]
FLAGS = [
    "-std=c++20",
    "-O3",
    *ARITHMETIC,
    "-g0",  # Python's own flags ask for debugging information, four times the size
    "-fvisibility=hidden",
    "-fno-strict-aliasing",  # for nanobind
    "-pthread",
    "-Wno-psabi",
]
FLAGS_OF_CLANG_CL = ["/std:c++20", "/EHsc", *(f"/clang:{flag}" for flag in ("-O3", *ARITHMETIC))]
EXTRA = os.environ.get("DELTARULE_ENGINE_FLAGS", "").split()
BINDING = version("nanobind") if find_spec("nanobind") else ""
REQUIRED = os.environ.get("DELTARULE_REQUIRE_ENGINE") == "1"


def flags_of(source: str) -> list[str]:
    """What this file is compiled with beside the flags of all."""
    flags = INSTRUCTION_SETS.get(Path(source).stem, [])
    if sys.platform == "darwin":  # Python may have two processors compiled for at once
        return [word for flag in flags for word in ("-Xarch_x86_64", flag)]
    return flags if X86 else []


def fingerprint(files: list[str], *others: str) -> str:
    """What an engine was made of; times of files say too little, as of a checkout or an archive."""
    digest = hashlib.sha256()
    for text in (*map(str.encode, others), *(Path(name).read_bytes() for name in files)):
        digest.update(hashlib.sha256(text).digest())
    return digest.hexdigest()


class BuildPython(build_py):
    """Copies into a clean folder: what an earlier build left there would be installed, too."""

    def run(self) -> None:
        kept = (".so", ".pyd") if self.distribution.has_ext_modules() else ()
        for path in Path(self.build_lib, "deltarule").rglob("*"):
            if path.is_file() and path.suffix not in kept:
                path.unlink()
        super().run()


class BuildEngine(build_ext):
    """Compiles the files side by side, each with its own flags."""

    def build_extension(self, ext: Any) -> None:
        made = Path(self.get_ext_fullpath(ext.name))
        stamp = Path(self.build_temp, "in_place.sha256" if self.inplace else "engine.sha256")
        files = [*ext.sources, *ext.depends]
        compiler = getattr(self.compiler, "compiler_so", None) or self.compiler.compiler_type
        now = fingerprint(files, sys.version, str(compiler), *EXTRA, *ext.include_dirs, BINDING)
        if not (stamp.is_file() and stamp.read_text() == now and made.is_file()):
            self.force = True
            made.unlink(missing_ok=True)  # one of other sources must not stay where this fails
        self._compile(ext)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(now)

    def _compile(self, ext: Any) -> None:
        compile_some = self.compiler.compile
        if self.compiler.compiler_type == "msvc":
            self._take_clang()
            ext.extra_compile_args = [*FLAGS_OF_CLANG_CL, *EXTRA]
        else:
            ext.extra_compile_args = [*FLAGS, *EXTRA]
            ext.extra_link_args = ["-pthread", *EXTRA]

        flags = [*ext.extra_compile_args, *flags_of("kernels_amx")]
        too_new = set() if self._understands(NEWEST, flags) else {"kernels_amx"}

        def compile_all(
            sources: list[str], *, extra_postargs: list[str], **options: Any
        ) -> list[str]:
            def one(source: str) -> list[str]:
                own = [] if Path(source).stem in too_new else flags_of(source)
                flags = [*extra_postargs, *own]
                return compile_some([source], extra_postargs=flags, **options)

            with ThreadPoolExecutor(os.cpu_count()) as team:
                return [path for made in team.map(one, sources) for path in made]

        self.compiler.compile = compile_all
        super().build_extension(ext)

    def _understands(self, program: str, flags: list[str]) -> bool:
        """Whether the compiler takes a program with these flags."""
        if not X86 or sys.platform != "linux":  # no other system is asked for tiles
            return False
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "newest.cpp")
            source.write_text(program)
            try:
                self.compiler.compile([str(source)], output_dir=folder, extra_postargs=flags)
            except CompileError:
                self.warn("the compiler does not know AMX; the engine is built without it")
                return False
        return True

    def _take_clang(self) -> None:
        """Microsoft's compiler has no vector types; its twin by Clang has, where there is one."""
        clang = shutil.which("clang-cl")
        if clang is None:
            raise PlatformError("the engine needs clang-cl, GCC or Clang; the reference will serve")
        self.compiler.initialize()
        self.compiler.cc = clang

    def run(self) -> None:
        """As ever, and says what it means that the engine was not built."""
        super().run()
        for ext in self.extensions:
            if not Path(self.get_ext_fullpath(ext.name)).exists():
                self.warn(
                    "deltarule installs without its fast engine; the NumPy reference does all it "
                    "does, slower.  It takes a C++20 compiler (GCC 11, Clang 14 or newer)."
                )


def engine() -> list[Extension]:
    """The extension, or nothing where DELTARULE_NO_ENGINE asks for none or nanobind is missing."""
    if os.environ.get("DELTARULE_NO_ENGINE"):
        return []
    try:
        import nanobind
    except ImportError:
        if REQUIRED:
            raise
        return []
    binding = Path(nanobind.include_dir()).parent
    return [
        Extension(
            "deltarule.engine._core",
            sorted(path.as_posix() for path in CORE.glob("*.cpp")),
            include_dirs=[
                str(CORE),
                nanobind.include_dir(),
                str(binding / "src"),
                str(binding / "ext" / "robin_map" / "include"),
            ],
            depends=["setup.py", *(path.as_posix() for path in sorted(CORE.glob("*.hpp")))],
            define_macros=[("NDEBUG", None)],
            language="c++",
            optional=not REQUIRED,
        )
    ]


if __name__ == "__main__":
    setup(ext_modules=engine(), cmdclass={"build_ext": BuildEngine, "build_py": BuildPython})
