"""Effects of subjects as tables, and as one flat vector."""

from types import SimpleNamespace

import numpy as np
from numpy.testing import assert_array_equal

from bayes_nlmem.marginal.effect_slots import gathered, scattered, slot_table

LAYOUT = SimpleNamespace(subjects=("a", "b", "c"), occasion_subject=np.array([0, 0, 1, 2, 2]))


def test_effects_of_subjects_stand_before_those_of_their_occasions():
    slots = slot_table({"eta": (3, 2), "kappa": (5, 1)}, LAYOUT)
    assert_array_equal(slots, [[0, 1, 6, 7], [2, 3, 8, -1], [4, 5, 9, 10]])


def test_models_without_effects_have_no_slots():
    assert slot_table({}, LAYOUT).shape == (3, 0)


def test_scattering_is_the_inverse_of_gathering():
    slots = slot_table({"eta": (3, 2), "kappa": (5, 1)}, LAYOUT)
    flat = np.arange(1.0, 12.0)
    table = gathered(flat, slots)
    assert table[1, 3] == 0  # the second subject has one occasion
    assert_array_equal(scattered(table, slots, 11), flat)
    assert_array_equal(scattered(np.stack([table, 2 * table]), slots, 11), [flat, 2 * flat])
