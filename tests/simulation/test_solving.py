"""bn.solve: what a user gets, and every reference value for linear systems."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

OWN = Path(__file__).parents[1] / "reference" / "solver"
STRUCTURES = {1: bn.OneCompartment, 2: bn.TwoCompartment, 3: bn.ThreeCompartment}

TABLE = pd.DataFrame(
    {
        "ID": [7, 7, 7, 3, 3],
        "TIME": [0.0, 1.0, 4.0, 0.0, 2.0],
        "AMT": [100, 0, 0, 50, 0],
        "EVID": [1, 0, 0, 1, 0],
    }
)
ORAL = bn.OneCompartment(absorption="first-order")


def scenario_errors(folder, scenario):
    """Largest |got - expected| / (rel_tol |expected| + abs_tol_frac_of_max max) over all outputs."""
    events = pd.read_csv(folder / f"{scenario['name']}_events.csv")
    expected = pd.read_csv(folder / f"{scenario['name']}_expected.csv")
    parameters = dict(scenario["params"])
    n = 1 + ("V2" in parameters) + ("V3" in parameters)
    structure = STRUCTURES[n](absorption="first-order" if "KA" in parameters else None)
    if scenario["params_vary_by_record"]:
        parameters |= {name: name for name in parameters if name in events}
    parameters |= {"F": "F", "ALAG": "ALAG", "D": "D_MOD", "R": "R_MOD"}
    got = bn.solve(structure, events, parameters)
    assert (got.TIME == expected.TIME).all()
    names = {"CP": "cp"} | {f"A{i}": f"A_{c}" for i, c in enumerate(structure.compartments, 1)}
    worst = 0.0
    for wanted, own in names.items():
        value = expected[wanted].to_numpy()
        tolerance = (
            scenario["rel_tol"] * np.abs(value) + scenario["abs_tol_frac_of_max"] * np.abs(value).max()
        )
        worst = max(worst, float(np.max(np.abs(got[own] - value) / np.maximum(tolerance, 1e-300))))
    return worst


def linear_scenarios(folder):
    return [
        s for s in json.loads((folder / "index.json").read_text())["scenarios"] if s["family"] == "linear"
    ]


@pytest.mark.parametrize("scenario", linear_scenarios(OWN), ids=lambda s: s["name"])
def test_scenarios_with_34_digits(scenario):
    assert scenario_errors(OWN, scenario) <= 1


def test_all_linear_scenarios(agree, shared_reference):
    folder = shared_reference / "solver"
    worst = {s["name"]: scenario_errors(folder, s) for s in linear_scenarios(folder)}
    assert len(worst) >= 50
    what = f"{len(worst)} event scenarios, linear: error in units of the tolerance 1e-9"
    agree(what, list(worst.values()), 0.0, source="34-digit solver", within=1.0)


@pytest.mark.parametrize(
    ("file", "printed"),
    [
        ("nmtest.csv", "CP_NONMEM743"),
        ("nmtests_dosing.csv", "CP_NONMEM751"),
        ("nmtests_time_varying.csv", "CP_NONMEM751"),
    ],
)
def test_nonmem(agree, shared_reference, file, printed):
    """NONMEM's own output to its five digits, and the same scenarios in high precision."""
    folder = shared_reference / "solver_nonmem"
    if not (folder / file).is_file():
        pytest.skip(f"no {folder / file}")
    table = pd.read_csv(folder / file)
    table.columns = [name.upper() for name in table.columns]
    clearance = 1.1 * (table.WT.to_numpy() / 70) ** 0.75 if "WT" in table else 1.1
    parameters = {
        "CL": clearance, "V": 20, "KA": 1.5, "F_central": "BIOAV", "ALAG_central": "LAGT",
        "R_central": "RAT2", "D_central": "DUR2",
    }  # fmt: skip
    got = 1000 * bn.solve(ORAL, table, parameters).cp.to_numpy()
    floor = 1e-10 * table.CP_HIGH_PRECISION.max()
    for column, tolerance in ((printed, 5e-5), ("CP_HIGH_PRECISION", 1e-9)):
        usable = table[column].notna().to_numpy(copy=True)
        if column == "CP_NONMEM743":  # where ALAG > II in steady state NONMEM goes back in time, below zero
            index = json.loads((folder / "index.json").read_text())["scenarios"]
            wrong = [s["id"] for s in index if not s["use_nonmem_column"]]
            usable &= ~table.ID.isin(wrong).to_numpy()
        wanted = table[column].to_numpy()[usable]
        found, source = got[usable], "NONMEM" if column == printed else "34-digit solver"
        near = np.abs(wanted) <= floor
        assert_allclose(found[near], wanted[near], atol=floor)
        what = f"{file.removesuffix('.csv')}: {len(wanted)} concentrations"
        agree(what, found[~near], wanted[~near], source=source, within=tolerance, relative=True)


def test_one_row_per_record_in_the_order_of_the_table():
    got = bn.solve(ORAL, TABLE, {"CL": 2, "V": 20, "KA": 1})
    assert list(got) == ["ID", "TIME", "cp", "A_depot", "A_central"]
    assert got.ID.tolist() == [7, 7, 7, 3, 3]
    assert got.TIME.tolist() == TABLE.TIME.tolist()
    assert_allclose(got.cp * 20, got.A_central)


def test_a_dataset_and_a_frame_give_the_same():
    data = bn.read(TABLE, observations_required=False)
    parameters = {"CL": 2, "V": 20, "KA": 1}
    pd.testing.assert_frame_equal(bn.solve(ORAL, data, parameters), bn.solve(ORAL, TABLE, parameters))


def test_parameters_by_subject_by_record_and_by_column():
    by_subject = bn.solve(ORAL, TABLE, {"CL": [2, 3], "V": 20, "KA": 1})
    by_record = bn.solve(ORAL, TABLE, {"CL": [2, 2, 2, 3, 3], "V": np.array([20, 20]), "KA": 1})
    by_column = bn.solve(
        ORAL, TABLE.assign(CLI=[2, 2, 2, 3, 3]), {"CL": "CLI", "V": 20, "KA": pd.Series([1, 1])}
    )
    pd.testing.assert_frame_equal(by_subject, by_record)
    pd.testing.assert_frame_equal(by_subject, by_column)


def test_the_value_of_a_record_governs_the_time_before_it():
    table = pd.DataFrame({"ID": 1, "TIME": [0.0, 1.0, 3.0], "AMT": [100, 0, 0]})
    got = bn.solve(bn.OneCompartment(), table, {"CL": [9.0, 1.0, 2.0], "V": 10.0})
    assert_allclose(got.cp, 10 * np.exp([0, -0.1, -0.5]))


def test_usual_names_are_understood():
    got = bn.solve(bn.TwoCompartment(), TABLE, {"CL": 2, "VC": 20, "Q2": 3, "VP": 30})
    pd.testing.assert_frame_equal(
        got, bn.solve(bn.TwoCompartment(), TABLE, {"CL": 2, "V1": 20, "Q": 3, "V2": 30})
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"CL": 2, "V": 20}, "no KA"),
        ({"CL": 2, "V": 20, "KA": 1, "VMAX": 3}, "CL, V, KA; optional: F, F_depot.*'VMAX'"),
        (
            {"CL": [1, 2, 3], "V": 20, "KA": 1},
            r"CL to be a number, 2 values \(one per subject\) or 5 \(one per record\)",
        ),
        ({"CL": "CLI", "V": 20, "KA": 1}, "CL to name a column of the table.*'CLI'"),
        ({"CL": "SEX", "V": 20, "KA": 1}, "numbers for CL in column 'SEX', got 'F' in row 1"),
        ({"CL": 2, "V": 20, "V1": 20, "KA": 1}, "V once"),
        ({"CL": 2, "V": 20, "KA": object()}, "numbers for KA"),
    ],
)
def test_what_is_wrong_with_the_parameters_is_said(parameters, message):
    with pytest.raises(bn.ModelError, match=message):
        bn.solve(ORAL, TABLE.assign(SEX=["F", "F", "F", "M", "M"]), parameters)


def test_unknown_compartments_are_refused():
    with pytest.raises(bn.DataError, match="E_CMT_UNKNOWN"):
        bn.solve(bn.OneCompartment(), TABLE.assign(CMT=2), {"CL": 2, "V": 20})


def test_no_solution_is_nan_and_a_warning_with_the_subject():
    with pytest.warns(RuntimeWarning, match="NaN for subject 3: a .*not finite"):
        got = bn.solve(ORAL, TABLE, {"CL": [2, np.nan], "V": 20, "KA": 1})
    assert got.cp.isna().tolist() == [False] * 3 + [True] * 2
