"""The feature schema: what its hash stands for, and how differences are named."""

from __future__ import annotations

import copy
import json

from simpatico.core import COLUMNS, INDEX, UNITS
from simpatico.features import FRAME_COLUMNS, SCHEMA, schema_differences, schema_document, schema_hash


def test_names_are_unique_and_columns_are_the_cores() -> None:
    assert len({f.name for f in SCHEMA}) == len(SCHEMA)
    assert all(f.name in COLUMNS and f.unit == UNITS[INDEX[f.name]] for f in FRAME_COLUMNS)


def test_hash_is_sha256_of_content_not_of_order() -> None:
    document = schema_document()
    shuffled = {key: document[key] for key in reversed(document)}
    shuffled["features"] = {key: document["features"][key] for key in reversed(document["features"])}
    assert schema_hash(shuffled) == schema_hash() == schema_hash(json.loads(json.dumps(document)))
    assert len(bytes.fromhex(schema_hash())) == 32


def test_no_difference() -> None:
    assert schema_differences(schema_document()) == []


def test_differences_are_named() -> None:
    document = copy.deepcopy(schema_document())
    document["features"]["talk_share"]["unit"] = "%"
    document["frame_columns"]["loudness"]["revision"] = 7
    document["features"]["charisma"] = {"unit": "1", "revision": 1}
    del document["features"]["energy_cv"]
    assert schema_hash(document) != schema_hash()
    assert sorted(schema_differences(document)) == [
        "features.charisma.revision is 1 in the bundle and absent here",
        "features.charisma.unit is '1' in the bundle and absent here",
        "features.energy_cv.revision is 1 here and absent from the bundle",
        "features.energy_cv.unit is '1' here and absent from the bundle",
        "features.talk_share.unit is '%' in the bundle and '1' here",
        "frame_columns.loudness.revision is 7 in the bundle and 1 here",
    ]
