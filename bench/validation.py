"""How well the signals recover known truth: prints the tables, and writes docs/validation.md.

python -m bench.validation                 about five minutes on one core; the figures of the docs
python -m bench.validation --scale 0.1     a tenth of the runs, printed only
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from bench.studies.influence import influence_tables
from bench.studies.table import Table, markdown
