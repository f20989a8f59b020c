"""Log lines: text or JSON, to standard error. Never audio, never what a client calls its calls.

A call appears as the log id that its ``ready`` carried; messages of exceptions that quote the client are not written, their types are.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from simpatico.config import LogSettings

__all__ = ["configure_logging", "fields"]

_KEY = "simpatico_fields"


def fields(**values: str | int | float) -> dict[str, Any]:
    """Return what ``extra`` of a logging call takes: values that stay apart from the text."""
    return {_KEY: values}


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        extra = " ".join(f"{key}={value}" for key, value in getattr(record, _KEY, {}).items())
        head, newline, rest = text.partition("\n")
        return f"{head} {extra}".rstrip() + newline + rest


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {"time": record.created, "level": record.levelname.lower(), "logger": record.name, "event": record.getMessage()}
        entry |= getattr(record, _KEY, {})
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def _upgrades_only(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or record.getMessage().startswith("Running ")


def configure_logging(settings: LogSettings) -> None:
    """Send the log of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if settings.format == "json" else _Plain("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    # What Alembic is made of and what it assumes of SQLite is no news to an operator; that tables are upgraded is.
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
    logging.getLogger("alembic.runtime.migration").addFilter(_upgrades_only)
    logging.basicConfig(level=settings.level.upper(), handlers=[handler], force=True)
