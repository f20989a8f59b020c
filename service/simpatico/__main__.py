"""``python -m simpatico`` is the command ``simpatico``."""

from simpatico.cli import main

main()
