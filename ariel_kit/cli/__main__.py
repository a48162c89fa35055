"""``python -m ariel_kit.cli`` is the command ``ariel-kit``."""

import sys

from ariel_kit.cli import main

if __name__ == "__main__":
    sys.exit(main())
