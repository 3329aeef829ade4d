"""``python -m tests.model [--examples N]``: random worlds in which the engine must keep its promises, and what happened in them."""

from __future__ import annotations

import argparse
import sys
import time

from tests.model.trying import tried


def main() -> int:
    """Try them and print the figures. A promise that is broken is an error, with the shortest way to it."""
    parser = argparse.ArgumentParser(prog="python -m tests.model")
    parser.add_argument("--examples", type=int, default=300, help="how many worlds")
    began = time.monotonic()
    count = tried(parser.parse_args().examples)
    sys.stdout.write("".join(f"{figure:>8} {what}\n" for what, figure in count.items()))
    sys.stdout.write(f"Every promise was kept. {time.monotonic() - began:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
