"""Monolix 5.1.1's checks of its theophylline fit (monolix2rx, MIT), simulated again from its estimates.

What its exported files hold had to be found out, since two headings mislead:

* `theophylline_vpc_CONC_percentiles.csv` has lost the first nine of its thirteen columns while the headings
  of the first four stayed. What is called bins_middles, empirical_median, empirical_lower, empirical_upper is
  the upper limit of the simulated 10th percentile, and median, lower and upper limit of the simulated 90th
  (limits of 90 %). Quantiles are of type 5 (Hazen; MATLAB's): type 7 is 14 % off where a bin holds 12 values.
* its pwRes and npde are not decorrelated: they are (y - E) / SD and npd of each observation alone.
"""

import json

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn

REPLICATES = 1000


@pytest.fixture
def folder(shared_reference):
    return shared_reference / "monolix"


@pytest.fixture
def seen(folder):
    return pd.read_csv(folder / "theophylline_predictions.csv")


@pytest.fixture
def simulated(folder, seen):
    """Replicates at Monolix' estimates, doses in mg/kg as it had them, combined1 error."""
    population = json.loads((folder / "theophylline.json").read_text())["population"]
    at = {one["parameter"]: one["value"] for one in population}
    data = bn.zoo.load("theophylline").data
    baseline = data.table.assign(WT=data.covariate("WT")).query("AMT > 0").set_index("ID")
    doses = pd.DataFrame({"ID": seen["id"].unique(), "TIME": 0.0, "EVID": 1})
    doses["AMT"] = (baseline["AMT"] / baseline["WT"]).round(2).loc[doses["ID"]].to_numpy()
    records = seen[["id", "time", "CONC"]].set_axis(["ID", "TIME", "DV"], axis=1).assign(EVID=0, AMT=0.0)
    table = pd.concat([doses, records]).sort_values(["ID", "TIME"], kind="stable")
    model = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            ours: bn.Parameter(at[f"{theirs}_pop"], iiv=at[f"omega_{theirs}"])
            for ours, theirs in {"KA": "ka", "CL": "Cl", "V": "V"}.items()
        },
        residuals={"cp": bn.Combined(at["a"], at["b"], add="standard deviations")},
    )
    return bn.simulate(model, bn.read(table), draws=REPLICATES, seed=1).values("cp")


def test_the_simulated_percentiles_are_monolix_s(folder, seen, simulated):
    edges = pd.read_csv(folder / "theophylline_vpc_CONC_bins.csv")["bins_values"]
    theirs = pd.read_csv(folder / "theophylline_vpc_CONC_percentiles.csv").iloc[:, :4].to_numpy(float)

    def ours(quantile_type):
        check = bn.vpc_of_arrays(
            seen["time"],
            seen["CONC"],
            simulated,
            bins=edges,
            percentiles=(10, 50, 90),
            level=0.9,
            quantile_type=quantile_type,
        )
        low, high = (check.table.query(f"percentile == {p}").reset_index() for p in (10, 90))
        return np.column_stack([low["upper"], high[["median", "lower", "upper"]]])

    # Monte Carlo errors of their 500 and our 1000 replicates
    assert np.sqrt(np.mean((ours(5) / theirs - 1) ** 2)) < 0.025
    assert np.abs(ours(5) / theirs - 1).max() < 0.06
    assert np.abs(ours(7) / theirs - 1).max() > 0.1


def test_pwres_and_npde_are_of_each_observation_alone(folder, seen, simulated):
    theirs = pd.read_csv(folder / "theophylline_residuals_npde.csv")
    y, who = seen["CONC"], seen["id"]
    errors = bn.npde_of_arrays(y, simulated, who, decorrelation="inverse", seed=1).table
    alone = (y - simulated.mean(axis=0)) / simulated.std(axis=0)
    assert np.sqrt(np.mean((alone - theirs["pwRes"]) ** 2)) < 0.12
    central = theirs["npde"].abs() < 2  # the tails of 500 replicates are coarse
    assert np.sqrt(np.mean((errors["NPD"] - theirs["npde"])[central] ** 2)) < 0.12
    assert np.corrcoef(alone, theirs["pwRes"])[0, 1] > 0.99
    assert np.corrcoef(errors["NPD"], theirs["npde"])[0, 1] > 0.99
    assert np.corrcoef(errors["NPDE"], theirs["npde"])[0, 1] < 0.9
    assert np.corrcoef(errors["EWRES"], theirs["pwRes"])[0, 1] < 0.9
