"""Remedies in the words of the command line: what says `decimal=','` in Python says `--decimal ,` here."""

from __future__ import annotations

import re

# Messages are wrapped, so that a blank may be the end of a line.
_WORDS = (
    (r"bn\.read\(\.\.\.,\s+covariates=\[['\"](\w+)['\"]\]\)", r"--covariates \1"),
    (r"(allow|categorical|covariates)=\[['\"](\w+)['\"]\]", r"--\1 \2"),
    (r"columns=\{['\"](\w+)['\"]:\s+['\"](\w+)['\"]\}", r"--columns \1=\2"),
    (r"columns=\{['\"](\w+)['\"]:\s+(?:'\.\.\.'|\.\.\.)\}", r"--columns \1=NAME"),
    (r"lloq=\{(\w+):\s+([\w.]+)(?:,\s+\.\.\.)?\}", r"--lloq \1=\2"),
    (r"\b(decimal|comment)=['\"](.)['\"]", r"--\1 '\2'"),
    (r"\b(lloq|delimiter|comment|decimal)=(?:(\.\.\.)|(?=[\d,.\s]))", r"--\1 "),
    (r"accepted by allow=", "accepted by --allow"),
)


def as_options(text: str) -> str:
    """A message in which arguments of Python are options of the command line.

    Examples
    --------
    >>> as_options("Say which column it is: columns={'TIME': '...'}.")
    'Say which column it is: --columns TIME=NAME.'
    >>> as_options("accept it: allow=['E_SUBJECT_NO_DOSE'].")
    'accept it: --allow E_SUBJECT_NO_DOSE.'
    >>> as_options("pass lloq= or use CENS"), as_options("Pass decimal=','.")
    ('pass --lloq or use CENS', "Pass --decimal ','.")
    """
    for pattern, option in _WORDS:
        text = re.sub(pattern, option, text)
    return re.sub(r"(--\w+) +(?=[ .,;)])", r"\1", text)
