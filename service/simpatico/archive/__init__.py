"""Features of an archive of recordings as one table: many files in parallel, resumable, a bad file reported and not fatal.

==========  ===================================================================================
recordings  which files: paths, directories, patterns
listing     which parts of them: a table of segments
work        one recording in, the rows of the table out
parts       what is measured already, beside the output, so that a killed run can go on
tables      the rows of all recordings as CSV or Parquet
run         puts these together
==========  ===================================================================================
"""

from simpatico.archive.listing import Failure, Task, tasks_of, tasks_with_segments
from simpatico.archive.recordings import Recording, find_left_out, find_recordings
from simpatico.archive.run import Outcome, Summary, run, written_by
from simpatico.archive.work import Measurement

__all__ = [
    "Failure",
    "Measurement",
    "Outcome",
    "Recording",
    "Summary",
    "Task",
    "find_left_out",
    "find_recordings",
    "run",
    "tasks_of",
    "tasks_with_segments",
    "written_by",
]
