"""`python -m deltarule` is the command `deltarule`."""

from .cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
