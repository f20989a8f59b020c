"""What is said in the sample calls, by whom, how, and when. Data only.

A line's text may hold pauses in milliseconds, ``[120]``; commas and ends of sentences make pauses of their own. ``after_s`` is the
floor-transfer offset to the line before that held the floor: above 0 a gap, below 0 an overlap. A backchannel starts at ``at`` (0 to 1)
of that line and leaves the floor alone. An interruption starts at ``at`` of it too, and takes the floor: the interrupted party falls
silent ``YIELD_S`` later.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CALLS", "Line", "Party", "Script", "agent", "caller"]


@dataclass(frozen=True, slots=True)
class Line:
    """One party's words between two changes of floor, or a backchannel."""

    role: str
    text: str
    after_s: float = 0.3
    kind: str = "turn"
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Party:
    """How one party sounds, and its track of the telephone line.

    Attributes
    ----------
    voice
        espeak-ng voice and variant.
    rate_wpm, pitch, range_percent
        Words per minute, pitch 0 to 99, pitch range in percent of the voice's own.
    level_dbfs
        RMS of speech on the line.
    snr_db
        Against line noise that is always there.
    zeros
        Which of the track is exact digital zero: "start" (until the track is connected), "silences" (every silence of over 1 s, as
        silence suppression leaves it), "both" or "none".
    """

    voice: str
    rate_wpm: int
    pitch: int
    range_percent: int
    level_dbfs: float = -22.0
    snr_db: float = 35.0
    zeros: str = "none"


@dataclass(frozen=True, slots=True)
class Script:
    """One call. ``style`` is how the caller's lines are written and spoken: an intention, not a measurement."""

    name: str
    seed: int
    style: str
    caller: Party
    agent: Party
    lines: tuple[Line, ...]
    container: str = "flac"


def caller(text: str, after_s: float = 0.3, kind: str = "turn", at: float = 0.0) -> Line:
    """Make a caller's line."""
    return Line("caller", text, after_s, kind, at)


def agent(text: str, after_s: float = 0.3, kind: str = "turn", at: float = 0.0) -> Line:
    """Make an agent's line."""
    return Line("agent", text, after_s, kind, at)


_BOOKING = Script(
    "booking",
    seed=101,
    style="brisk and assertive",
    caller=Party("en-us+m3", 200, 38, 110, level_dbfs=-18.0, snr_db=35.0),
    agent=Party("en-gb+f2", 172, 52, 100, level_dbfs=-23.0, snr_db=32.0, zeros="both"),
    container="wav",
    lines=(
        agent("Good morning, Hillside Garage, how can I help?", 1.0),
        caller("Morning. I need a full service for my car, this week. Thursday, before nine.", 0.08),
        agent("Certainly. [140] May I take the registration, please?", 0.35),
        caller("Kilo, lima, seven, two, [120] hotel, oscar, victor. The blue one.", 0.1),
        agent("Thank you. [300] We also have a winter check on offer, which includes", 0.4),
        caller("No. Just the service. What time can I drop it off?", kind="interruption", at=0.78),
        agent("Of course. [250] We open at half past seven, so anything from then on is fine.", 0.25),
        caller("Right.", kind="backchannel", at=0.7),
        caller("Half past seven, then. And I want it back by four. Can you promise that?", -0.12),
        agent("By four should be possible. [220] If anything else turns up, we would call you first.", 0.45),
        caller("Yes.", kind="backchannel", at=0.62),
        caller("Good. And email me the price today.", 0.05),
        agent("Within the hour. Anything else?", 0.3),
        caller("No, that's all. Thanks. Bye.", -0.05),
        agent("Goodbye.", 0.2),
    ),
)

_BILL = Script(
    "bill",
    seed=102,
    style="warm and lively",
    caller=Party("en-gb+f3", 182, 62, 170, level_dbfs=-21.0, snr_db=30.0, zeros="both"),
    agent=Party("en-us+m5", 168, 45, 100, level_dbfs=-22.0, snr_db=34.0, zeros="silences"),
    lines=(
        agent("Riverside Energy, you're speaking with Daniel.", 0.9),
        caller("Oh hello Daniel! I'm so glad I got through. [150] I have a little puzzle for you, it's about my bill.", 0.15),
        agent("I like puzzles. [200] What does it say?", 0.12),
        caller("Well, it says ninety-four pounds, [130] and last month it was only forty! Can that be right?", 0.1),
        agent("Let me have a look. [350] I have the account open now, and I see the reading in June was an estimate.", 0.3),
        caller("Mm-hm.", kind="backchannel", at=0.55),
        caller("Oh, an estimate! [140] Well that explains it, doesn't it?", -0.18),
        agent("It does. [200] The new one is from your meter, so it makes up for the difference.", 0.2),
        caller("I see.", kind="backchannel", at=0.6),
        caller("Ah, wonderful. [120] So next month it goes down again? That's such a relief, honestly!", -0.1),
        agent("Exactly. And if you send us a photo of the meter, it will be right every time.", 0.18),
        caller("Yes, yes.", kind="backchannel", at=0.72),
        caller("I'd love to do that. [130] Thank you ever so much, you've been lovely.", 0.08),
        agent("You're very welcome. Have a nice day.", 0.15),
        caller("And you! Bye-bye!", -0.08),
    ),
)

_PARCEL = Script(
    "parcel",
    seed=103,
    style="quiet and hesitant",
    caller=Party("en-gb-scotland+f4", 138, 48, 75, level_dbfs=-31.0, snr_db=22.0, zeros="both"),
    agent=Party("en-gb-x-rp+m1", 165, 50, 110, level_dbfs=-21.0, snr_db=35.0, zeros="both"),
    lines=(
        agent("Swift Parcels, good afternoon. How may I help you?", 1.2),
        caller("Oh, [260] hello. [450] It's about, um, [320] a parcel. [500] I think it may be lost.", 0.9),
        agent("I'm sorry to hear that. Do you have the tracking number?", 0.3),
        caller("Yes, I, [350] just a moment. [700] It's four, nine, one, [280] six, six, [420] two.", 0.8),
        agent("Right.", kind="backchannel", at=0.82),
        agent("Thank you. [240] It shows as delivered on Monday, to a neighbour at number twelve.", 0.5),
        caller("Oh. [600] I didn't, [300] um, I didn't get a card.", 1.1),
        agent("No card at all?", 0.25),
        caller("No. [400] Maybe it, [260] it fell off. [350] I'm not sure.", 0.7),
        agent("Would you like me to ask the driver to call round?", 0.4),
        caller("If, [280] if it's not too much trouble.", 0.95),
        agent("No trouble. He will be there tomorrow.", 0.2),
        caller("Thank you.", 0.6),
    ),
)

_RETURN = Script(
    "return",
    seed=104,
    style="precise and monotone",
    caller=Party("en-gb-x-rp+m7", 158, 36, 25, level_dbfs=-24.0, snr_db=33.0, zeros="silences"),
    agent=Party("en-us+f1", 178, 55, 130, level_dbfs=-22.0, snr_db=27.0, zeros="silences"),
    lines=(
        agent("Thanks for calling Northgate Home, this is Julie!", 0.8),
        caller("Good afternoon. I wish to return an item. [400] The order number is eight, zero, five, five, one.", 0.5),
        agent("Okay, let me find that. [220] Is it the reading lamp?", 0.25),
        caller("Yes. [250] The shade measures twenty-eight centimetres, not thirty-two.", 0.55),
        agent("Mm-hm.", kind="backchannel", at=0.5),
        agent("Oh no, I'm sorry about that! Was it damaged at all?", 0.2),
        caller("It was not damaged. [350] It has been switched on once, for about two minutes.", 0.6),
        agent("Okay.", kind="backchannel", at=0.45),
        agent("Great. I'll email you a label, and you can drop it at any post office within", 0.15),
        caller("Within how many days, exactly?", kind="interruption", at=0.9),
        agent("Within thirty days, so until the end of next month.", 0.2),
        caller("Understood. [280] And the refund is paid to the same card?", 0.5),
        agent("That's right, the same card, and it takes about five days.", 0.18),
        caller("Thank you. [250] That answers my questions. Goodbye.", 0.6),
        agent("Thanks so much, bye!", 0.15),
    ),
)

_FAULT = Script(
    "fault",
    seed=105,
    style="brisk, loud and impatient, on a noisy line",
    caller=Party("en-us+m2", 205, 44, 140, level_dbfs=-10.0, snr_db=13.0),
    agent=Party("en-gb-x-gbclan+m6", 160, 42, 90, level_dbfs=-23.0, snr_db=30.0, zeros="both"),
    container="wav",
    lines=(
        agent("Broadband support, my name is Peter. How can I", 0.7),
        caller("Hi. My line has been down since yesterday. Third time this month!", kind="interruption", at=0.86),
        agent("I'm sorry about that. [300] First, could you tell me which lights are on?", 0.3),
        caller("Green, and the other one is red. I restarted it twice.", 0.05),
        agent("I understand. [260] I would still like to run a test from here, it usually takes around", 0.35),
        caller("How long? I have a meeting at ten.", kind="interruption", at=0.8),
        agent("Two minutes. [400] It has started now.", 0.25),
        caller("Okay.", kind="backchannel", at=0.4),
        caller("And what if that shows nothing, again?", 0.04),
        agent("Then I will book an engineer. [240] The first visit I have is tomorrow, between eight and", 0.5),
        caller("Not tomorrow. Today. I work from home!", kind="interruption", at=0.75),
        agent("Let me see. [500] There is one this afternoon, at two.", 0.3),
        caller("Two o'clock. Fine, book it. Thanks.", -0.1),
        agent("Done.", 0.25),
    ),
)

_ADDRESS = Script(
    "address",
    seed=106,
    style="friendly and unhurried",
    caller=Party("en-029+f5", 152, 50, 120, level_dbfs=-25.0, snr_db=26.0, zeros="both"),
    agent=Party("en-us+f4", 165, 58, 100, level_dbfs=-22.0, snr_db=35.0, zeros="silences"),
    lines=(
        agent("Lakeside Library, hello.", 0.8),
        caller("Hello there. [260] I've moved house, so I suppose you need my new address.", 0.4),
        agent("Yes, please. [150] What's the name?", 0.2),
        caller("Margaret Doyle. [300] D, o, y, l, e.", 0.35),
        agent("Got it. And where are you now?", 0.25),
        caller("Fourteen, Orchard Lane. [350] It's the little house by the mill, if you know it.", 0.4),
        agent("Oh yes.", kind="backchannel", at=0.75),
        agent("I do! My aunt lives just across the road.", -0.1),
        caller("Does she? [200] Well, isn't that nice. [400] Then I'll wave to her.", 0.2),
        agent("Please do. [220] Anything else?", 0.25),
        caller("Yes, could you keep that book for me, the one on roses, until Friday?", 0.45),
        agent("Right.", kind="backchannel", at=0.6),
        agent("It's on the shelf with your name on it.", 0.15),
        caller("You are kind. Goodbye now.", 0.3),
        agent("Bye, Margaret.", 0.12),
    ),
)

CALLS: tuple[Script, ...] = (_BOOKING, _BILL, _PARCEL, _RETURN, _FAULT, _ADDRESS)
"""The sample calls, in the order of the manifest."""
