"""What of scikit-learn the estimators stand on, from 1.6 to the newest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ..ground.errors import NotAvailable
from ..ground.installing import extra

try:
    from sklearn.utils.validation import validate_data
except ImportError:
    raise NotAvailable(
        f"The estimators need scikit-learn, 1.6 or newer: {extra('sklearn')}. "
        "Without it, deltarule.Network trains the same networks."
    ) from None

__all__ = ["HAS_CALLBACKS", "CallbackSupport", "available_if", "validate_data", "with_callbacks"]

Method = TypeVar("Method", bound=Callable[..., Any])

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport

    HAS_CALLBACKS = True
except ImportError:  # before scikit-learn 1.9
    HAS_CALLBACKS = False

    class CallbackSupport:  # type: ignore[no-redef]
        """Nothing: this scikit-learn knows no callbacks."""


# To a type checker a method is what it was: scikit-learn's decorators say nothing of types.
if TYPE_CHECKING:

    def with_callbacks(method: Method) -> Method:
        """The method, which tells scikit-learn's callbacks."""

    def available_if(check: Callable[[Any], bool]) -> Callable[[Method], Method]:
        """A decorator: the method is there where `check` holds."""

else:
    from sklearn.utils.metaestimators import available_if

    if HAS_CALLBACKS:
        from sklearn.callback import with_callbacks
    else:

        def with_callbacks(method: Method) -> Method:
            """The method as it is."""
            return method
