"""`python -m omni_api`: the terminal program, under the name that needs no PATH."""

import sys

from omni_api.cli import main

if __name__ == "__main__":
    sys.exit(main())
