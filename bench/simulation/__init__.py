"""Simulated conversations with known truth: what tests and benches check estimators against.

:mod:`bench.simulation.timing` makes who speaks when (the two-party influence model, independent talkers), :mod:`bench.simulation.prosody`
how they sound (entrainment between turns, evenness of a voice), :mod:`bench.simulation.build` turns both into the types that cross the
layers. All randomness comes from a ``numpy.random.Generator`` passed in.
"""
