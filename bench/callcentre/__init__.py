"""A made-up call centre with known truth: callers with styles, agents with hidden ways, arrivals, handling times, a queue.

``world`` draws it, ``floor`` runs it call by call under a policy (many runs side by side), ``policies`` decide, ``studies`` measure.
"""
