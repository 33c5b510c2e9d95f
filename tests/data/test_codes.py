"""No fault without a test of what the user sees."""

import re
from pathlib import Path

import bayes_nlmem.data

PACKAGE = Path(bayes_nlmem.data.__file__).parent
CODE = re.compile(r"\"([EW]_[A-Z0-9_]+)\"")


def codes(folder):
    return {code for file in folder.rglob("*.py") for code in CODE.findall(file.read_text(encoding="utf-8"))}


def test_every_code_is_tested():
    known = codes(PACKAGE)
    assert len({code for code in known if code.startswith("E_")}) >= 30
    assert known - codes(Path(__file__).parent) == set()
