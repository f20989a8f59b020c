"""What is drawn before anybody is routed: agents, callers, calls. Shapes: S runs, N calls, A agents.

The truth is not the model's. The chance that a call goes well has a hump where agent and caller suit each other (like with like on
responsiveness, opposites on assertiveness), not a slope; it is clipped; outcomes are yes or no and a rating in whole points from few
callers; days have good and bad hours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Calls", "Centre", "Settings", "draw_calls", "draw_centre", "qualities"]

Float = NDArray[np.float64]
HUMP_MEAN = 0.5
"""Mean of exp(-d**2 / 4) for styles and ways drawn from N(0, 1): (1 / sqrt(2))**2."""


@dataclass(frozen=True)
class Settings:
    """A call centre. Effects are in units of the chance that a call goes well.

    ``live_sd`` is how uncertain style is after this call's speech (1: nothing heard); ``stability`` the correlation of style between
    calls of one caller; ``objecting`` the share of callers who object.
    """

    agents: int = 12
    reasons: int = 4
    style_effect: float = 0.35
    agent_sd: float = 0.05
    skill_gap: float = 0.12
    skilled: float = 0.7
    occupancy: float = 0.72
    handle_s: float = 360.0
    handle_spread: float = 0.5
    live_sd: float = 0.8
    stability: float = 0.7
    callers: int = 300
    hour_sd: float = 0.03
    rated: float = 0.3
    objecting: float = 0.0


@dataclass(frozen=True)
class Centre:
    """The agents of S runs: ``level`` [S, A], ``way`` [S, A, 2] (assertiveness, responsiveness), ``skills`` bool [S, A, R], ``reason``
    [S, R]."""

    settings: Settings
    level: Float
    way: Float
    skills: NDArray[np.bool_]
    reason: Float


@dataclass(frozen=True)
class Calls:
    """The calls of S runs, in order of arrival; everything by chance is drawn here, so that policies are compared on the same luck."""

    arrival_s: Float  # [S, N]
    reason: NDArray[np.intp]  # [S, N]
    style: Float  # [S, N, 2]
    live: Float  # [S, N, 2] mean, under the population's prior
    profile: Float  # [S, N, 2] mean
    profile_sd: Float  # [S, N]; 1 for a caller's first call
    bad_hour: Float  # [S, N]
    luck: Float  # [S, N] uniform, for whether it went well
    rating: Float  # [S, N] normal, for the rating
    rated: NDArray[np.bool_]
    length: Float  # [S, N] normal, for the handling time
    objected: NDArray[np.bool_]


def draw_centre(settings: Settings, runs: int, seed: int, *, alike: bool = False) -> Centre:
    """Draw the agents of ``runs`` runs; ``alike`` gives all runs the same agents."""
    rng = np.random.default_rng((seed, 1))
    shape = (1 if alike else runs, settings.agents)
    skills = rng.random((*shape, settings.reasons)) < settings.skilled
    centre = Centre(
        settings,
        rng.normal(size=shape) * settings.agent_sd,
        rng.normal(size=(*shape, 2)),
        skills,
        rng.normal(size=(shape[0], settings.reasons)) * 0.05,
    )
    if not alike:
        return centre
    level, way, skills, reason = (np.repeat(part, runs, axis=0) for part in (centre.level, centre.way, centre.skills, centre.reason))
    return Centre(settings, level, way, skills, reason)


def draw_calls(settings: Settings, runs: int, count: int, seed: int) -> Calls:
    """Draw the calls of ``runs`` runs."""
    rng = np.random.default_rng((seed, 2))
    shape = (runs, count)
    rate_hz = settings.agents * settings.occupancy / (settings.handle_s * np.exp(settings.handle_spread**2 / 2))
    arrival = np.cumsum(rng.exponential(1.0 / rate_hz, shape), axis=1)
    caller = rng.integers(settings.callers, size=shape)
    person = rng.normal(size=(runs, settings.callers, 2))
    share = settings.stability
    style = share * np.take_along_axis(person, caller[..., None], axis=1) + np.sqrt(1 - share**2) * rng.normal(size=(*shape, 2))
    heard_variance = settings.live_sd**2 / (1 - settings.live_sd**2)  # of the noise that leaves a posterior of live_sd
    heard = style + np.sqrt(heard_variance) * rng.normal(size=style.shape)
    profile, profile_sd = _profiles(settings, caller, heard, heard_variance)
    hours = rng.normal(size=(runs, int(arrival.max() // 3600) + 1)) * settings.hour_sd
    return Calls(
        arrival,
        rng.integers(settings.reasons, size=shape),
        style,
        heard * (1 - settings.live_sd**2),
        profile,
        profile_sd,
        np.take_along_axis(hours, (arrival // 3600).astype(np.intp), axis=1),
        rng.random(shape),
        rng.normal(size=shape),
        rng.random(shape) < settings.rated,
        rng.normal(size=shape),
        np.take_along_axis(rng.random((runs, settings.callers)) < settings.objecting, caller, axis=1),
    )


def _profiles(settings: Settings, caller: NDArray[np.intp], heard: Float, heard_variance: float) -> tuple[Float, Float]:
    """What a caller's earlier calls say of this one: mean [S, N, 2] and sd [S, N]."""
    runs, count = caller.shape
    precision, shift = np.ones((runs, settings.callers)), np.zeros((runs, settings.callers, 2))
    mean, sd = np.zeros(heard.shape), np.ones(caller.shape)
    share, rows = settings.stability, np.arange(runs)
    noise = (1 - share**2 + heard_variance) / share**2  # of one call's evidence about the person
    for i in range(count):
        who = caller[:, i]
        p = precision[rows, who]
        mean[:, i] = share * shift[rows, who] / p[:, None]
        sd[:, i] = np.sqrt(share**2 / p + 1 - share**2)
        precision[rows, who] += 1 / noise
        shift[rows, who] += heard[:, i] / share / noise
    return mean, sd


def qualities(centre: Centre, calls: Calls, i: int) -> Float:
    """True chance that call ``i`` goes well with each agent, float64 [S, A]: what no policy but the oracle knows."""
    settings, rows = centre.settings, np.arange(centre.level.shape[0])
    style, reason = calls.style[:, i], calls.reason[:, i]
    apart = (style[:, None, 0] + centre.way[:, :, 0]) ** 2 + (style[:, None, 1] - centre.way[:, :, 1]) ** 2
    suits = settings.style_effect * (np.exp(-apart / 4) - HUMP_MEAN)
    gap = settings.skill_gap * ~centre.skills[rows, :, reason]
    chance = 0.62 + centre.level + suits - gap + (centre.reason[rows, reason] + calls.bad_hour[:, i])[:, None]
    clipped: Float = np.clip(chance, 0.02, 0.98)
    return clipped
