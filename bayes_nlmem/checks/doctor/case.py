"""The patient: model, data and draws of a run, and the figures that every rule looks at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.learning.convergence import BFMI_LIMIT, ESS_LIMIT, R_HAT_LIMIT
from bayes_nlmem.learning.diagnostics import mixing
from bayes_nlmem.model.quantities import Quantity, quantities
from bayes_nlmem.model.specification import Model

_EFFECTS = ("eta", "kappa")
_EFFECT_LIMIT = 1.03  # of R-hat: the largest of hundreds of effects is above 1.01 by chance


@dataclass(frozen=True, eq=False)
class Case:
    """A run to be judged.

    Parameters
    ----------
    model, data : Model, Dataset
        What was fitted.
    draws : xarray.DataTree
        What was learnt.
    learnt : object
        The result itself, for rules that evaluate the graph again.
    """

    model: Model
    data: Dataset
    draws: xr.DataTree
    learnt: Any = None

    @cached_property
    def posterior(self) -> xr.Dataset:
        """The draws."""
        return self.draws["posterior"].to_dataset()

    @cached_property
    def stats(self) -> xr.Dataset:
        """Statistics of the sampler; empty where there are none."""
        return self.draws["sample_stats"].to_dataset() if "sample_stats" in self.draws else xr.Dataset()

    @cached_property
    def quantities(self) -> dict[str, Quantity]:
        """The unknown numbers of the model that have draws, by name."""
        return {
            quantity.name: quantity
            for quantity in quantities(self.model)
            if not quantity.known and quantity.name in self.posterior and self.scalar(quantity.name)
        }

    def scalar(self, name: str) -> bool:
        """Whether a variable is one number per draw."""
        return set(self.posterior[name].dims) == {"chain", "draw"}

    def values(self, name: str) -> np.ndarray:
        """Draws of one number, shape (chains, draws)."""
        return self.posterior[name].transpose("chain", "draw").values

    def unbounded(self, name: str) -> np.ndarray:
        """Draws on a scale without bounds: logarithms of what is positive, Fisher's z of correlations."""
        values = self.values(name)
        if name.startswith("corr_"):
            return np.arctanh(np.clip(values, -1 + 1e-12, 1 - 1e-12))
        return np.log(values) if np.all(values > 0) else values

    @property
    def n_draws(self) -> int:
        """Number of draws of all chains together."""
        return self.posterior.sizes["chain"] * self.posterior.sizes["draw"]

    # --- figures ---------------------------------------------------------------------------------

    @cached_property
    def _mixing(self) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
        names = [*self.quantities, *(name for name in self.posterior if str(name).startswith(_EFFECTS))]
        moving = [name for name in names if float(np.ptp(self.posterior[name].values)) > 0]
        r_hat, bulk, tail = (_flat(found) for found in mixing(self.posterior[moving]))
        return r_hat, bulk, tail

    @property
    def r_hat(self) -> dict[str, float]:
        """R-hat of every element."""
        return self._mixing[0]

    @property
    def ess(self) -> dict[str, float]:
        """The smaller one of bulk and tail ESS of every element."""
        _, bulk, tail = self._mixing
        return {name: min(bulk[name], tail[name]) for name in bulk}

    @cached_property
    def bad_r_hat(self) -> dict[str, float]:
        """Elements whose R-hat is too large, worst first."""
        found = {
            name: value
            for name, value in self.r_hat.items()
            if value > (_EFFECT_LIMIT if name.startswith(_EFFECTS) else R_HAT_LIMIT)
        }
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    @cached_property
    def low_ess(self) -> dict[str, float]:
        """Elements whose ESS is too small, worst first."""
        found = {name: value for name, value in self.ess.items() if value < ESS_LIMIT}
        return dict(sorted(found.items(), key=lambda item: item[1]))

    @cached_property
    def diverging(self) -> np.ndarray:
        """Whether a draw's transition diverged, shape (chains, draws)."""
        if "diverging" not in self.stats:
            return np.zeros((self.posterior.sizes["chain"], self.posterior.sizes["draw"]), bool)
        return self.stats["diverging"].transpose("chain", "draw").values.astype(bool)

    @cached_property
    def bfmi(self) -> np.ndarray:
        """E-BFMI of every chain; empty without energies."""
        if "energy" not in self.stats or self.stats.sizes["draw"] < 4:
            return np.empty(0)
        energy = self.stats["energy"].transpose("chain", "draw").values
        return np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1)

    @cached_property
    def deep(self) -> float:
        """Share of the draws that hit the largest tree depth."""
        for name in ("maxdepth_reached", "reached_max_treedepth"):
            if name in self.stats:
                return float(self.stats[name].mean())
        return 0.0

    @property
    def sick(self) -> bool:
        """Whether any figure is out of its limit."""
        return bool(
            self.bad_r_hat
            or self.low_ess
            or self.diverging.any()
            or (self.bfmi.size and self.bfmi.min() < BFMI_LIMIT)
            or self.deep > 0.05
        )

    def troubled(self, names: Iterable[str]) -> bool:
        """Whether one of these numbers, or a random effect on it, mixes badly."""
        names = set(names)
        return any(_owner(element) in names for element in (*self.bad_r_hat, *self.low_ess))

    def where_divergences_crowd(self, name: str) -> float:
        """Rank, from 0 to 1, of the median value at divergences among all values; 0.5 where none diverged."""
        if not self.diverging.any():
            return 0.5
        values = self.values(name)
        return float(np.mean(values < np.median(values[self.diverging])))

    def figures(self) -> str:
        """All figures in one line."""
        said = []
        if self.r_hat:
            said.append(f"R-hat at most {max(self.r_hat.values()):.3f}")
            said.append(f"ESS at least {min(self.ess.values()):.0f}")
        said.append(f"{int(self.diverging.sum())} divergences in {self.n_draws} draws")
        if self.bfmi.size:
            said.append(f"E-BFMI {self.bfmi.min():.2f} or more")
        return ", ".join(said) + "."

    # --- what several rules need -----------------------------------------------------------------

    def learnt_share(self, name: str) -> float:
        """Posterior SD over prior SD on an unbounded scale, from 0.1 and 0.9 quantiles: 1 is nothing learnt.

        NaN where the prior has no quick quantiles.
        """
        quantity = self.quantities[name]
        prior = quantity.marginal if quantity.marginal is not None else quantity.value
        if not isinstance(prior, Prior):
            return np.nan
        low, high = prior.quantile(0.1), prior.quantile(0.9)
        if low is None or high is None:
            return np.nan
        values = self.values(name)
        posterior = np.quantile(values, [0.1, 0.9])
        if low > 0 and np.all(values > 0) and not name.startswith(("omega_", "gamma_", "sigma_")):
            return float(np.diff(np.log(posterior))[0] / np.log(high / low))
        return float(np.diff(posterior)[0] / (high - low))

    def strongest_pair(self, names: Iterable[str]) -> tuple[str, str, float]:
        """The two numbers that are most correlated on their unbounded scales, and their correlation."""
        names = [name for name in names if float(np.ptp(self.values(name))) > 0]
        if len(names) < 2:
            return ("", "", 0.0)
        table = np.array([(x := self.unbounded(name)).ravel() - x.mean() for name in names])
        correlation = np.corrcoef(table) - np.eye(len(names))
        i, j = np.unravel_index(np.argmax(np.abs(correlation)), correlation.shape)
        return names[min(i, j)], names[max(i, j)], float(correlation[i, j])


def worst(values: dict[str, float], most: int = 4) -> str:
    """The first few of ordered figures, as text."""
    text = ", ".join(f"{name} ({value:.3g})" for name, value in list(values.items())[:most])
    return text + (f" and {len(values) - most} more" if len(values) > most else "")


def _flat(dataset: xr.Dataset) -> dict[str, float]:
    """Every element by its name, `CL_pop` or `eta[3, KA]`."""
    found = {}
    for name, values in dataset.data_vars.items():
        for index in np.ndindex(values.shape):
            labels = [str(values[dim].values[i]) for dim, i in zip(values.dims, index, strict=True)]
            found[f"{name}[{', '.join(labels)}]" if labels else str(name)] = float(values.values[index])
    return found


def _owner(element: str) -> str:
    """`KA_pop` of `eta[3, KA]`; the name itself of a number."""
    if not element.startswith(_EFFECTS):
        return element
    return f"{element.rstrip(']').split(', ')[-1]}_pop"
