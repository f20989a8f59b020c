"""The memory: callers with their consent, agents, decisions, outcomes, experiments, the audit log. SQL lives here and nowhere else.

Pure parts, without SQL: :mod:`~simpatico.profiles.keys` (pseudonyms), :mod:`~simpatico.profiles.chain` (the audit log's hash chain),
:mod:`~simpatico.profiles.habits`, :mod:`~simpatico.profiles.fusion` (style over calls). ``docs/callers.md`` and ``docs/database.md``
explain.
"""
