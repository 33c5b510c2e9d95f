"""`average_individuals(...)`: one patient under several candidate models, each with the weight it earns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.dosing.individual import Individual
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import FitError, explain, names_text
from bayes_nlmem.model.specification import Model


@dataclass(frozen=True, eq=False, repr=False)
class AveragedIndividual:
    """One patient under several models: their posteriors, mixed by the models' probabilities.

    Parameters
    ----------
    members : FrozenMapping of str to Individual
        The patient under each model.
    table : DataFrame
        One row per model: PRIOR (its probability before), LOG_EVIDENCE of the patient's observations, WEIGHT
        (its probability after).

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> patient = bn.individualize(fit, bn.subset(fit.data, [1]), draws=50)
    >>> both = bn.average_individuals({"one": patient, "again": patient})
    >>> both.table["WEIGHT"].tolist()
    [0.5, 0.5]
    """

    members: FrozenMapping
    table: pd.DataFrame

    @property
    def weights(self) -> dict[str, float]:
        """Probability of every model, given the patient's observations."""
        return {str(name): float(weight) for name, weight in self.table["WEIGHT"].items()}

    @property
    def model(self) -> Model:
        """The model of the largest weight."""
        return self.members[str(self.table["WEIGHT"].idxmax())].model

    @property
    def data(self) -> Dataset:
        """The patient's records."""
        return next(iter(self.members.values())).data

    @property
    def id(self) -> Any:
        """The patient's ID."""
        return self.data.subjects[0]

    def __repr__(self) -> str:
        seen = self.data.n_observations
        head = f"Patient {self.id} under {len(self.table)} models: {seen} observation{'s' * (seen != 1)}"
        return f"{head}\n{self.table.to_string(float_format='{:.4g}'.format)}"

    def _repr_html_(self) -> str:
        return self.table.to_html(float_format="{:.4g}".format)


def average_individuals(
    members: Mapping[str, Individual], *, prior: Mapping[str, float] | None = None
) -> AveragedIndividual:
    r"""Average a patient over candidate models, each weighted by how well it foresaw the observations.

    .. math:: w_k \propto \pi_k\, p(y | M_k), \quad
        p(y | M_k) = E_{\theta | study_k} \int p(y | b, \theta) p(b | \theta) db

    Without observations every model keeps its prior weight. The result takes the place of an individual in
    `choose_dose` and `plot_individual`.

    Parameters
    ----------
    members : mapping of str to Individual
        What `individualize` returned for the same records under different models.
    prior : mapping of str to float, optional
        Relative weights of the models beforehand; equal by default.

    Returns
    -------
    AveragedIndividual

    Raises
    ------
    FitError
        One model only, different observations, different outputs, a posterior without evidence (NUTS),
        weights that do not name the models or are not positive.

    References
    ----------
    Uster et al. 2021, Clinical Pharmacology & Therapeutics 109, 175-183.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> import pandas as pd
    >>> def model(clearance):
    ...     return bn.Model(
    ...         structure=bn.OneCompartment(),
    ...         parameters={"CL": bn.Parameter(clearance, iiv=0.3), "V": bn.Parameter(20.0, iiv=0.2)},
    ...         residuals={"cp": bn.Proportional(0.1)},
    ...     )
    >>> records = pd.DataFrame(
    ...     {"ID": 1, "TIME": [0.0, 10.0], "AMT": [100, 0], "EVID": [1, 0], "DV": [None, 1.8]}
    ... )
    >>> both = bn.average_individuals(
    ...     {name: bn.individualize(model(cl), records) for name, cl in {"slow": 2.0, "fast": 6.0}.items()}
    ... )
    >>> both.weights["slow"] > 0.9
    True
    """
    members = dict(members)
    _check(members)
    given = dict.fromkeys(members, 1.0) if prior is None else {k: float(v) for k, v in prior.items()}
    if set(given) != set(members) or not all(np.isfinite(v) and v > 0 for v in given.values()):
        raise FitError(
            explain(
                expected=f"a weight above 0 for each of {', '.join(members)} in prior=",
                got=", ".join(f"{name}: {value:g}" for name, value in given.items()) or "none",
                remedy="Leave a model out that you do not believe in.",
            )
        )
    before = np.array([given[name] for name in members])
    before = before / before.sum()
    evidence = np.array([one.log_evidence for one in members.values()])
    score = np.log(before) + evidence
    after = np.exp(score - score.max())
    table = pd.DataFrame(
        {"PRIOR": before, "LOG_EVIDENCE": evidence, "WEIGHT": after / after.sum()},
        index=pd.Index(list(members), name="MODEL"),
    )
    return AveragedIndividual(FrozenMapping(members), table)


def members_of(individual: Any, draws: int) -> list[tuple[Any, int]]:
    """The individuals that make up a patient, and how many of the draws come from each."""
    if not isinstance(individual, AveragedIndividual):
        return [(individual, draws)]
    shares = individual.table["WEIGHT"].to_numpy() * draws
    counts = np.floor(shares).astype(int)
    counts[np.argsort(counts - shares)[: draws - counts.sum()]] += 1
    return [(member, int(n)) for member, n in zip(individual.members.values(), counts, strict=True) if n]


def _check(members: dict[str, Individual]) -> None:
    if len(members) < 2 or not all(isinstance(one, Individual) for one in members.values()):
        raise FitError(
            explain(
                expected="at least two individuals by name",
                got=", ".join(f"{name}: {type(one).__name__}" for name, one in members.items()) or "none",
                remedy='bn.average_individuals({"A": bn.individualize(fit_a, patient), ...}).',
            )
        )
    first = next(iter(members.values()))
    unlike = [name for name, one in members.items() if not _seen(one).equals(_seen(first))]
    if unlike:
        raise FitError(
            explain(
                expected="the same observations under every model",
                got=f"others in {names_text(unlike)}",
                remedy="Call individualize with the same records.",
            )
        )
    other = [name for name, one in members.items() if set(one.model.residuals) != set(first.model.residuals)]
    if other:
        raise FitError(
            explain(
                expected=f"the outputs {', '.join(first.model.residuals)} in every model",
                got=f"others in {names_text(other)}",
            )
        )
    without = [name for name, one in members.items() if np.isnan(one.log_evidence)]
    if without:
        raise FitError(
            explain(
                expected="individuals whose evidence is known",
                got=f"NUTS in {names_text(without)}",
                remedy='individualize(..., method="importance") says why importance sampling failed.',
            )
        )


def _seen(one: Individual) -> pd.DataFrame:
    columns = ["TIME", "DV", "CENS", "DVID"]
    return one.data.table.loc[one.data.is_observation, columns].astype(str).reset_index(drop=True)
