"""The whitening of a subject with its occasions: against dense linear algebra and finite differences."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from numpy.testing import assert_allclose

from bayes_nlmem.learning.whitened_effects import whitened_effects
from bayes_nlmem.learning.whitening_kernel import run_forward


@pytest.fixture(scope="module")
def case():
    """Three subjects, two effects, two more on each of up to three occasions; subject 2 has one occasion."""
    rng = np.random.default_rng(1)
    n, m, occasions, subjects = 2, 2, 3, 3
    d = n + m * occasions
    slots = np.full((subjects, d), -1)
    place = subjects * n
    for s in range(subjects):
        for k in range(m * (1 if s == 2 else occasions)):
            slots[s, k] = place
            place += 1
        slots[s, d - n :] = s * n + np.arange(n)
    information = np.zeros((subjects, d, d))
    for s in range(subjects):
        for k in range(occasions):  # every occasion tells of its own effects and of the subject's
            at = np.r_[k * m : (k + 1) * m, d - n : d]
            half = rng.normal(size=(len(at), len(at)))
            information[s][np.ix_(at, at)] += half @ half.T
        absent = slots[s] < 0
        information[s][absent, :] = information[s][:, absent] = 0.0
    slope, constant = rng.normal(size=(subjects, d, 3)), rng.normal(size=(subjects, d))
    factors = [np.array([[0.4, 0.0], [0.1, 0.3]]), np.array([[0.2, 0.0], [0.05, 0.25]])]
    values = [rng.normal(size=place), rng.normal(size=(subjects, 3)), *factors]
    return values, [information, constant, slope, slots]


@pytest.fixture(scope="module")
def function(case):
    kinds = [pt.dvector(), pt.dmatrix(), pt.dmatrix(), pt.dmatrix()]
    effects, log_determinant, *_ = whitened_effects(*kinds, *case[1])
    weights = np.random.default_rng(2).normal(size=len(case[0][0]))
    total = (weights * pt.sin(effects)).sum() + 0.7 * log_determinant
    return pytensor.function(kinds, [effects, log_determinant, total, *pytensor.grad(total, kinds)])


def test_effects_and_determinant_are_those_of_dense_algebra(case, function):
    (u, mu, one, two), (information, constant, slope, slots) = case
    effects, log_determinant, *_ = function(u, mu, one, two)
    expected = 0.0
    for s in range(len(slots)):
        here = slots[s] >= 0
        prior = np.zeros((len(here), len(here)))
        for k in range(3):
            prior[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = np.linalg.inv(two @ two.T)
        prior[6:, 6:] = np.linalg.inv(one @ one.T)
        a = (information[s] + prior)[np.ix_(here, here)]
        lower = np.linalg.cholesky(a)
        right = (constant[s] - slope[s] @ mu[s])[here]
        b = np.linalg.solve(a, right) + np.linalg.solve(lower.T, u[slots[s][here]])
        assert_allclose(effects[slots[s][here]], b, rtol=1e-10)
        expected -= np.log(np.diag(lower)).sum()
    assert_allclose(log_determinant, expected, rtol=1e-12)


@pytest.mark.parametrize("which", range(4))
def test_derivatives_are_those_of_differences(case, function, which):
    values = case[0]
    found = function(*values)[3 + which]
    step, shape = 1e-6, values[which].shape
    for index in np.ndindex(shape):
        if which >= 2 and index[1] > index[0]:
            continue  # above the diagonal of a lower factor
        totals = []
        for sign in (1.0, -1.0):
            moved = [value.copy() for value in values]
            moved[which][index] += sign * step
            totals.append(function(*moved)[2])
        assert_allclose(found[index], (totals[0] - totals[1]) / (2 * step), rtol=2e-5, atol=1e-7)


def many(subjects):
    """More subjects than a block holds, with a row of typical values that all share."""
    rng = np.random.default_rng(3)
    half = rng.normal(size=(subjects, 2, 2))
    information = np.einsum("sij,skj->sik", half, half)
    constant, slope = rng.normal(size=(subjects, 2)), rng.normal(size=(subjects, 2, 3))
    factors = [np.array([[0.4, 0.0], [0.1, 0.3]]), np.zeros((0, 0))]
    values = [rng.normal(size=2 * subjects), rng.normal(size=(1, 3)), *factors]
    return values, [information, constant, slope, np.arange(2 * subjects).reshape(subjects, 2)]


@pytest.mark.parametrize("mode", ["NUMBA", "FAST_COMPILE"])
def test_a_row_that_all_share_is_a_row_for_each(mode):
    values, data = many(150)
    u, one, two = pt.dvector(), pt.dmatrix(), pt.dmatrix()
    of_all, of_each = pt.dmatrix(), pt.dmatrix()
    found = []
    for mu in (of_all, of_each):
        effects, log_determinant, *_ = whitened_effects(u, mu, one, two, *data)
        total = pt.sin(effects).sum() + 0.7 * log_determinant
        gradients = pytensor.grad(total, [u, mu, one], disconnected_inputs="ignore")
        found.append([effects, log_determinant, *gradients])
    function = pytensor.function([u, of_all, of_each, one, two], [*found[0], *found[1]], mode=mode)
    row = values[1]
    results = function(values[0], row, np.repeat(row, 150, axis=0), *values[2:])
    shared, repeated = results[:5], results[5:]
    repeated[3] = repeated[3].sum(axis=0, keepdims=True)
    for one_row, rows in zip(shared, repeated, strict=True):
        assert_allclose(one_row, rows, rtol=1e-10)


def test_subjects_of_several_blocks_are_whitened_each_by_itself():
    (u, mu, one, two), (information, constant, slope, slots) = many(150)
    effects, log_determinant, *_ = run_forward([u, mu, one, two, information, constant, slope, slots])
    a = information + np.linalg.inv(one @ one.T)
    lower = np.linalg.cholesky(a)
    b = np.linalg.solve(a, (constant - slope @ mu[0])[..., None])
    b = b + np.linalg.solve(lower.transpose(0, 2, 1), u.reshape(150, 2, 1))
    assert_allclose(effects, b.ravel(), rtol=1e-9)
    assert_allclose(log_determinant, -np.log(np.linalg.det(lower)).sum(), rtol=1e-10)
