"""What a program of Stan could not say exactly is refused before it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.exchange.stan_priors import log_density
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.priors import LKJ, Prior
from bayes_nlmem.model.levels import SUBJECT, level_of
from bayes_nlmem.model.quantities import quantities
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.covariate_names import members

_RESERVED = frozenset(
    "for in while repeat until if then else true false target functions model data parameters quantities "
    "transformed generated int real complex vector simplex unit_vector sum_to_zero_vector ordered "
    "positive_ordered row_vector matrix cholesky_factor_corr cholesky_factor_cov corr_matrix cov_matrix "
    "array void tuple lower upper offset multiplier break continue return print reject profile var fvar "
    "STAN_MAJOR STAN_MINOR n_subjects n_steps n_records eta z pi e machine_precision".split()
)


def check_for_stan(model: Model, data: Dataset) -> None:
    """Refuse what the program that `to_stan` writes cannot say exactly.

    Raises
    ------
    ModelError
        With every reason.
    """
    refused = [*_of_hierarchy(model), *_of_priors(model), *_of_names(model), *_of_doses(model, data)]
    refused += _of_covariates(model, data)
    if refused:
        raise ModelError(
            explain(
                expected="a model and data that the Stan program can say exactly",
                got="; ".join(dict.fromkeys(refused)),
                remedy="Take it out first, or write it there by hand.",
            )
        )


def _of_hierarchy(model: Model) -> Iterator[str]:
    if model.occasion_effects:
        yield "effects of occasions"
    for name in model.groups:
        yield f"effects of {name}"
    for output, error in model.residuals.items():
        if getattr(error, "iiv", None) is not None:
            yield f"a random effect on the error of {output}"
    for block in level_of(model, SUBJECT).blocks:
        names = ", ".join(block.names)
        if block.joint:
            yield f"the prior or the numbers of the whole covariance matrix of {names}"
        elif any(block.apart(a, b) for a in block.names for b in block.names if a < b):
            yield f"correlations of {names} that are zero"


def _of_priors(model: Model) -> Iterator[str]:
    for q in quantities(model):
        if isinstance(q.value, Prior) and not isinstance(q.value, LKJ):
            if log_density(q.name, q.value) is None:
                yield f"the prior {q.value} of {q.name}"


def _of_names(model: Model) -> Iterator[str]:
    for name in (*model.parameters, *model.residuals, *model.covariates):
        if not re.fullmatch(r"[A-Za-z]\w*", name) or name.endswith("_") or name in _RESERVED:
            yield f"the name {name!r}"


def _of_doses(model: Model, data: Dataset) -> Iterator[str]:
    table, structure = data.table, model.structure
    if not getattr(structure, "compartments", ()):
        return
    doses = table[data.is_dose]
    if (doses["SS"] > 0).any():
        yield "doses at steady state"
    if (doses["RATE"] < 0).any():
        yield "infusions of modelled rate or duration"
    if getattr(structure, "absorption", None) == "zero-order":
        yield "zero-order absorption"
    for name in model.parameters:
        if hasattr(structure, "absorption") and re.fullmatch(r"(ALAG|D|R)(_\w+)?", name):
            yield f"doses that {name} delays or stretches"
    text = str(getattr(structure, "rates", ""))
    scaled = any(re.fullmatch(r"F(_\w+)?", name) for name in model.parameters) or re.search(
        r"\b[Ff]\s*\(", text
    )
    if scaled and (doses["RATE"] > 0).any():
        yield "infusions whose duration depends on the bioavailability"


def _of_covariates(model: Model, data: Dataset) -> Iterator[str]:
    subject = data.table["SUBJECT"].to_numpy()
    for key in {key for p in model.parameters.values() for key in p.covariates}:
        for name in members(key):
            if name not in data.covariates:
                continue  # said where the model meets the data
            values = np.asarray(data.covariate(name))
            pairs = {(int(s), v) for s, v in zip(subject, values.tolist(), strict=True)}
            if len(pairs) > len(data.subjects):
                yield f"{name}, which changes over time"
    limits = data.table[(data.table["CENS"] != 0) & np.isfinite(data.table["LIMIT"].astype(float))]
    if len(limits):
        yield "censored values between two limits"
    if "ABOVE" in data.table and np.isfinite(data.table["ABOVE"].astype(float)).any():
        yield "values conditional on being above a limit (M2)"
