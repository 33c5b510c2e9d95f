"""What a program of Stan could not say exactly is refused before it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.exchange.stan_priors import log_density
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.priors import LKJ, Prior
from bayes_nlmem.model.levels import OCCASION, SUBJECT, level_of
from bayes_nlmem.model.quantities import quantities
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.layout import lay_out

_RESERVED = frozenset(
    "for in while repeat until if then else true false target functions model data parameters quantities "
    "transformed generated int real complex vector simplex unit_vector sum_to_zero_vector ordered "
    "positive_ordered row_vector matrix cholesky_factor_corr cholesky_factor_cov corr_matrix cov_matrix "
    "array void tuple lower upper offset multiplier break continue return print reject profile var fvar "
    "STAN_MAJOR STAN_MINOR n_subjects n_rows n_occasions n_steps n_records eta kappa z z_iov pi e "
    "machine_precision".split()
)


def check_for_stan(model: Model, data: Dataset) -> None:
    """Refuse what the program that `to_stan` writes cannot say exactly.

    Raises
    ------
    ModelError
        With every reason.
    """
    refused = [*_of_hierarchy(model), *_of_priors(model), *_of_names(model), *_of_doses(model, data)]
    refused += _of_observations(data)
    if refused:
        raise ModelError(
            explain(
                expected="a model and data that the Stan program can say exactly",
                got="; ".join(dict.fromkeys(refused)),
                remedy="Take it out first, or write it there by hand.",
            )
        )


def _of_hierarchy(model: Model) -> Iterator[str]:
    for name in model.groups:
        yield f"effects of {name}"
    for output, error in model.residuals.items():
        if getattr(error, "iiv", None) is not None:
            yield f"a random effect on the error of {output}"
    for level in (level_of(model, SUBJECT), level_of(model, OCCASION)):
        for block in level.blocks:
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
    structure = model.structure
    if not getattr(structure, "compartments", ()):
        return
    doses = data.table[data.is_dose]
    linear = hasattr(structure, "absorption")
    yield from _of_steady_state(doses[doses["SS"] > 0], linear)
    if (doses["RATE"] < 0).any():
        yield "infusions of modelled rate or duration"
    if getattr(structure, "absorption", None) == "zero-order":
        yield "zero-order absorption"
    for name in model.parameters:
        if linear and re.fullmatch(r"(D|R)(_\w+)?", name):
            yield f"doses that {name} stretches"
    yield from _of_lags(model, data, doses)
    text = str(getattr(structure, "rates", ""))
    scaled = any(re.fullmatch(r"F(_\w+)?", name) for name in model.parameters) or re.search(
        r"\b[Ff]\s*\(", text
    )
    if scaled and (doses["RATE"] > 0).any():
        yield "infusions whose duration depends on the bioavailability"


def _of_steady_state(doses: Any, linear: bool) -> Iterator[str]:
    if len(doses) and not linear:
        yield "doses at steady state into equations"
    if (doses["SS"] > 2).any():
        yield "SS = 3"
    if (doses["II"] <= 0).any():
        yield "constant infusions at steady state"
    lasting = doses["AMT"] / doses["RATE"].where(doses["RATE"] > 0)
    if (lasting > doses["II"]).any():
        yield "infusions at steady state that are longer than their interval"


def _of_lags(model: Model, data: Dataset, doses: Any) -> Iterator[str]:
    """A lag of all doses of a subject is a shift of time, if nothing else marks a time."""
    structure = model.structure
    lags = [name for name in model.parameters if re.fullmatch(r"ALAG(_\w+)?", name)]
    if not lags:
        return
    if not hasattr(structure, "absorption"):
        yield f"doses that {lags[0]} delays into equations"
        return
    numbers = {structure.compartment_number(cmt) or 0 for cmt in doses["CMT"]}
    names = list(structure.compartments)
    into = {names[number - 1] if number else structure.default_dose for number in numbers}
    if len(lags) > 1 or (lags[0] != "ALAG" and into != {lags[0].partition("_")[2]}):
        yield f"doses of which some are delayed by {', '.join(lags)} and others are not"
    if (doses["SS"] > 0).any():
        yield f"doses at steady state that {lags[0]} delays"
    if data.table["EVID"].isin([3, 4]).any():
        yield f"resets beside doses that {lags[0]} delays"
    if not lay_out(model, data).rows_are_subjects:
        yield f"parameters that change over time beside doses that {lags[0]} delays"


def _of_observations(data: Dataset) -> Iterator[str]:
    limits = data.table[(data.table["CENS"] != 0) & np.isfinite(data.table["LIMIT"].astype(float))]
    if len(limits):
        yield "censored values between two limits"
    if "ABOVE" in data.table and np.isfinite(data.table["ABOVE"].astype(float)).any():
        yield "values conditional on being above a limit (M2)"
