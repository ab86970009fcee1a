"""`python -m aural.cli` is `aural`."""

from . import main

main()
