"""The JSON document keeps to its published schema, and loses nothing on the way through text."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest

from simpatico.analysis import CallAnalyzer
from simpatico.reports import SCHEMA_ID, load_schema, to_document, to_json
from simpatico.types import AudioFormat

if TYPE_CHECKING:
    from simpatico.style import Bundle
    from tests.conftest import SampleCall


@pytest.fixture(scope="module")
def document(sample_calls: list[SampleCall], bundle: Bundle) -> dict[str, Any]:
    analyzer = CallAnalyzer("ab-12", AudioFormat(8000, 2, "mulaw"), 0, bundle)
    analyzer.feed(sample_calls[0].samples)
    return to_document(analyzer.finish())


def validate(document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(load_schema()).validate(document)


def test_the_schema_is_valid_itself() -> None:
    jsonschema.Draft202012Validator.check_schema(load_schema())


def test_a_call_keeps_to_the_schema(document: dict[str, Any]) -> None:
    validate(document)
    assert document["schema"] == SCHEMA_ID
    assert list(document)[1:] == ["call", "quality", "utterances", "turns", "signals", "style", "model"]


@pytest.mark.parametrize("channels", [1, 2])
def test_a_silent_call_keeps_to_the_schema(bundle: Bundle, channels: int) -> None:
    analyzer = CallAnalyzer("silent", AudioFormat(8000, channels, "l16"), 0, bundle)
    analyzer.feed(np.zeros((8000, channels), np.float32))
    validate(to_document(analyzer.finish()))


def test_text_reads_back_identical(sample_calls: list[SampleCall], bundle: Bundle, document: dict[str, Any]) -> None:
    analyzer = CallAnalyzer("ab-12", AudioFormat(8000, 2, "mulaw"), 0, bundle)
    analyzer.feed(sample_calls[0].samples)
    assert json.loads(to_json(analyzer.finish())) == document


@pytest.mark.parametrize(
    "path",
    [("turns", "fto_median_s"), ("signals", "parties", "caller", "consistency"), ("signals", "mirroring", "short_exchange_rate")],
)
def test_a_missing_figure_without_its_reason_breaks_the_schema(document: dict[str, Any], path: tuple[str, ...]) -> None:
    broken = copy.deepcopy(document)
    place = broken
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = {"value": None, "se": None, "evidence_s": 0.0}
    with pytest.raises(jsonschema.ValidationError, match="reason"):
        validate(broken)


def test_an_unknown_key_breaks_the_schema(document: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError, match="transcript"):
        validate({**document, "transcript": "no"})
