"""What of scikit-learn the estimators stand on, from 1.6 to the newest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ground.errors import NotAvailable

try:
    from sklearn.utils.validation import validate_data
except ImportError:
    raise NotAvailable(
        "The estimators need scikit-learn, 1.6 or newer: pip install 'deltarule[sklearn]'. "
        "Without it, deltarule.Network trains the same networks."
    ) from None

__all__ = ["HAS_CALLBACKS", "CallbackSupport", "validate_data", "with_callbacks"]

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
    from sklearn.callback import with_callbacks

    HAS_CALLBACKS = True
except ImportError:  # before scikit-learn 1.9
    HAS_CALLBACKS = False

    class CallbackSupport:  # type: ignore[no-redef]
        """Nothing: this scikit-learn knows no callbacks."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """The method as it is."""
        return method
