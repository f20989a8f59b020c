"""The independent implementations that benches compare with: imported, or missed in one line that says what to install."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType, TracebackType

__all__ = ["MissingReferenceError", "reference"]


class MissingReferenceError(ModuleNotFoundError):
    """A package to compare with is not installed. Tests skip on it as on any ModuleNotFoundError; a bench ends with its one line."""


def reference(name: str) -> ModuleType:
    """Return a module of the extra ``reference``.

    Raises
    ------
    MissingReferenceError
        Its package is not installed.
    """
    package = name.partition(".")[0]
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        sys.excepthook = _one_line
        raise MissingReferenceError(
            f"this bench compares with {package}, which is not installed: pip install '.[reference]' in a clone", name=package
        ) from None


def _one_line(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, MissingReferenceError):
        print(error, file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
