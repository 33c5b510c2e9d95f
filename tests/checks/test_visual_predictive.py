"""Visual predictive checks: the percentiles of other programs, bins, corrections, limits."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import bayes_nlmem as bn
from bayes_nlmem.checks.binning import exact_k_means, make_bins
from bayes_nlmem.checks.percentiles import quantiles


def test_percentiles_and_bands_are_those_of_the_vpc_package(agree, shared_reference):
    folder = shared_reference / "vpc"
    seen = pd.read_csv(folder / "simple_obs.csv").query("MDV == 0")
    replicates = pd.read_csv(folder / "simple_sim.csv.gz").query("MDV == 0")
    simulated = replicates.DV.to_numpy().reshape(replicates.REP.nunique(), len(seen))
    wanted = pd.read_csv(folder / "vpc_obs_percentiles.csv")
    bands = pd.read_csv(folder / "vpc_sim_percentiles.csv")
    edges = [*wanted.bin_min, wanted.bin_max.iloc[-1]]
    check = bn.vpc_of_arrays(seen.TIME, seen.DV, simulated, bins=edges, level=0.90)
    for percentile, name in ((5, "5"), (50, "50"), (95, "95")):
        own = check.table[check.table.percentile == percentile]
        theirs = wanted[f"obs{name}"]
        agree(f"VPC: observed {name}%", own.observed, theirs, source="vpc", within=1e-12, relative=True)
        for column, suffix in (("lower", "low"), ("median", "med"), ("upper", "up")):
            what, theirs = f"VPC: {column} of the band at {name}%", bands[f"q{name}.{suffix}"]
            agree(what, own[column], theirs, source="vpc", within=1e-8, relative=True)


@pytest.mark.parametrize("kind", [4, 5, 6, 7, 8, 9])
def test_quantiles_are_those_of_numpy(kind):
    method = dict(
        zip(
            range(4, 10),
            ("interpolated_inverted_cdf", "hazen", "weibull", "linear", "median_unbiased", "normal_unbiased"),
            strict=True,
        )
    )[kind]
    x = np.random.default_rng(kind).normal(size=(11, 3))
    p = [0.01, 0.05, 0.3, 0.5, 0.95, 1.0]
    assert_allclose(quantiles(x, p, quantile_type=kind, axis=0), np.quantile(x, p, axis=0, method=method))


def test_values_below_a_limit_are_below_everything():
    x = np.array([-np.inf, -np.inf, 3.0, 5.0, np.inf])
    assert_array_equal(quantiles(x, [0.1, 0.3, 0.5, 0.75, 0.8]), [-np.inf, -np.inf, 3, 5, np.inf])


def test_k_means_is_exact():
    values = np.sort(np.random.default_rng(3).uniform(0, 10, 9))
    weight = np.arange(1.0, 10.0)

    def cost(starts):
        parts = zip(starts, [*starts[1:], len(values)], strict=True)
        return sum(
            np.sum(w * (v - np.average(v, weights=w)) ** 2)
            for v, w in ((values[a:b], weight[a:b]) for a, b in parts)
        )

    best = min(cost([0, i, j]) for i in range(1, 8) for j in range(i + 1, 9))
    assert_allclose(cost(exact_k_means(values, weight, 3).tolist()), best)


def test_bins_hold_what_they_say():
    x = np.array([0, 1, 1, 2, 3, 5, 8, 13, 21, 34.0])
    assert np.bincount(make_bins(x, "quantile", 5).of(x)).tolist() == [1, 3, 2, 2, 2]
    assert_allclose(np.diff(make_bins(x, "equal", 4).edges), 34 / 4)
    assert len(make_bins(x, "distinct")) == 9
    assert_array_equal(make_bins(x, bins=[1, 5, 30]).of(x), [-1, 0, 0, 0, 0, 1, 1, 1, 1, -1])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"binning": "jenks"}, "binning one of"),
        ({"bins": [3, 2]}, "ascending"),
        ({"bins": [0, 2], "binning": "equal"}, "alone"),
        ({"bins": 3, "binning": "distinct"}, "none with"),
        ({"percentiles": (0, 50)}, "between 0 and 100"),
        ({"correction": "pred"}, "prediction, variance"),
        ({"correction": "prediction"}, "population predictions"),
        ({"level": 95}, "between 0 and 1"),
        ({"quantile_type": 1}, "4 to 9"),
    ],
)
def test_wrong_words_are_refused(arguments, said):
    with pytest.raises(bn.ModelError, match=said):
        bn.vpc_of_arrays(np.arange(4), np.ones(4), np.ones((3, 4)), **arguments)


def test_correction_takes_the_dose_out_of_the_picture():
    rng = np.random.default_rng(1)
    dose = np.tile([1.0, 10.0], 30)
    simulated = dose * np.exp(0.3 * rng.normal(size=(400, 60)))
    observed = dose * np.exp(0.3 * rng.normal(size=60))
    time = np.zeros(60)
    plain = bn.vpc_of_arrays(time, observed, simulated).table
    fixed = bn.vpc_of_arrays(time, observed, simulated, population=dose, correction="prediction").table
    assert_allclose(fixed["median"], 5.5 * np.exp(0.3 * np.array([-1.6, 0, 1.6])), rtol=0.06)
    assert plain["median"].iloc[2] / plain["median"].iloc[0] > 3 * (
        fixed["median"].iloc[2] / fixed["median"].iloc[0]
    )


def test_variance_correction_gives_every_observation_the_same_spread():
    rng = np.random.default_rng(2)
    sd = np.tile([0.5, 2.0], 20)
    simulated = 10 + sd * rng.normal(size=(500, 40))
    observed = 10 + sd * rng.normal(size=40)
    check = bn.vpc_of_arrays(
        np.zeros(40), observed, simulated, population=np.full(40, 10.0), correction="variance"
    )
    y = check.observations.y.to_numpy()
    own_sd = simulated.std(axis=0, ddof=1)
    assert_allclose((y - 10) / np.median(own_sd), (observed - 10) / own_sd, rtol=1e-10)


def test_predictions_of_zero_cannot_be_corrected_beside_others():
    with pytest.raises(bn.ModelError, match="at 1 of them, at 0 to 0"):
        bn.vpc_of_arrays(
            np.zeros(3),
            np.ones(3),
            np.ones((5, 3)),
            population=[0.0, 1.0, 2.0],
            correction="prediction",
        )


def test_the_share_below_the_limit_is_checked_too():
    rng = np.random.default_rng(3)
    simulated, observed = rng.normal(size=(500, 200)), rng.normal(size=200)
    flags = (observed < -1).astype(int)
    check = bn.vpc_of_arrays(np.zeros(200), np.maximum(observed, -1), simulated, censored=flags, lloq=-1.0)
    assert check.table.observed.iloc[0] == -np.inf and check.table["median"].iloc[0] == -np.inf
    assert_allclose(check.censored.observed, flags.mean())
    assert_allclose(check.censored["median"], 0.159, atol=0.01)
    assert check.lloq == -1.0


def test_a_fit_is_checked_in_strata_over_time_after_dose(small_fit):
    check = bn.vpc(small_fit, draws=60, seed=1, x="TAD", stratify={"WT": [70]}, bins=[0, 4, 25])
    assert check.table.stratum.unique().tolist() == ["WT < 70", "WT >= 70"]
    assert check.x_label == "Time after dose [h]" and check.y_label == "cp [mg/L]"
    assert check.table.groupby("stratum").n.sum().sum() == 132 * 3
    assert len(check.outside) <= 4, check.table


def test_a_simulation_is_used_as_it_is(small_fit):
    simulation = bn.simulate(small_fit, draws=60, seed=1)
    assert bn.vpc(simulation).table.equals(bn.vpc(small_fit, draws=60, seed=1).table)
    with pytest.raises(bn.ModelError, match="residual errors"):
        bn.vpc(bn.simulate(small_fit, draws=2, residual_error=False))
