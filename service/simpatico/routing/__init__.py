"""Routing: which of the free agents suits this caller, learned from outcomes.

Pure: no I/O, no clock, no database, no protobuf; seeds and times are passed in, and the same inputs give the same answer.
``docs/routing.md`` explains the model and how its figures are checked.
"""
