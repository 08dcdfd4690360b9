"""The command `omnipipe`, also as `python -m omnipipe`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit."""
    try:
        from omnipipe.cli.main import main as run

        run()
    except KeyboardInterrupt:
        # Before the command could begin; from there on the command line says more.
        sys.exit(130)


if __name__ == "__main__":
    main()
