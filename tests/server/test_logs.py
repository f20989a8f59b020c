"""Log lines: one per entry, values apart from text, tracebacks inside."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from simpatico.config import LogSettings
from simpatico.server.logs import configure_logging, fields


@pytest.fixture(autouse=True)
def _handlers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str], **settings: str) -> list[str]:
    """Write three entries and return what came out."""
    configure_logging(LogSettings(**settings))  # type: ignore[arg-type]
    log = logging.getLogger("simpatico.test")
    log.debug("not wanted")
    log.info("call started", extra=fields(call="7-1", seconds=2.5))
    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("failed", extra=fields(call="7-1"))
    return capsys.readouterr().err.splitlines()


def test_json_is_one_object_per_entry(capsys: pytest.CaptureFixture[str]) -> None:
    started, failed = (json.loads(line) for line in lines(capsys, format="json"))
    assert {k: v for k, v in started.items() if k != "time"} == {
        "level": "info",
        "logger": "simpatico.test",
        "event": "call started",
        "call": "7-1",
        "seconds": 2.5,
    }
    assert failed["level"] == "error"
    assert "ValueError: broken" in failed["traceback"]


def test_plain_text_has_the_values_at_the_end_of_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    started, failed, *traceback = lines(capsys)
    assert started.endswith("INFO simpatico.test: call started call=7-1 seconds=2.5")
    assert failed.endswith("ERROR simpatico.test: failed call=7-1")
    assert traceback[-1] == "ValueError: broken"


def test_the_level_is_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    assert len([line for line in lines(capsys, level="error") if "simpatico.test" in line]) == 1
    assert len([line for line in lines(capsys, level="debug") if "simpatico.test" in line]) == 3


def test_of_alembic_only_upgrades_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings())
    logging.getLogger("alembic.runtime.plugins.x").info("setup plugin")
    logging.getLogger("alembic.runtime.migration").info("Will assume non-transactional DDL.")
    logging.getLogger("alembic.runtime.migration").info("Running upgrade  -> 0001")
    logging.getLogger("alembic.runtime.migration").warning("trouble")
    told = [line.partition(": ")[2] for line in capsys.readouterr().err.splitlines()]
    assert told == ["Running upgrade  -> 0001", "trouble"]
