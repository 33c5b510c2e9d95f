"""`identifiability`: what a design can tell about each parameter, against what its prior already says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.checks.expected_information import Information
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.planned import Arm, Design
from bayes_nlmem.ground.messages import names_text
from bayes_nlmem.ground.tables import notebook, printed
from bayes_nlmem.marginal.point import natural, point_of
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.as_data import replicate_as_data
from bayes_nlmem.simulation.asked import design_of
from bayes_nlmem.simulation.replicates import simulate

_DOMINATED = 0.5  # expected contraction below which the prior says more than the data
_NOTHING = 0.1  # data information over prior information below which a direction is not identified
_SHOWN = 0.25  # share of a direction below which a parameter is not named


@dataclass(frozen=True, eq=False, repr=False)
class Identifiability:
    """What a design is expected to tell, parameter by parameter and direction by direction.

    Parameters
    ----------
    table : DataFrame
        Index: name; VALUE (where the information was computed), PRIOR_SD, DATA_SD (from the observations
        alone; infinite where they say nothing), POSTERIOR_SD, all on the unconstrained scale, where the SD of
        a logarithm is about a coefficient of variation; CONTRACTION = 1 - (POSTERIOR_SD / PRIOR_SD)^2: 0
        nothing learnt, 1 everything; VERDICT.
    directions : DataFrame
        The combinations, worst first: RATIO of data to prior information; one column per parameter, in units
        of prior SDs, of length 1.
    n_subjects, n_observations : int
        Size of the design.

    Examples
    --------
    >>> table = pd.DataFrame({"CONTRACTION": [0.95, 0.1]}, index=["CL_pop", "V_WT"])
    >>> directions = pd.DataFrame({"RATIO": [0.01], "CL_pop": [0.02], "V_WT": [0.9998]})
    >>> found = Identifiability(table, directions, 12, 132)
    >>> found.dominated, found.unidentified
    (('V_WT',), ({'V_WT': 0.9998},))
    """

    table: pd.DataFrame
    directions: pd.DataFrame
    n_subjects: int
    n_observations: int

    @property
    def dominated(self) -> tuple[str, ...]:
        """Parameters of whose posterior the prior will say more than the data."""
        return tuple(self.table.index[self.table["CONTRACTION"] < _DOMINATED])

    @property
    def unidentified(self) -> tuple[dict[str, float], ...]:
        """Combinations of which the data say next to nothing: name -> weight in prior SDs."""
        found = []
        for _, row in self.directions[self.directions["RATIO"] < _NOTHING].iterrows():
            weights = row.drop("RATIO")
            shown = weights[weights.abs() > _SHOWN].sort_values(key=np.abs, ascending=False)
            found.append({str(name): float(value) for name, value in shown.items()})
        return tuple(found)

    def __repr__(self) -> str:
        lines = [
            f"Expected information of {self.n_observations} observations of {self.n_subjects} subjects "
            f"against the priors",
            printed(self.table, digits=3).text(),
        ]
        if self.dominated:
            lines.append(f"Prior-dominated: {names_text(self.dominated)}.")
        for weights in self.unidentified:
            lines.append(f"Not identified: {_direction_text(weights)}.")
        if not self.dominated and not self.unidentified:
            lines.append("The data will say more than the prior about every parameter.")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return notebook(printed(self.table, digits=3), repr(self).split("\n")[-1])


def identifiability(
    model: Model, data: Dataset | Design | Arm | pd.DataFrame, *, at: Mapping[str, Any] | None = None
) -> Identifiability:
    r"""Compare what a design will tell about each parameter with what its prior says.

    The Fisher information I of the observations (first-order approximation at the population prediction,
    full block structure) is added to the priors' precision :math:`P_0`; :math:`(I + P_0)^{-1}` is the
    expected posterior covariance. Directions of which the data say next to nothing are the eigenvectors of
    I in units of prior SDs with eigenvalues near 0. The observations themselves are not used.

    Parameters
    ----------
    model : Model
        With priors on what is unknown.
    data : Dataset, Design, Arm or DataFrame
        Doses, times and covariates.
    at : mapping, optional
        Name in the graph -> value at which the information is computed, all unknown population parameters;
        by default the priors' centres.

    Returns
    -------
    Identifiability
        `.table`, `.dominated`, `.unidentified`, `.directions`; prints itself.

    Raises
    ------
    ModelError
        An output without a residual error (categories, counts, events).

    References
    ----------
    Mentré, Mallet & Baccar 1997, doi:10.1093/biomet/84.2.429. Retout, Mentré & Bruno 2002,
    doi:10.1002/sim.1041.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> found = bn.identifiability(study.model, study.data)
    >>> found.table.loc[["CL_pop", "V_WT"], "VERDICT"].tolist()
    ['data', 'prior']
    """
    data = design_of(model, data.dataset(seed=0) if isinstance(data, Design) else data)
    if not data.n_observations or data.table["DV"][data.is_observation].isna().any():
        data = replicate_as_data(simulate(model, data, draws=1, seed=0), 0)
    information = Information(model, data)
    conditional = information.conditional
    draws = information.prior_draws()
    theta = np.median(draws, axis=0) if at is None else point_of(conditional, at)
    prior = np.cov(draws, rowvar=False).reshape(len(theta), len(theta))
    of_data = information.of_design(theta)
    posterior = np.linalg.inv(of_data + np.linalg.inv(prior))
    prior_sd, posterior_sd = np.sqrt(np.diag(prior)), np.sqrt(np.diag(posterior))
    contraction = np.clip(1 - (posterior_sd / prior_sd) ** 2, 0.0, 1.0)
    table = pd.DataFrame(
        {
            "VALUE": _values(information.names, natural(conditional, theta)),
            "PRIOR_SD": prior_sd,
            "DATA_SD": _data_sd(of_data, prior_sd),
            "POSTERIOR_SD": posterior_sd,
            "CONTRACTION": contraction,
            "VERDICT": [_verdict(share) for share in contraction],
        },
        index=list(information.names),
    )
    return Identifiability(
        table, _directions(of_data, prior_sd, table.index), data.n_subjects, data.n_observations
    )


def _values(names: tuple[str, ...], found: Mapping[str, np.ndarray]) -> np.ndarray:
    """Values on their natural scales; a correlation is drawn as (1 + correlation) / 2."""
    values = np.concatenate([np.ravel(value) for value in found.values()])
    drawn = [name.startswith("corr_") and name not in found for name in names]
    return np.where(drawn, 2 * values - 1, values)


def _verdict(contraction: float) -> str:
    if contraction < _DOMINATED:
        return "prior"
    return "data" if contraction > 0.9 else "both"


def _data_sd(information: np.ndarray, prior_sd: np.ndarray) -> np.ndarray:
    """SDs from the data alone: infinite for what belongs to a direction without information."""
    scaled = information * np.outer(prior_sd, prior_sd)
    values, vectors = np.linalg.eigh(scaled)
    empty = values < 1e-8 * max(values.max(), 1.0)
    touched = (np.abs(vectors[:, empty]) > 1e-3).any(axis=1)
    variance = (vectors[:, ~empty] ** 2 / values[~empty]).sum(axis=1)
    return np.where(touched, np.inf, prior_sd * np.sqrt(variance))


def _directions(information: np.ndarray, prior_sd: np.ndarray, names: pd.Index) -> pd.DataFrame:
    values, vectors = np.linalg.eigh(information * np.outer(prior_sd, prior_sd))
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))]
    found = pd.DataFrame((vectors * np.sign(largest)).T, columns=names)
    found.insert(0, "RATIO", np.maximum(values, 0.0))
    return found


def _direction_text(weights: Mapping[str, float]) -> str:
    if len(weights) == 1:
        return next(iter(weights))
    parts = [f"{'+' if value > 0 else '-'}{abs(value):.2f} {name}" for name, value in weights.items()]
    return " ".join(parts) + " (in prior SDs): they can change together without the predictions noticing"
