"""Fixtures that tests of several layers share."""

from __future__ import annotations

import pytest

from bench.harper_valley import ABSENT, RealCall, find_folder, load_calls


@pytest.fixture(scope="session")
def harper_valley() -> list[RealCall]:
    """Return the eight real calls; a test that asks for them is skipped, visibly, where they are absent."""
    folder = find_folder()
    if folder is None:
        pytest.skip(ABSENT)
    return load_calls(folder)
