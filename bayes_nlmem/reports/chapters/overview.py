"""What a reader with one minute should know."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.reports.blocks import Block, Notice, Numbers, Paragraph, Section
from bayes_nlmem.reports.chapters.point_estimates import is_estimate, numbers
from bayes_nlmem.reports.wording import counted, listed, significant, whole
from bayes_nlmem.statistics.covariate_names import members, spoken
from bayes_nlmem.statistics.endpoints import is_endpoint

_UNCERTAIN = 50.0  # relative standard error [%]
_SHRUNK = 30.0  # shrinkage [%] above which individual effects mislead; Savic & Karlsson 2009


def summary(fit: Any) -> Section:
    """The result in plain words, before any table."""
    table, verdict = fit.summary(), fit.convergence()
    learnt = table[~table.known.astype(bool)]
    what = "estimates" if is_estimate(fit) else "draws"
    good = "The estimates have settled: they" if is_estimate(fit) else "The chains agree: the draws"
    blocks: list[Block] = [
        numbers(fit) if is_estimate(fit) else _numbers(fit, learnt),
        Notice(
            "good" if verdict.ok else "bad",
            f"{good} can be used for inference."
            if verdict.ok
            else f"The {what} should not be used as they are; see the section on convergence.",
        ),
        Paragraph(_study(fit)),
        Paragraph(_typical(fit, table)),
    ]
    blocks += [Paragraph(text) for text in (_variability(table), _residual(table, fit)) if text]
    blocks += [Notice("warning", "To keep in mind", points) for points in [_cautions(learnt, fit)] if points]
    return Section("Summary", tuple(blocks))


def _numbers(fit: Any, learnt: pd.DataFrame) -> Numbers:
    return Numbers(
        (
            (str(len(fit.data.subjects)), "subjects"),
            (str(fit.data.n_observations), "observations"),
            (str(fit.record.chains * fit.record.draws), "posterior draws"),
            (f"{learnt.r_hat.max():.3f}", "largest R̂ of a population parameter"),
            (whole(learnt[["ess_bulk", "ess_tail"]].min().min()), "smallest effective sample size"),
        )
    )


def _study(fit: Any) -> str:
    censored = int((fit.data.table.CENS[fit.data.is_observation] != 0).sum())
    beyond = f", {censored} of them beyond a limit of quantification," if censored else ""
    return (
        f"{counted(fit.data.n_observations, 'observation')}{beyond} from "
        f"{counted(len(fit.data.subjects), 'subject')} were described by "
        f"{_structure(fit.model)}, with {_sources(fit.model)}."
    )


def _structure(model: Any) -> str:
    words = "-".join(re.findall("[A-Z][a-z0-9]*|[a-z0-9]+", type(model.structure).__name__)).lower()
    absorption = getattr(model.structure, "absorption", None)
    described = f"a {words} model" if words.endswith("compartment") else f"the structure {words}"
    return described + (f" with {absorption} absorption" if absorption else "")


def _sources(model: Any) -> str:
    between = [name for name, parameter in model.parameters.items() if parameter.iiv is not None]
    occasions = [name for name, parameter in model.parameters.items() if parameter.iov is not None]
    parts = [f"variability between subjects on {listed(between)}"] if between else ["no random effects"]
    if occasions:
        parts.append(f"variability between occasions on {listed(occasions)}")
    effects = [f"{spoken(key)} on {name}" for name, p in model.parameters.items() for key in p.covariates]
    if effects:
        parts.append(f"effects of {listed(effects)}")
    return listed(parts)


def _typical(fit: Any, table: pd.DataFrame) -> str:
    said = []
    for _, row in table[table.block == "structural"].iterrows():
        name = row.meaning.removeprefix("typical ")
        name = f"the {name} ({row.parameter})" if name != row.parameter else row.parameter
        unit = f" {row.unit}" if row.unit else ""
        if row.known:
            said.append(f"{name} is fixed to {significant(row['median'])}{unit}")
        else:
            interval = f"{significant(row.lower)} to {significant(row.upper)}"
            shown = interval if pd.notna(row.lower) else "no standard error"
            said.append(f"{name} is {significant(row['median'])}{unit} ({shown})")
    how = "estimates and 95 % confidence" if is_estimate(fit) else "medians and 95 % credible"
    return f"In a typical subject{_reference(fit)}, {listed(said)}; {how} intervals."


def _reference(fit: Any) -> str:
    given: dict[str, str] = {}
    for parameter in fit.model.parameters.values():
        for key, effect in parameter.covariates.items():
            references = getattr(effect, "references", (getattr(effect, "reference", None),))
            for covariate, reference in zip(members(key), references, strict=False):
                if reference is not None:
                    shown = f"{reference:g}" if isinstance(reference, int | float) else str(reference)
                    given[covariate] = f"{shown} {fit.data.units.get(covariate, '')}".strip()
    return f" ({', '.join(f'{name} {value}' for name, value in given.items())})" if given else ""


def _variability(table: pd.DataFrame) -> str:
    spread = table[(table.block == "IIV") & table.cv.notna()].sort_values("cv", ascending=False)
    if spread.empty:
        return ""
    first, *others = [(row.parameter, whole(row.cv)) for _, row in spread.iterrows()]
    said = listed([f"{first[0]} varies by {first[1]} %", *(f"{name} by {cv} %" for name, cv in others)])
    return f"Between subjects, {said} (coefficients of variation)."


def _residual(table: pd.DataFrame, fit: Any) -> str:
    said = []
    laws = {output: residual for output, residual in fit.model.residuals.items() if is_endpoint(residual)}
    outputs = [output for output in fit.model.residuals if output not in laws]
    kinds = [f"The law of {output} is {type(law).__name__}." for output, law in laws.items()]
    for name, row in table[(table.block == "residual") & table.parameter.isin(outputs)].iterrows():
        unit = fit.data.units.get(row.parameter, fit.data.units.get("DV", ""))
        if str(name).endswith("_prop"):
            said.append(f"a proportional part of {whole(row.cv)} % of {row.parameter}")
        else:
            size = f"{significant(row['median'], 2)} {unit}".strip()
            said.append(f"an additive part of {size}")
    if not said:
        return " ".join(kinds)
    predictions = fit.predictions()
    residual = predictions[predictions.OUTPUT.isin(outputs)].IWRES.dropna()
    inside = 100 * float((residual.abs() < 1.96).mean()) if len(residual) else np.nan
    error = (
        f"The residual error of {listed(outputs)} has {listed(said)}; {inside:.0f} % of the observations lie "
        "within 1.96 residual standard deviations of the individual predictions (95 % are expected)."
    )
    return " ".join([*kinds, error])


def _cautions(learnt: pd.DataFrame, fit: Any) -> tuple[str, ...]:
    points = []
    uncertain = learnt[(learnt.rse > _UNCERTAIN) & (learnt.block != "correlations")]
    if len(uncertain):
        names = listed([f"{name} ({whole(row.rse)} %)" for name, row in uncertain.iterrows()])
        points.append(f"Relative standard error above {_UNCERTAIN:.0f} %: {names}.")
    shrunk = learnt[learnt.shrinkage > _SHRUNK]
    if len(shrunk):
        names = listed([f"{row.parameter} ({whole(row.shrinkage)} %)" for _, row in shrunk.iterrows()])
        points.append(
            f"Shrinkage above {_SHRUNK:.0f} %: {names}. Plots of these individual effects say little about "
            "covariates."
        )
    if fit.data.warnings:
        points.append(
            f"The data set has {counted(len(fit.data.warnings), 'warning')}; see the section on data."
        )
    if fit.record.edited:
        points.append(
            "The graph was changed by an edit before sampling; equations and priors below do not show it."
        )
    return tuple(points)
