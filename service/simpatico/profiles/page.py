"""An export as a page that a person can read: plain HTML without scripts, and nothing in it that the export does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from simpatico.profiles.schema import canonical_json

__all__ = ["render"]

_HEADINGS = {
    "consent": ("What you said", "Whether you agreed that calls are remembered, when, and after which notice."),
    "profile": (
        "What your calls add up to",
        "Two figures of how you came across in calls, with how unsure they are, and how often you called about what. They describe how "
        "calls sounded, not who you are.",
    ),
    "calls": (
        "Calls that are kept",
        "Of each call only figures of your own speaking. There is no recording, no transcript and no voiceprint.",
    ),
    "decisions": ("Whom we recommended", "For each ranking, which agents were free, and what was taken into account."),
    "outcomes": ("How calls went", "What was reported after calls."),
    "training": ("Set aside for training", "What may be used to improve the measurement."),
}
_STYLE = "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}table{border-collapse:collapse;margin:.5em 0 1.5em}\
td,th{border:1px solid #999;padding:.2em .6em;text-align:left;vertical-align:top;overflow-wrap:anywhere}"


def render(held: Mapping[str, Any]) -> str:
    """Return a page that shows everything in an export.

    Parameters
    ----------
    held
        What `privacy.export` returned.

    Returns
    -------
    str
        HTML with every text escaped.
    """
    parts = [f"<p>Everything that is held of you, as of {_when(held['exported_at_s'])}.</p>"]
    for name, (heading, words) in _HEADINGS.items():
        value = held[name]
        rows = value if isinstance(value, list) else ([] if value is None else [value])
        parts += [f"<h2>{escape(heading)}</h2>", f"<p>{escape(words)}</p>", *(_table(row) for row in rows)]
        if not rows:
            parts.append("<p>Nothing.</p>")
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>What is held of you</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>What is held of you</h1>\n{body}\n</body></html>\n"
    )


def _table(row: Mapping[str, Any]) -> str:
    cells = "".join(f"<tr><th>{escape(_words(name))}</th><td>{_value(name, value)}</td></tr>" for name, value in row.items())
    return f"<table>{cells}</table>"


def _words(name: str) -> str:
    return name.removesuffix("_at_s").replace("_", " ")


def _value(name: str, value: Any) -> str:
    if value is None or value in ([], {}, ""):
        return "not given"
    if name.endswith("at_s") and isinstance(value, int | float):
        return _when(value)
    if isinstance(value, Mapping):
        return "<br>".join(_lines((f"{_words(str(key))}: {_plain(item)}" for key, item in value.items())))
    return escape(_plain(value))


def _lines(items: Iterable[str]) -> list[str]:
    return [escape(item) for item in items]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)


def _when(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
