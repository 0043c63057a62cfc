"""The limits that threadpoolctl sets reach the engine's threads too."""

from __future__ import annotations

import importlib.util

__all__ = ["join_threadpoolctl"]


def join_threadpoolctl() -> bool:
    """Tell threadpoolctl, where it is installed, how the core's threads are counted and limited.

    From then on `threadpool_limits(limits=1)` holds for the engine as for BLAS, and
    `threadpool_info()` lists it.  Returns whether threadpoolctl (3.2 or newer) is there.
    """
    if importlib.util.find_spec("threadpoolctl") is None:
        return False
    import threadpoolctl

    if not hasattr(threadpoolctl, "register"):
        return False

    class EngineController(threadpoolctl.LibController):  # type: ignore[misc]
        user_api = "deltarule"
        internal_api = "deltarule"
        filename_prefixes = ("_core",)
        check_symbols = ("deltarule_get_num_threads", "deltarule_set_num_threads")

        def get_num_threads(self) -> int:
            return int(self.dynlib.deltarule_get_num_threads())

        def set_num_threads(self, num_threads: int) -> None:
            self.dynlib.deltarule_set_num_threads(num_threads)

        def get_version(self) -> None:
            return None

    threadpoolctl.register(EngineController)
    return True
