"""``python -m firedoor`` is the ``firedoor`` command."""

from firedoor.cli import main

main()
