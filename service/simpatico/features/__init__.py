"""From the core's frames to what one utterance sounds like, and the schema that names every feature a style model may use."""

from simpatico.features.describe import describe, f0_histogram
from simpatico.features.schema import FRAME_COLUMNS, SCHEMA, Feature, schema_differences, schema_document, schema_hash
from simpatico.features.syllables import syllable_nuclei

__all__ = [
    "FRAME_COLUMNS",
    "SCHEMA",
    "Feature",
    "describe",
    "f0_histogram",
    "schema_differences",
    "schema_document",
    "schema_hash",
    "syllable_nuclei",
]
