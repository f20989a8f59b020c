"""What prior-1 believes and why: every direction, size and shrink factor, with its source.

No labelled calls with a licence that lets weights ship are at hand, so nothing here is fitted. Two sizes are published correlations; the
others are judgements at the lower end of the .1 to .5 that the literature of perceived traits and voice reports, and are marked so. A
correlation that is used is

    r = starting_r x transfer_shrink x band_shrink

``transfer_shrink``: published correlations are from other languages, tasks and raters, and shrink in new samples; what they measured
(warmth, dominance, confidence) is near our axes but not the same. ``band_shrink``: the same measurement through a telephone band and
codec.
"""

from __future__ import annotations

from dataclasses import dataclass

from simpatico.style.config import AxisConfig, Evidence, ExcludedFeature, Family, LabelConfig, SubstituteRule
from simpatico.style.indicators import MATCHED_DESCRIPTORS

__all__ = ["AXES", "EXCLUDED", "LABELS", "SUBSTITUTES", "THRESHOLD", "WEIGHTS", "Z_LIMIT", "Weight"]

THRESHOLD = 0.5
"""A label is given when it is more likely than all the others together."""
Z_LIMIT = 3.0
"""Beyond three robust SD a measurement is more often a fault than a manner."""

ASSERTIVENESS, RESPONSIVENESS = "assertiveness", "responsiveness"

AXES = (
    AxisConfig(
        name=ASSERTIVENESS,
        description=(
            "How far the caller is heard to direct the conversation (Merrill & Reid 1981; dominance in the interpersonal circumplex)."
        ),
        low="asks, waits, speaks measuredly",
        high="tells, takes the floor, speaks fast and lively",
    ),
    AxisConfig(
        name=RESPONSIVENESS,
        description="How far the caller is heard to show feeling and to attend to the other (Merrill & Reid 1981; affiliation).",
        low="contained, to the point",
        high="lively in pitch, gives feedback, falls in with the other",
    ),
)

LABELS = (
    LabelConfig(name="driving", signs={ASSERTIVENESS: 1, RESPONSIVENESS: -1}, description="Tells and is contained."),
    LabelConfig(name="expressive", signs={ASSERTIVENESS: 1, RESPONSIVENESS: 1}, description="Tells and shows feeling."),
    LabelConfig(name="amiable", signs={ASSERTIVENESS: -1, RESPONSIVENESS: 1}, description="Asks and shows feeling."),
    LabelConfig(name="analytical", signs={ASSERTIVENESS: -1, RESPONSIVENESS: -1}, description="Asks and is contained."),
)

MAST = (
    "Schmid Mast, M. (2002). Dominance as expressed and inferred through speaking time: a meta-analysis. Human "
    "Communication Research 28(3), 420-450."
)
HALL = (
    "Hall, J. A., Coats, E. J. & LeBeau, L. S. (2005). Nonverbal behavior and the vertical dimension of social "
    "relations: a meta-analysis. Psychological Bulletin 131(6), 898-924."
)
SMITH = (
    "Smith, B. L., Brown, B. L., Strong, W. J. & Rencher, A. C. (1975). Effects of speech rate on personality "
    "perception. Language and Speech 18(2), 145-152."
)
NSC = (
    "Nautilus Speaker Characterization corpus (Fernandez Gallardo, L. & Weiss, B. 2018, LREC): 300 speakers rated by "
    "listeners from telephone-task dialogues."
)
PENTLAND = (
    "Pentland, A. (2008). Honest Signals: How They Shape Our World. MIT Press; Curhan, J. R. & Pentland, A. "
    "(2007). Thin slices of negotiation. Journal of Applied Psychology 92(3), 802-811."
)
BAVELAS = (
    "Bavelas, J. B., Coates, L. & Johnson, T. (2000). Listeners as co-narrators. Journal of Personality and "
    "Social Psychology 79(6), 941-952."
)
NATALE = (
    "Natale, M. (1975). Convergence of mean vocal intensity in dyadic communication as a function of social "
    "desirability. Journal of Personality and Social Psychology 32(5), 790-804; measure: Levitan, R. & "
    "Hirschberg, J. (2011), Interspeech."
)

FROM_MINUTES_OF_LISTENING = 0.8
"""Transfer shrink for a trait as near as warmth is to responsiveness. Judgement."""
TIMING_BAND = 1.0
"""Who speaks when is the same through any band."""
PITCH_BAND = 0.85
"""Spread of F0 through a telephone band: pitch errors add variance to it. Judgement."""
ENERGY_BAND = 0.7
"""Spread of energy through a telephone line: band limits, gain control and codec act on it. Judgement."""


@dataclass(frozen=True, slots=True)
class Weight:
    """One feature of the scorer before anything is measured.

    ``reliability`` is what its reliability in a norm track was taken to be before the eight calls were looked at, with the reason.
    """

    name: str
    axis: str
    family: Family
    reliability: float
    reliability_source: str
    evidence: Evidence
    group: str | None = None
    shared_share: float = 0.0


def _judged(r: float, *, band: float, figures: str, source: str) -> Evidence:
    return Evidence(
        basis="judgement",
        published_r=None,
        figures=figures,
        source=source,
        starting_r=r,
        transfer_shrink=FROM_MINUTES_OF_LISTENING,
        band_shrink=band,
    )


def _matching(descriptor: str) -> Weight:
    return Weight(
        f"proximity_{descriptor}",
        RESPONSIVENESS,
        "matching",
        0.2,
        "judgement: matching in one call says little of the next",
        _judged(
            0.10,
            band=PITCH_BAND if descriptor.startswith("f0") else ENERGY_BAND,
            figures="People who seek approval converge more in intensity; no size is taken from the study. Size: judgement.",
            source=NATALE,
        ),
    )


_VOICE_AND_TURNS = (
    Weight(
        "talk_share",
        ASSERTIVENESS,
        "timing",
        0.5,
        "judgement",
        _judged(
            0.30,
            band=TIMING_BAND,
            figures="Speaking time goes with dominance, more so with inferred than with expressed dominance, more so "
            "for men than for women. "
            "Size: judgement.",
            source=MAST,
        ),
        group="floor",
        shared_share=0.3,
    ),
    Weight(
        "articulation_rate_hz",
        ASSERTIVENESS,
        "timing",
        0.65,
        "speaking rate across tasks in telephone calls .65",
        _judged(
            0.20,
            band=TIMING_BAND,
            figures=(
                "Faster speech is heard as more competent; Merrill & Reid (1981) describe assertive people as "
                "speaking faster. Size: judgement."
            ),
            source=SMITH,
        ),
    ),
    Weight(
        "energy_cv",
        ASSERTIVENESS,
        "energy",
        0.6,
        "judgement, by analogy with F0 variability",
        _judged(
            0.15,
            band=ENERGY_BAND,
            figures="Vocal variation and loudness are believed to go with dominance. Size: judgement; level itself is excluded.",
            source=HALL,
        ),
    ),
    Weight(
        "interruptions_per_min",
        ASSERTIVENESS,
        "timing",
        0.3,
        "judgement: rare events",
        _judged(
            0.15,
            band=TIMING_BAND,
            figures="Beliefs about dominance and vocal behaviour are stronger than actual differences; what sounds "
            "like an interruption may be "
            "agreement. Size: judgement.",
            source=HALL,
        ),
        group="floor",
        shared_share=0.3,
    ),
    Weight(
        "f0_range_st",
        RESPONSIVENESS,
        "pitch",
        0.61,
        "F0 variability across tasks in telephone calls .61",
        Evidence(
            basis="published",
            published_r=0.445,
            figures="Warmth with F0 range .52 (men), .37 (women); mean .445. The same range goes with confidence at "
            ".25 and .32, which is left "
            "out: one indicator, one axis.",
            source=NSC,
            starting_r=0.445,
            transfer_shrink=FROM_MINUTES_OF_LISTENING,
            band_shrink=PITCH_BAND,
        ),
    ),
    Weight(
        "short_exchange_rate",
        RESPONSIVENESS,
        "timing",
        0.5,
        "judgement",
        _judged(
            0.15,
            band=TIMING_BAND,
            figures="Back-and-forth of short utterances is read as mirroring and engagement. Size: judgement.",
            source=PENTLAND,
        ),
        group="feedback",
        shared_share=0.4,
    ),
    Weight(
        "backchannels_per_min",
        RESPONSIVENESS,
        "timing",
        0.4,
        "judgement",
        _judged(
            0.20,
            band=TIMING_BAND,
            figures="Attentive listeners respond more, distracted ones less. Size: judgement.",
            source=BAVELAS,
        ),
        group="feedback",
        shared_share=0.4,
    ),
)

WEIGHTS = (*_VOICE_AND_TURNS, *(_matching(descriptor) for descriptor in MATCHED_DESCRIPTORS))

EXCLUDED = (
    ExcludedFeature(
        name="f0_median_st",
        axis=ASSERTIVENESS,
        figures="Confidence with median F0 -.29 (men), -.18 (women), within each sex.",
        source=NSC,
        why="Across a mixed population most of the variance of median F0 is the difference between the sexes, so the "
        "feature would read sex as "
        "assertiveness. Within-sex use would need the sex of the caller, which is not ours to infer or ask. Weight 0.",
    ),
    ExcludedFeature(
        name="intensity_db",
        axis=ASSERTIVENESS,
        figures="Compliance with loudness -.20 (men), -.29 (women).",
        source=NSC,
        why=(
            "Level on a telephone line is handset, distance and gain control; it cannot be compared between calls. "
            "Variation of level is used."
        ),
    ),
    ExcludedFeature(
        name="loudness_mean",
        axis=ASSERTIVENESS,
        figures="Compliance with loudness -.20 (men), -.29 (women).",
        source=NSC,
        why="As intensity_db: not gain invariant.",
    ),
)

SUBSTITUTES = (
    SubstituteRule(
        bandwidth="narrow",
        codec_family="*",
        use_bandwidth="narrow",
        use_codec_family="waveform",
        added_variance={"timing": 0.0, "pitch": 0.1, "energy": 0.25, "matching": 0.25},
        why="Another codec in the same band: timing is untouched, pitch nearly so; spread of energy and matching shift somewhat. Sizes: "
        "judgement.",
    ),
    SubstituteRule(
        bandwidth="*",
        codec_family="*",
        use_bandwidth="narrow",
        use_codec_family="waveform",
        added_variance={"timing": 0.0, "pitch": 0.25, "matching": 0.5},
        why="Another band: timing is untouched, pitch is measured better than the norms were; spread of energy is a "
        "different measurement and has "
        "no substitute. Sizes: judgement.",
    ),
)
