"""`python -m bayes_nlmem`: the command line."""

from bayes_nlmem.cli.app import main

if __name__ == "__main__":
    main()
