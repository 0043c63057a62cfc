"""Builds the engine: one source, compiled once for each instruction set of the processor.

Everything else stands in pyproject.toml.  The extension is optional: where it cannot be built the
package installs without it and the NumPy reference does the work.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CORE = Path("src/deltarule/engine/core")
X86 = platform.machine().lower() in ("x86_64", "amd64")
AVX512 = ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma"]
INSTRUCTION_SETS = {
    "kernels_avx2": ["-mavx2", "-mfma"],
    "kernels_avx512": AVX512,
    "kernels_avx512bf16": [*AVX512, "-mavx512bf16"],
}
FLAGS = [
    "-std=c++20",
    "-O3",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fvisibility=hidden",
    "-fno-strict-aliasing",
    "-pthread",
    "-Wno-psabi",
]


class BuildEngine(build_ext):
    """Compiles the kernels of each instruction set with its own flags."""

    def build_extension(self, ext: Any) -> None:
        compile_one = self.compiler._compile

        def compile_with_flags(
            obj: str, src: str, ext_name: str, cc_args: Any, postargs: Any, pp_opts: Any
        ) -> None:
            more = INSTRUCTION_SETS.get(Path(src).stem, [])
            compile_one(obj, src, ext_name, cc_args, [*postargs, *more], pp_opts)

        self.compiler._compile = compile_with_flags
        super().build_extension(ext)


def engine() -> list[Extension]:
    """The extension, or nothing where DELTARULE_NO_ENGINE asks for none or nanobind is missing."""
    if os.environ.get("DELTARULE_NO_ENGINE"):
        return []
    try:
        import nanobind
    except ImportError:
        return []
    source = Path(nanobind.source_dir())
    kernels = ["kernels_baseline", *(INSTRUCTION_SETS if X86 else ())]
    extra = os.environ.get("DELTARULE_ENGINE_FLAGS", "").split()
    return [
        Extension(
            "deltarule.engine._core",
            [
                *(str(CORE / f"{name}.cpp") for name in (*kernels, "pool", "trainer", "module")),
                str(source / "nb_combined.cpp"),
            ],
            include_dirs=[
                str(CORE),
                nanobind.include_dir(),
                str(source.parent / "ext" / "robin_map" / "include"),
            ],
            depends=[str(path) for path in CORE.glob("*.hpp")],
            define_macros=[("NDEBUG", None), *([("DR_X86", None)] if X86 else [])],
            extra_compile_args=[*FLAGS, *extra],
            extra_link_args=["-pthread", *extra],
            language="c++",
            optional=True,
        )
    ]


setup(ext_modules=engine(), cmdclass={"build_ext": BuildEngine})
