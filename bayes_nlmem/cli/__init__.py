"""The command line `bayes-nlmem`: the same functions as in Python, on files and folders."""
