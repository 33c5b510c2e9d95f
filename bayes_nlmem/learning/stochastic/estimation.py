"""`saem(model, data) -> SaemFit`: maximum likelihood or posterior mode by stochastic approximation EM."""

from __future__ import annotations

import time
from math import ceil

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, ModelError, explain, names_text
from bayes_nlmem.learning.record import versions
from bayes_nlmem.learning.samplers import say
from bayes_nlmem.learning.start_check import check_start
from bayes_nlmem.learning.stochastic.densities import Densities
from bayes_nlmem.learning.stochastic.effect_law import EffectLaw
from bayes_nlmem.learning.stochastic.estimates_table import estimates_table
from bayes_nlmem.learning.stochastic.natural_scale import NaturalScale
from bayes_nlmem.learning.stochastic.result import (
    MAXIMUM_LIKELIHOOD,
    POSTERIOR_MODE,
    SaemFit,
    SaemRecord,
)
from bayes_nlmem.learning.stochastic.roles import find_roles, unidentified
from bayes_nlmem.learning.stochastic.run import Effort, Run
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import find_modes
from bayes_nlmem.marginal.importance import importance
from bayes_nlmem.marginal.information import InformationCriteria, count_parameters
from bayes_nlmem.marginal.laplace_em import laplace_em
from bayes_nlmem.marginal.separable import check_separable
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import Edit, translate
from bayes_nlmem.translation.meeting import check_learnable

_MOST_START_SHIFT = 12.0


def saem(
    model: Model,
    data: Dataset,
    *,
    priors: bool = False,
    chains: int | None = None,
    explore: int = 400,
    smooth: int = 60,
    tolerance: float = 0.1,
    draws: int = 100,
    likelihood: bool = True,
    seed: int | None = None,
    edit: Edit | None = None,
    progress: bool = True,
) -> SaemFit:
    r"""Estimate a model by stochastic approximation EM (SAEM).

    Every iteration draws the random effects from p(b_i | y_i, theta) by Markov chains, all subjects at once,
    averages what they say, S_k = S_{k-1} + gain_k (s(b) - S_{k-1}), and takes the theta that maximises the
    expected complete-data log-likelihood: in closed form where the model is normal in the parameter (typical
    values and covariate coefficients, standard deviations of effects and of additive, proportional and
    log-normal errors), by Newton steps for the rest. Three phases end by themselves: exploring when no
    parameter drifts, smoothing, and Newton steps on the likelihood itself, until the Monte Carlo error of the
    estimates is below `tolerance` standard errors.

    Parameters
    ----------
    model : Model
        The three layers. Priors give the starting values and the range of every parameter.
    data : Dataset
        The study, as read by `read`.
    priors : bool
        False: maximum likelihood, the priors only give the start. True: posterior mode, the priors count; the
        mode is that of the density on the scale of estimation (the logarithm of positive parameters).
    chains : int, optional
        Markov chains per subject; by default enough for 60 chains over all subjects, at least 2 up to 200
        subjects.
    explore : int
        Most iterations of the first phase, at least 60.
    smooth : int
        Iterations of the second phase.
    tolerance : float
        Monte Carlo error of the estimates, in standard errors, at which the third phase ends.
    draws : int
        Draws per chain of the effects at the estimate.
    likelihood : bool
        Compute -2 log-likelihood by importance sampling, AIC, BIC and BICc.
    seed : int, optional
        Same seed, same result. By default one is drawn and recorded.
    edit : callable, optional
        Gets the PyMC graph, changes it in place or returns another one.
    progress : bool
        Say on the error stream which phase begins.

    Returns
    -------
    SaemFit
        The estimates with standard errors, draws of the effects at the estimate, criteria, traces. Ctrl-C
        ends the phases early and returns what there is, so marked.

    Raises
    ------
    ModelError, DataError
        Model and data do not fit together; a parameter that only its prior knows, with `priors=False`.
    FitError
        A setting is out of range, the model has no random effects, or the start is not finite.

    References
    ----------
    Delyon, Lavielle & Moulines 1999, doi:10.1214/aos/1018031103. Kuhn & Lavielle 2005,
    doi:10.1016/j.csda.2004.07.033. Louis 1982, doi:10.1111/j.2517-6161.1982.tb01203.x.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> result = bn.saem(study.model, study.data, seed=1, progress=False)
    >>> bool(abs(result.estimates.loc["CL_pop", "value"] - 2.8) < 0.2)
    True
    """
    _check_settings(chains, explore, smooth, tolerance, draws)
    check_learnable(model, data)
    began = time.perf_counter()
    say(progress, "building the graph")
    translation = translate(model, data, geometry="centred", edit=edit)
    conditional = Conditional(translation)
    _check_model(conditional)
    built = time.perf_counter()
    densities = Densities(conditional)
    start = conditional.population.join(conditional.population.start)
    check_start(conditional)
    densities.light(start, np.zeros(conditional.n_effects))
    densities.subjects(start, np.zeros(conditional.n_effects))
    compiled = time.perf_counter()
    say(progress, "finding starting values (Laplace-EM)")
    theta, b = _start(conditional, start)
    held = np.zeros(len(theta), bool)
    if not priors:
        _check_identified(conditional, densities, theta, held)
    law = EffectLaw(densities, theta)
    roles = find_roles(densities, law, theta, held, closed=not priors)
    started = time.perf_counter()
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
    n = densities.n_subjects
    chains = chains or max(ceil(60 / n), 2 if n <= 200 else 1)
    effort = Effort(chains, (min(60, explore), explore), smooth, tolerance, draws)
    run = Run(
        densities,
        law,
        roles,
        effort,
        priors,
        np.random.default_rng(seed),
        say=lambda text: say(progress, text),
    )
    run.start(theta, b)
    run.go()
    estimated = time.perf_counter()
    values = _likelihood(run, model, seed) if likelihood and not run.interrupted else {}
    finished = time.perf_counter()
    timings = {
        "build": built - began,
        "compile": compiled - built,
        "start values": started - compiled,
        "phases": estimated - started,
        "likelihood": finished - estimated,
    }
    return _result(run, model, data, values, seed, edit, timings)


def _start(conditional: Conditional, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Laplace-EM's point if it is sound, else the priors' centres."""
    found = laplace_em(conditional)
    sound = np.all(np.isfinite(found.theta)) and np.all(np.isfinite(found.effects)) and not len(found.failed)
    if sound and np.max(np.abs(found.theta - start), initial=0.0) < _MOST_START_SHIFT:
        return found.theta, found.effects
    return start, np.zeros(conditional.n_effects)


def _likelihood(run: Run, model: Model, seed: int) -> dict[str, float]:
    conditional = run.densities.conditional
    run.say("-2 log-likelihood by importance sampling")
    modes = find_modes(conditional, run.theta, run.mode)
    found = importance(conditional, modes, tolerance=0.2, seed=seed)
    minus_twice = -2.0 * float(found.log_likelihood.sum())
    error = 2.0 * float(np.sqrt(np.sum(found.error**2)))
    count = count_parameters(model, conditional)
    sizes = run.densities.n_subjects, sum(run.densities.sizes)
    priced = InformationCriteria("estimate", minus_twice, float("nan"), count, *sizes, error)
    penalised = {name: getattr(priced, name) for name in ("aic", "bic", "bicc", "bic_mixed")}
    return {"minus_twice": minus_twice, "error": error, "parameters": count.total, **penalised}


def _result(run: Run, model: Model, data: Dataset, likelihood, seed: int, edit, timings) -> SaemFit:
    conditional = run.densities.conditional
    scale = NaturalScale(conditional)
    names, at = run.estimated_names, run.roles.estimated
    values = dict(zip(scale.names, scale.values(run.theta), strict=True))
    missing = np.full((len(at), len(at)), np.nan)
    covariance = missing if run.covariance is None else run.covariance
    deviations = scale.deviations(run.theta, at, covariance)
    assert run.draws is not None
    individuals = _individuals(run)
    noise = {} if run.noise is None else dict(zip(names, run.noise.tolist(), strict=True))
    errors = {_plain(element): value for element, value in noise.items()}
    shrinkage = _shrinkage(run)
    trace = pd.DataFrame([scale.values(theta) for theta in run.trace], columns=scale.names)
    trace.insert(0, "phase", run.phase)
    trace.index.name = "iteration"
    record = SaemRecord(
        seed=seed,
        sampler="saem",
        geometry="centred",
        chains=run.effort.chains,
        draws=run.effort.draws,
        tune=len(run.trace) - 1,
        target_accept=float("nan"),
        edited=edit is not None,
        start=dict(zip(scale.names, trace.iloc[0, 1:].tolist(), strict=True)),
        timings={stage: round(seconds, 3) for stage, seconds in timings.items()},
        versions=versions(),
        data_digest=data.digest,
        estimate=POSTERIOR_MODE if run.priors else MAXIMUM_LIKELIHOOD,
        iterations={phase: run.phase.count(phase) for phase in ("explore", "smooth", "settle")},
        stationary=run.stationary,
        settled=run.settled,
        interrupted=run.interrupted,
        distance={} if run.distance is None else dict(zip(names, run.distance.tolist(), strict=True)),
        monte_carlo_error=noise,
        accepted=run.accepted,
        problem=run.problem,
        vanishing=[_plain(name) for name, gone in zip(names, run.gone, strict=True) if gone],
    )
    table = estimates_table(model, values, deviations, shrinkage, errors)
    covariance_table = pd.DataFrame(covariance, index=names, columns=names)
    return SaemFit(
        model,
        data,
        table,
        individuals,
        trace,
        likelihood,
        covariance_table,
        run.theta,
        run.draws,
        conditional.translation,
        record,
        edit,
    )


def _individuals(run: Run) -> pd.DataFrame:
    conditional = run.densities.conditional
    translation = conditional.translation
    layout, model = translation.layout, translation.model
    flat = run.draws.reshape(-1, conditional.n_effects)  # type: ignore[union-attr]
    sd_mode = conditional.scatter(np.sqrt(np.einsum("nii->ni", run.mode_covariance)))
    parts = []
    for kind, (offset, groups, width) in run.law.kinds.items():
        names = model.random_effects if kind == "eta" else model.occasion_effects
        subject = np.arange(groups) if kind == "eta" else layout.occasion_subject
        occasion = np.full(groups, "") if kind == "eta" else layout.occasions
        span = slice(offset, offset + groups * width)
        columns = {
            "ID": np.repeat(np.asarray(layout.subjects)[subject], width),
            "LEVEL": kind,
            "OCCASION": np.repeat(occasion, width),
            "PARAMETER": np.tile(np.asarray(names), groups),
            "MEAN": flat[:, span].mean(axis=0),
            "SD": flat[:, span].std(axis=0, ddof=1),
            "MODE": run.mode[span],
            "MODE_SD": sd_mode[span],
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _shrinkage(run: Run) -> dict[str, float]:
    """100 (1 - SD of the conditional means / omega), in %."""
    if not run.law.n_eta or not run.law.normal or not run.law.common:
        return {}
    _, groups, width = run.law.kinds["eta"]
    mean = run.draws.mean(axis=(0, 1))[: groups * width].reshape(groups, width)  # type: ignore[union-attr]
    omega = np.sqrt(np.diag(run.law.covariances(run.theta)["eta"]))
    names = run.densities.conditional.translation.model.random_effects
    found = 100 * (1 - mean.std(axis=0, ddof=1) / omega)
    return dict(zip(names, found.tolist(), strict=True))


def _plain(element: str) -> str:
    for end in ("_log__", "_logodds__", "_interval__", "_lowerbound__", "_upperbound__"):
        element = element.replace(end, "")
    return element


def _check_settings(chains, explore, smooth, tolerance, draws) -> None:
    for name, value, least in (
        ("chains", chains, 1),
        ("explore", explore, 1),
        ("smooth", smooth, 1),
        ("draws", draws, 4),
    ):
        if value is not None and (not isinstance(value, int | np.integer) or value < least):
            raise FitError(explain(expected=f"{name} a whole number >= {least}", got=repr(value)))
    if not 0 < tolerance <= 1:
        raise FitError(
            explain(
                expected="tolerance in (0, 1], in standard errors of the estimates",
                got=repr(tolerance),
                remedy="0.1 is usual.",
            )
        )


def _check_model(conditional: Conditional) -> None:
    if not conditional.effects.variables:
        raise FitError(
            explain(
                expected="a model with random effects (iiv or iov)",
                got="none: there is nothing to simulate",
                remedy="Give a parameter iiv=..., or use bn.fit.",
            )
        )
    check_separable(conditional)


def _check_identified(
    conditional: Conditional, densities: Densities, theta: np.ndarray, held: np.ndarray
) -> None:
    unknown = unidentified(densities, theta, held)
    if len(unknown):
        names = list(dict.fromkeys(conditional.population.elements[k].split("[")[0] for k in unknown))
        raise ModelError(
            explain(
                expected="parameters that the data know something about, for maximum likelihood",
                got=f"{names_text(names)}, known to a prior alone",
                remedy="Use priors=True (posterior mode), or make them known numbers.",
            )
        )
