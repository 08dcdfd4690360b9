"""`python -m omnipipe` is the command `omnipipe`."""

from omnipipe.cli.main import main

if __name__ == "__main__":
    main()
