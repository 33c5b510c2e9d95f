"""Compartments of the table are compared with those of the structure."""

import io
from types import SimpleNamespace

import bayes_nlmem as bn
from bayes_nlmem.data.compartment_names import check_compartments

ORAL = SimpleNamespace(compartments=("depot", "central"))


def read(dose, observation):
    return bn.read(io.StringIO(f"ID,TIME,AMT,CMT,DV\n5,0,100,{dose},.\n5,1,0,{observation},4\n"))


def test_numbers_and_names_that_exist_are_fine():
    for pair in [(1, 2), (0, 0), (".", "."), ("depot", "central"), ("depot", ".")]:
        assert check_compartments(read(*pair), ORAL) == ()


def test_unknown_numbers_list_the_valid_ones():
    (fault,) = check_compartments(read(3, 2), ORAL)
    assert fault.code == "E_CMT_UNKNOWN" and fault.rows == (1,) and fault.subjects == (5,)
    assert "1 = depot, 2 = central" in fault.message and "got 3" in fault.message


def test_unknown_names_suggest_a_near_one():
    (fault,) = check_compartments(read("depo", "central"), ORAL)
    assert "Did you mean 'depot'?" in fault.remedy and "'depo'" in fault.message


def test_observations_may_be_left_to_the_endpoints():
    assert check_compartments(read(1, 3), ORAL)[0].rows == (2,)
    assert check_compartments(read(1, 3), ORAL, observations=False) == ()
