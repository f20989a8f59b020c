"""Who spoke when: speech activity, utterances, turns and what follows from them."""

from simpatico.turns.activity import LOOK_AHEAD_FRAMES, SpeechDetector
from simpatico.turns.dialogue import dialogue
from simpatico.turns.tracker import ChannelTracker

__all__ = ["LOOK_AHEAD_FRAMES", "ChannelTracker", "SpeechDetector", "dialogue"]
