"""From the core's frames to features: of an utterance for the rest of the package, of any recording for researchers.

``extract`` and ``FeatureStream`` give eGeMAPS functionals, low-level descriptors or a summary of the signal columns; ``Smile`` gives the
same to code written for the opensmile package. ``describe`` and ``SCHEMA`` serve the layers above.
"""

from simpatico import __version__
from simpatico.features.describe import describe, f0_histogram
from simpatico.features.extraction import extract
from simpatico.features.harmonicity import unwindowed_hnr_db
from simpatico.features.results import SETS, Features, names_of, units_of
from simpatico.features.scale import SCALED_NAMES, on_opensmile_scale
from simpatico.features.schema import FRAME_COLUMNS, SCHEMA, Feature, schema_differences, schema_document, schema_hash
from simpatico.features.segments import Segment, Windows
from simpatico.features.smile import FeatureLevel, FeatureSet, Smile
from simpatico.features.stream import FeatureStream
from simpatico.features.syllables import syllable_nuclei

__all__ = [
    "FRAME_COLUMNS",
    "SCALED_NAMES",
    "SCHEMA",
    "SETS",
    "Feature",
    "FeatureLevel",
    "FeatureSet",
    "FeatureStream",
    "Features",
    "Segment",
    "Smile",
    "Windows",
    "__version__",
    "describe",
    "extract",
    "f0_histogram",
    "names_of",
    "on_opensmile_scale",
    "schema_differences",
    "schema_document",
    "schema_hash",
    "syllable_nuclei",
    "units_of",
    "unwindowed_hnr_db",
]
