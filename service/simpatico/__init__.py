"""Simpatico: how a caller speaks, measured, with its uncertainty.

Start at :mod:`simpatico.analysis` for the whole chain, at :mod:`simpatico.core` for frames, at :mod:`simpatico.client` for a running
service.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("simpatico")
except PackageNotFoundError:  # run in place, without being installed
    __version__ = "0+inplace"

__all__ = ["__version__"]
