"""Numbers are written as a reader wants them."""

import pytest

from bayes_nlmem.reports.wording import counted, listed, significant, whole


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (2.7834, "2.78"),
        (9.999, "10.0"),
        (31.64, "31.6"),
        (1234.5, "1234"),
        (0.0012345, "0.00123"),
        (0, "0.00"),
        (-0.5, "−0.500"),
        (1.5e9, "1.50e+09"),
        (float("nan"), "–"),
        (float("inf"), "∞"),
    ],
)
def test_three_significant_digits(value, written):
    assert significant(value) == written


def test_whole_numbers_and_missing_ones():
    assert (whole(12.6), whole(-3.2), whole(float("nan"))) == ("13", "−3", "")


def test_lists_and_counts():
    assert listed([]) == "" and listed(["KA"]) == "KA" and listed(["KA", "CL", "V"]) == "KA, CL and V"
    assert counted(1, "dose") == "1 dose" and counted(0, "dose") == "0 doses"
