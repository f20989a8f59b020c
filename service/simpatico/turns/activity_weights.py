"""Weights of the speech detector. Made by ``python -m bench.fit_speech_activity --write``; do not edit by hand.

Fitted on the eight calls of ``bench/harper_valley.py``, from the HarperValleyBank corpus (Wu, Nafziger, Scodary & Maas 2020,
arXiv:2010.13929; CC BY 4.0), as recorded, 12 dB louder and softer, and with white and pink noise at 20 and 10 dB. How good they are on
speakers they were not fitted on is measured by ``python -m bench.speech_activity``.
"""

from typing import Final

WINDOWS: Final = ((-18, -7), (-6, -2), (-1, 1), (2, 6), (7, 18))
"""First and last frame of each window, relative to the frame decided: about a phone, half a syllable, a word. Chosen, not fitted."""
WEIGHTS: Final = (
    (569319, 753693, 1121313, 831753, 530360),
    (1289, 2426, 3821, 2794, 1503),
    (613, 171, 70, 285, 1020),
)
"""Per kind of evidence (webrtcvad, voicing, relative level) and window, the weight of each frame; 2**22 is 1 unit of log-odds."""
INTERCEPT: Final = -6171192
"""Log-odds without evidence, less the threshold."""
