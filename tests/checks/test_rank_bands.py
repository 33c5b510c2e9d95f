"""The band holds all of a uniform line exactly as often as it says."""

import numpy as np
import pytest
from scipy.stats import binom

from bayes_nlmem.checks.rank_bands import rank_counts, simultaneous_band, uniformity


@pytest.mark.parametrize(("n", "levels"), [(40, 10), (200, 100)])
def test_the_band_holds_uniform_ranks_as_often_as_it_says(n, levels):
    lower, upper = simultaneous_band(n, levels, 0.9)
    ranks = np.random.default_rng(3).integers(0, levels, (1500, n))
    share = np.array([rank_counts(one, levels) for one in ranks]) / n
    held = np.all((share >= lower - 1e-12) & (share <= upper + 1e-12), axis=1).mean()
    assert 0.87 < held < 0.95  # counts are whole numbers: never below, a little above


def test_with_two_levels_it_is_the_binomial_interval():
    lower, upper = simultaneous_band(50, 2, 0.95)
    held = binom.cdf(50 * upper[0], 50, 0.5) - binom.cdf(50 * lower[0] - 1, 50, 0.5)
    assert held >= 0.95 and (lower[0], upper[0]) == (0.36, 0.64)


def test_p_values_of_uniform_ranks_are_rarely_small():
    ranks = np.random.default_rng(5).integers(0, 10, (200, 40))
    values = np.array([uniformity(one, 10) for one in ranks])
    assert abs(np.mean(values < 0.1) - 0.1) < 0.06


@pytest.mark.parametrize(
    "ranks",
    [
        np.clip(np.random.default_rng(1).normal(50, 15, 200), 0, 99),  # posteriors too wide
        99 * np.random.default_rng(1).beta(0.5, 0.5, 200),  # too narrow
        99 * np.random.default_rng(1).beta(1.5, 1, 200),  # biased
    ],
)
def test_wrong_posteriors_are_seen(ranks):
    assert uniformity(ranks.astype(int), 100) < 0.01
