"""The walk as array code for JAX against the compiled kernel: same numbers, same derivatives."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from bayes_nlmem.engine.amounts import solve_amounts  # noqa: E402
from bayes_nlmem.engine.jax_walk import plan_arrays, walk_arrays  # noqa: E402

NAMES = ("floats", "ints", "subjects", "sensitivities", "requests", "pairs")
INPUTS, INPUT_VALUES = ("F", "ALAG", "D", "R"), [0.8, 0.7, 3.3, 17.0]


@pytest.fixture(scope="module", autouse=True)
def double_precision():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def on_arrays(case):
    """Function of phi, and whether it can be computed without the kernel for these values."""
    plan = case.plan()
    arrays = plan_arrays(*(plan.tables[name] for name in NAMES))

    def otherwise(phi):
        return jax.numpy.full(plan.n_requests, 0.0 * phi.sum() - 1e99), jax.numpy.zeros(plan.n_subjects, int)

    return plan, lambda phi: walk_arrays(phi, arrays, n=plan.n, depot=plan.depot, otherwise=otherwise)


def errors(case):
    """Errors of values and of one contraction of the derivatives, relative to the largest of their kind."""
    plan, walk = on_arrays(case)
    amounts, sens, status = solve_amounts(case.phi, plan, sensitive=True)
    assert not status.any()
    weights = np.random.default_rng(0).uniform(0.5, 1.5, plan.n_requests)
    wanted, largest = np.zeros_like(case.phi), np.zeros_like(case.phi)
    np.add.at(wanted, plan.pairs[:, 1], weights[plan.pairs[:, 0], None] * sens)
    np.add.at(largest, plan.pairs[:, 1], weights[plan.pairs[:, 0], None] * np.abs(sens))

    @jax.jit
    def both(phi):
        found, back, status = jax.vjp(walk, phi, has_aux=True)
        return found, back(weights)[0], status

    found, slopes, status = both(case.phi)
    if found[0] == -1e99:
        return None
    assert not np.asarray(status).any()
    most = np.abs(amounts).max()
    return np.abs(found - amounts).max() / most, (
        np.abs(slopes - wanted) / np.maximum(largest, 1e-8 * most)
    ).max()


TABLE = {
    "TIME": [0, 1.3, 2.1, 5.7, 9.9, 14.2, 30.3, 60.0],
    "EVID": [1, 0, 1, 0, 1, 0, 0, 0],
    "AMT": [100, 0, 50, 0, 80, 0, 0, 0],
    "RATE": [0, 0, -1, 0, -2, 0, 0, 0],
    "CMT": [1, 0, 2, 0, 1, 0, 0, 0],
    "II": [8, 0, 6, 0, 0, 0, 0, 0],
    "ADDL": [2, 0, 0, 0, 0, 0, 0, 0],
}
STEADY = TABLE | {"SS": [1, 0, 2, 0, 0, 0, 0, 0]}
KINETIC = {
    "KA = k": (1, [0.2, 0.2]),
    "KA - k = 1e-9 k": (1, [0.2, 0.2 * (1 + 1e-9)]),
    "equal rates, weak exchange": (2, [0.1, 1e-6, 0.1 + 1e-7, 0.1]),
    "equal peripherals = KA": (3, [0.1, 0.2, 0.3, 0.4, 0.3, 0.3]),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (KINETIC[name][0] > 1)) for name in KINETIC],
)
def test_coinciding_rates_are_no_singularity(cases, name):
    n, kinetic = KINETIC[name]
    value, slope = errors(cases.make(n, True, TABLE, INPUTS, phi=[kinetic + INPUT_VALUES]))
    assert value < 1e-12
    assert slope < 1e-9


def test_parameters_that_change_while_doses_are_under_way(cases):
    table = {k: TABLE[k] for k in ("TIME", "EVID", "AMT", "II", "ADDL")} | {"RATE": [0, 0, 20, 0, 0, 0, 0, 0]}
    rows = [0, 0, 0, 1, 1, 1, 2, 2]
    case = cases.make(1, False, table, ("F", "ALAG"), rows=rows, rng=np.random.default_rng(4))
    value, slope = errors(case)
    assert value < 1e-12
    assert slope < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("rows", [[0] * 8, [0, 0, 0, 1, 1, 1, 2, 2]], ids=["one row", "three rows"])
def test_steady_states_overlapping_infusions_and_changing_parameters(cases, rows):
    rng = np.random.default_rng(4)
    case = cases.make(1, True, STEADY, INPUTS, rows=rows, rng=rng)
    case.phi[:, -1] = [50 / 13.0] if len(case.phi) == 1 else [50 / 13.0, 4.0, 5.0]  # lasts two intervals of 6
    value, slope = errors(case)
    assert value < 1e-12
    assert slope < 1e-9


def test_resets_and_an_infusion_without_end(cases):
    table = {
        "TIME": [0, 1, 3, 4, 5, 6, 9],
        "EVID": [1, 0, 4, 0, 3, 1, 0],
        "AMT": [90, 0, 60, 0, 0, 0, 0],
        "RATE": [30, 0, 0, 0, 0, 7, 0],
        "II": [4, 0, 12, 0, 0, 0, 0],
        "ADDL": [3, 0, 0, 0, 0, 0, 0],
        "SS": [0, 0, 0, 0, 0, 1, 0],
    }
    value, slope = errors(cases.make(2, False, table, ("F", "ALAG"), rng=np.random.default_rng(5)))
    assert value < 1e-12
    assert slope < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_any_event_table_gives_the_same_as_the_kernel(cases, seed):
    found = errors(cases.random(seed))
    if found is None:  # an infusion outlasts more intervals than are laid out: the kernel answers
        pytest.skip("answered by the kernel")
    assert found[0] < 1e-11
    assert found[1] < 1e-9


def test_a_subject_without_a_solution_spoils_no_other(cases):
    table = {"TIME": [0.0, 1.0, 2.0] * 3, "EVID": [1, 0, 0] * 3, "AMT": [100, 0, 0] * 3}
    for phi in ([np.nan, 1.0, 0.5], [-0.1, 1.0, 0.5], [0.1, 1.0, -0.5], [0.1, 1.0, np.inf]):
        phi = [[0.1, 1.0, 0.5], phi, [0.2, 1.0, 0.5]]
        start, rows = np.array([0, 3, 6, 9]), np.repeat([0, 1, 2], 3)
        case = cases.make(1, True, table, ("ALAG",), phi=phi, rows=rows, start=start)
        plan, walk = on_arrays(case)
        amounts, _, status = solve_amounts(case.phi, plan)
        found, code = jax.jit(walk)(case.phi)
        assert np.asarray(code).tolist() == status.tolist()
        np.testing.assert_allclose(found, amounts, rtol=1e-12)


def jaxified(plan):
    """Sum of the amounts as PyMC hands it to a JAX sampler, and its derivative."""
    import pytensor.tensor as pt
    from pymc.sampling.jax import get_jaxified_graph

    import bayes_nlmem.engine.on_jax  # noqa: F401
    from bayes_nlmem.engine.op import shared_tables, symbolic_amounts

    phi = pt.dmatrix()
    amounts, _ = symbolic_amounts(phi, plan, shared_tables(plan))
    total = get_jaxified_graph([phi], [amounts.sum()])
    return jax.jit(jax.value_and_grad(lambda phi: total(phi)[0]))


def test_the_op_calls_nothing_back(cases):
    """PyMC hands constants: then the compiled program has no callback, in values and derivatives."""
    table = {"TIME": [0, 5], "EVID": [1, 0], "AMT": [100, 0]}
    case = cases.make(1, False, table, phi=[[0.2]])
    assert "callback" not in jaxified(case.plan()).lower(case.phi).as_text()


def test_the_kernel_answers_where_a_modelled_infusion_lasts_many_intervals(cases):
    table = {"TIME": [0, 5], "EVID": [1, 0], "AMT": [100, 0], "RATE": [-1, 0], "II": [8, 0], "SS": [1, 0]}
    case = cases.make(1, False, table, ("R",), phi=[[0.1, 100 / 60.0]])  # 60 h every 8 h
    assert errors(case) is None
    plan = case.plan()
    amounts, sens, _ = solve_amounts(case.phi, plan, sensitive=True)
    value, slope = jaxified(plan)(case.phi)
    assert value == pytest.approx(amounts.sum(), rel=1e-12)
    np.testing.assert_allclose(slope[0], sens.sum(axis=0), rtol=1e-12)
