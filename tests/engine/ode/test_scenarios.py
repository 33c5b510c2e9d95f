"""All non-linear reference scenarios by both solvers at default tolerances; gradients by differences."""

import numpy as np
import pytest

from bayes_nlmem.engine.ode.kernel import solve_equations
from bayes_nlmem.engine.ode.tolerances import Tolerances

NAMES = (
    "mm1_bolus_single", "mm1_infusion_multiple", "mm1_bolus_ss", "mm1_oral_multiple_lag", "mm1_oral_ss",
    "mm2_inf_ss_long", "idr_inhib_kin", "idr_inhib_kout", "idr_stim_kin", "idr_reset_to_baseline",
    "friberg_neutropenia", "effect_compartment", "transit3_oral", "tmdd_full_bolus",
)  # fmt: skip


def prepare(scenario, models, name, solver="explicit"):
    entry, events, expected = scenario(name)
    structure = models.structure_of(entry["family"], solver=solver)
    values = dict(entry["params"])
    values = {k: values.get(k, 0.0) for k in structure.parameters}
    doses = events[events.EVID.isin([1, 4])].iloc[0]
    for column, letter in (("F", "F"), ("ALAG", "ALAG"), ("D_MOD", "D"), ("R_MOD", "R")):
        if np.isfinite(doses[column]) and doses[column] != {"F": 1, "ALAG": 0}.get(column):
            values[letter] = doses[column]
    records = models.records_of(events)
    plan = structure.plan(records, models.all_amounts(structure, records), tuple(values))
    phi = np.array([[values[c] for c in plan.columns]])
    reference = expected[[f"A{i + 1}" for i in range(len(structure.compartments))]].to_numpy()
    return structure, plan, phi, reference, records


def arrivals(records, lag):
    dose = np.flatnonzero(np.isin(records.evid, (1, 4)))
    return np.concatenate(
        [records.time[r] + lag + records.ii[r] * np.arange(records.addl[r] + 1) for r in dose]
    )


@pytest.mark.parametrize("solver", ["explicit", "stiff"])
@pytest.mark.parametrize("name", NAMES)
def test_amounts_agree_with_the_reference(scenario, models, name, solver):
    structure, plan, phi, reference, _ = prepare(scenario, models, name, solver)
    values, _, status, _ = solve_equations(phi, plan, structure.tolerances, solver=solver)
    assert status.tolist() == [0]
    values = values.reshape(reference.shape)
    error = np.abs(values - reference) / (np.abs(reference) + 1e-3 * np.abs(reference).max(axis=0))
    assert error.max() < 1e-6


@pytest.mark.parametrize("solver", ["explicit", "stiff"])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_agree_with_differences(scenario, models, name, solver):
    structure, plan, phi, _, records = prepare(scenario, models, name, solver)
    values, sens, _, _ = solve_equations(phi, plan, structure.tolerances, sensitive=True, solver=solver)
    base = values.reshape(-1, len(structure.compartments))
    tight = Tolerances(relative=1e-13)  # the noise of the differences must stay below their floor
    for j in range(phi.shape[1]):
        step = np.zeros_like(phi)
        step[0, j] = 1e-3 * (abs(phi[0, j]) or 1.0)
        if plan.columns[j] == "IMAX":
            step[0, j] *= 0.1
        values = [solve_equations(phi + k * step, plan, tight, solver=solver)[0] for k in (-2, -1, 1, 2)]
        slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step[0, j])
        found = sens[:, j].reshape(-1, len(structure.compartments))
        slope = slope.reshape(found.shape)
        if plan.columns[j] == "ALAG":  # the amount jumps at a record that coincides with an arrival
            jumps = np.isclose(arrivals(records, phi[0, j])[:, None], records.time).any(axis=0)
            found, slope = found[~jumps], slope[~jumps]
        smallest = 1e-2 * np.abs(slope).max(axis=0) + 1e-4 * np.abs(base).max(axis=0) / (
            abs(phi[0, j]) or 1.0
        )
        error = np.abs(found - slope) / (np.abs(slope) + smallest + 1e-300)
        assert error.max() < 1e-5, (plan.columns[j], error.max(axis=0))


@pytest.mark.slow
@pytest.mark.parametrize("solver", ["explicit", "stiff"])
@pytest.mark.parametrize("name", NAMES)
def test_relative_precision_of_small_amounts_and_derivatives(scenario, models, name, solver):
    """To 1e-6 and 1e-5 of themselves, down to a millionth of the largest."""
    structure, plan, phi, reference, _ = prepare(scenario, models, name, solver)
    values, sens, _, _ = solve_equations(phi, plan, structure.tolerances, sensitive=True, solver=solver)
    tight = Tolerances(1e-12, absolute=1e-9)
    exact, exact_sens, _, _ = solve_equations(phi, plan, tight, sensitive=True, solver="stiff")
    n = reference.shape[1]
    values, exact = values.reshape(-1, n), exact.reshape(-1, n)
    sens, exact_sens = (x.reshape(*exact.shape, -1) for x in (sens, exact_sens))
    large = np.abs(exact) > 1e-6 * np.abs(exact).max(axis=0)
    assert np.abs(values / np.where(large, exact, 1) - 1)[large].max() < 1e-6
    largest = np.abs(exact_sens).max(axis=0)
    large = (np.abs(exact_sens) > 1e-6 * largest) & (largest * phi[0] > 1e-10)
    if name == "friberg_neutropenia":  # some parameters hardly matter: derivatives of a share of the amount
        large &= np.abs(exact_sens) * phi[0] > 0.03 * np.abs(exact).max(axis=0)[:, None]
    assert np.abs(sens / np.where(large, exact_sens, 1) - 1)[large].max() < 1e-5
    size = np.maximum(largest, 0.03 * np.abs(exact).max(axis=0)[:, None] / phi[0])
    assert (np.abs(sens - exact_sens) <= 1e-5 * size).all()
