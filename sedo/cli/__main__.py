"""`python -m sedo.cli`: the command without an installation."""

from sedo.cli.app import main

main()
