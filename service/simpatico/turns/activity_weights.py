"""Weights of the speech detector. Made by ``python -m bench.fit_speech_activity --write``; do not edit by hand.

Fitted on the eight calls of ``bench/harper_valley.py``, from the HarperValleyBank corpus (Wu, Nafziger, Scodary & Maas 2020,
arXiv:2010.13929; CC BY 4.0), as recorded, 12 dB louder and softer, and with white and pink noise at 20 and 10 dB. How good they are on
speakers they were not fitted on is measured by ``python -m bench.speech_activity``.
"""

from typing import Final

WINDOWS: Final = ((-40, -19), (-18, -7), (-6, -2), (-1, 1), (2, 6), (7, 18))
"""First and last frame of each window, relative to the frame decided. These are chosen, not fitted: about a phone, half a syllable, a word;
and what was said 0.2 to 0.4 s before, so that a pause within a phrase is heard as one."""
WEIGHTS: Final = (
    (626768, 529324, 760022, 927227, 1094490, 1203910),
    (296, -30, 1677, 2853, -877, 1184),
    (-485, -454, 745, 1574, 1153, 456),
)
"""Per kind of evidence (webrtcvad, voicing, relative level) and window, the weight of each frame; 2**22 is 1 unit of log-odds."""
INTERCEPT: Final = -20916269
"""Log-odds without evidence, less the threshold."""
