"""Where a model meets a study: what must be there before any graph is built."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from bayes_nlmem.data.covariates import is_missing
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import ModelError, explain, rows_text
from bayes_nlmem.ground.prior import Prior
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.covariate_names import each, members, spoken
from bayes_nlmem.statistics.endpoints import is_endpoint
from bayes_nlmem.translation.endpoints import column_problems, endpoint_problems
from bayes_nlmem.translation.grouping import group_problems
from bayes_nlmem.translation.missing import missing_problems, range_problems
from bayes_nlmem.translation.surroundings import surrounding_problems


def check_meeting(model: Model, data: Dataset) -> None:
    """Refuse a model whose covariates, occasions or outputs the study does not have.

    Raises
    ------
    ModelError
        All problems in one message.
    """
    problems = [
        *_covariate_problems(model, data),
        *_occasion_problems(model, data),
        *group_problems(model, data),
        *_output_problems(model, data),
        *_planned_problems(data),
        *_sign_problems(model, data),
        *surrounding_problems(model, data, observed_records(model, data)),
        *column_problems(model, data),
        *endpoint_problems(model, data, observed_records(model, data)),
    ]
    _refuse(problems)


def _refuse(problems: list[str]) -> None:
    if problems:
        head = "The model does not fit the data" + (
            f" in {len(problems)} points" if len(problems) > 1 else ""
        )
        raise ModelError("\n".join([f"{head}:", *(f"  - {problem}" for problem in problems)]))


def check_covariates(model: Model, data: Dataset) -> None:
    """Refuse data without the covariates of the model, or with values that their effects do not know.

    Raises
    ------
    ModelError
        All problems in one message.
    """
    _refuse([*_covariate_problems(model, data)])


def check_learnable(model: Model, data: Dataset) -> None:
    """Refuse to learn the coefficient of a covariate that is the same everywhere in the data.

    A graph of such data is no error: one patient has one weight. What is refused is to learn from them, where
    the prior of the coefficient would be its posterior, or the coefficient could not be told from the typical
    value.

    Raises
    ------
    ModelError
        All problems in one message.
    """
    _refuse([*_unlearnable(model, data)])


def _unlearnable(model: Model, data: Dataset):
    for name, parameter in model.parameters.items():
        for key, effect in parameter.covariates.items():
            unknown = any(isinstance(value, Prior) for value in effect.unknowns().values())
            if not unknown or not all(covariate in data.covariates for covariate in members(key)):
                continue
            columns = [data.covariate(covariate) for covariate in members(key)]
            values = [pd.unique(column[~is_missing(column)]) for column in columns]
            if all(len(value) == 1 for value in values):
                found = ", ".join(
                    f"{covariate} = {value[0]}" for covariate, value in zip(members(key), values, strict=True)
                )
                yield explain(
                    expected=f"{spoken(key)} to differ between subjects or times, since its effect on {name} "
                    "is to be learnt",
                    got=f"{found} in every row",
                    remedy="Fix the coefficient at a number, or leave it out: "
                    f'model.without_covariate("{name}", {key!r}).',
                )


def observed_records(model: Model, data: Dataset) -> dict[str, np.ndarray]:
    """Positions of the observations of every output that has a residual model, in the order of the data."""
    table = data.table
    seen = np.flatnonzero((table["EVID"] == 0) & (table["MDV"] == 0))
    outputs = list(model.residuals)
    if len(outputs) == 1 and not model.endpoints:
        return {outputs[0]: seen}
    label = table[model.endpoints_in].to_numpy()[seen].astype(str)
    return {output: seen[label == _label(model, output)] for output in outputs}


def _label(model: Model, output: str) -> str:
    return str(model.endpoints[output]) if model.endpoints else output


def _covariate_problems(model: Model, data: Dataset):
    for name, parameter in model.parameters.items():
        for key, effect in parameter.covariates.items():
            missing = [covariate for covariate in members(key) if covariate not in data.covariates]
            for covariate in missing:
                yield explain(
                    expected=f"covariate {covariate!r} (used by {name}) among those read: "
                    f"{', '.join(data.covariates) or 'none'}",
                    got="nothing of that name",
                    remedy=f'Read it: bn.read(..., covariates=["{covariate}"]).',
                )
            if missing:
                continue
            there = ~np.any([is_missing(data.covariate(covariate)) for covariate in members(key)], axis=0)
            try:
                effect.check(each(key, partial(_values_at, data, there)), parameter.scale)
            except ModelError as error:
                yield f"{spoken(key)} on {name}: {error}"
    yield from missing_problems(model, data)
    yield from range_problems(model)


def _values_at(data: Dataset, rows: np.ndarray, covariate: str) -> np.ndarray:
    return data.covariate(covariate)[rows]


def _occasion_problems(model: Model, data: Dataset):
    names = [name for name, parameter in model.parameters.items() if parameter.iov is not None]
    if not names:
        return
    table = data.table
    per_subject = table.groupby("SUBJECT")["OCC"].nunique()
    if "OCC" not in data.columns:
        yield explain(
            expected=f"a column OCC, since {', '.join(names)} vary between occasions (iov=...)",
            got="none",
            remedy='Add OCC, map it with columns={"OCC": ...}, or leave iov out.',
        )
    elif per_subject.max() == 1 and len(per_subject) > 1:  # one patient of a known population has what it has
        yield explain(
            expected=f"subjects with several occasions, since {', '.join(names)} vary between occasions",
            got="one occasion in every subject, so IOV cannot be told from IIV",
            remedy="Leave iov out, or check the column OCC.",
        )


def _output_problems(model: Model, data: Dataset):
    found = observed_records(model, data)
    column, table = model.endpoints_in, data.table
    used = np.concatenate([np.zeros(0, np.int64), *found.values()])
    seen = np.flatnonzero((table["EVID"] == 0) & (table["MDV"] == 0))
    rest = table.iloc[np.setdiff1d(seen, used)]
    if len(rest):
        labels = ", ".join(f"{_label(model, output)} for {output!r}" for output in found)
        unknown = ", ".join(sorted(set(rest[column].astype(str))))
        yield explain(
            expected=f"{column} among {labels}",
            got=f"{unknown} in {rows_text(rest['ROW'])}",
            remedy='Name them: Model(..., endpoints={"cp": 1, "pca": 2}), or take them out with MDV = 1.',
        )
    for output, record in found.items():
        if not len(record):
            where = f", {column} = {_label(model, output)}" if len(found) > 1 or model.endpoints else ""
            yield explain(
                expected=f"observations of {output!r}",
                got=f"none (EVID = 0, MDV = 0{where})",
                remedy="Check EVID, MDV and DVID.",
            )


def _planned_problems(data: Dataset):
    planned = data.table[data.is_observation & data.table["DV"].isna().to_numpy()]
    if len(planned):
        yield explain(
            expected="a value of every observation",
            got=f"planned observations without one (DV is NaN) in {rows_text(planned['ROW'])}",
            remedy="A design has no observations yet: simulate them, or read the study that followed.",
        )


def _sign_problems(model: Model, data: Dataset):
    """An error on the log scale knows no values at or below 0; what is censored may lie down to 0."""
    table = data.table
    for output, record in observed_records(model, data).items():
        residual = model.residuals[output]
        if is_endpoint(residual) or not residual.law.positive:
            continue
        seen = table.iloc[record]
        wrong = seen[(seen["DV"] <= 0) & (seen["CENS"] != -1)]
        if len(wrong):
            yield explain(
                expected=f"observations of {output!r} above 0, since {type(residual).__name__} is an error "
                "of their logarithm",
                got=f"DV {wrong['DV'].iloc[0]:g} in {rows_text(wrong['ROW'])}",
                remedy="Take them out (MDV = 1), mark them as below the limit of quantification (CENS = 1, "
                "DV = LLOQ), or use a residual error on the scale of the observations.",
            )
