"""`simulate`: replicates of a study on the graph that was fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.planned import Arm, Design
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.learning.predictions import time_after_dose
from bayes_nlmem.model.specification import Model
from bayes_nlmem.simulation.asked import asked, design_of
from bayes_nlmem.simulation.evaluation import draw_law, evaluate, law_arguments
from bayes_nlmem.simulation.limits import Limit, censored, lower_limits, upper_limits
from bayes_nlmem.simulation.population import (
    Columns,
    centre,
    chosen_draws,
    columns_of,
    known_population,
    population_in,
)
from bayes_nlmem.simulation.simulated import GROUP, Simulation
from bayes_nlmem.simulation.subjects import NEW, SAME, SUBJECTS, effects_of
from bayes_nlmem.translation.graph import Translation, translate


def simulate(
    learnt: Any,
    data: Dataset | Design | Arm | pd.DataFrame | None = None,
    *,
    subjects: str = NEW,
    draws: int = 500,
    seed: int | None = None,
    residual_error: bool = True,
    uncertainty: bool = True,
    parameters: Mapping[str, Any] | None = None,
    lloq: Limit = None,
    uloq: Limit = None,
    edit: Callable[[Any], Any] | None = None,
) -> Simulation:
    """Simulate replicates of a study: y ~ p(y | b, theta), b ~ p(b | theta), theta from its posterior.

    Everything is drawn from the graph that was fitted: random effects from its laws of the effects,
    observations from its laws of the observations.

    Parameters
    ----------
    learnt : Fit, another learnt result, or Model
        What was learnt. A bare `Model` is simulated with `parameters`, or from its priors.
    data : Dataset, Design, Arm or DataFrame, optional
        Doses, times and covariates; by default those of the fit. Simulated are the observations of each
        output, or, where there are none, all records with EVID = 0 (DV empty), or else with EVID = 2.
    subjects : {"new", "same", "typical"}
        Random effects: drawn for new subjects with the doses and covariates of the data; those learnt of the
        subjects of the study (new occasions are drawn); or all 0.
    draws : int
        Number of replicates.
    seed : int, optional
        The same seed gives the same replicates; by default one is chosen and kept in `settings`.
    residual_error : bool
        Whether observations are drawn around the predictions.
    uncertainty : bool
        Whether every replicate has its own draw of the population parameters (and, with
        ``subjects="same"``, of the effects); if not, all have the posterior medians.
    parameters : mapping, optional
        Of a bare model: name in the graph -> known value, or one value per replicate. Parameters that are
        not named are drawn from their priors.
    lloq, uloq : float, mapping of output to float, or "as observed", optional
        Limits of quantification: values beyond them are set to the limit, with `{out}_cens` 1 (below) or -1
        (above). "as observed" takes the limits of the data.
    edit : callable, optional
        A change of the graph, as in `fit`; by default the one that the fit was given.

    Returns
    -------
    Simulation

    Raises
    ------
    ModelError
        Wrong words, unknown parameters, covariates that the data lack, subjects that were not learnt.
    DataError
        Nothing to simulate, or a limit of quantification that the data do not tell.

    Examples
    --------
    >>> import pandas as pd
    >>> import bayes_nlmem as bn
    >>> model = bn.Model(
    ...     structure=bn.OneCompartment(),
    ...     parameters={"CL": bn.Parameter(2.0, iiv=0.3), "V": bn.Parameter(bn.about(20))},
    ...     residuals={"cp": bn.Proportional(0.1)},
    ... )
    >>> table = pd.DataFrame({"ID": 1, "TIME": [0.0, 1.0, 8.0], "AMT": [100, 0, 0], "EVID": [1, 0, 0]})
    >>> simulation = bn.simulate(model, table, parameters={"V": 20}, draws=100, seed=1)
    Traceback (most recent call last):
    bayes_nlmem.ground.messages.ModelError: Expected unknown population parameters of the model (V_pop), ...
    >>> simulation = bn.simulate(model, table, parameters={"V_pop": 20}, draws=100, seed=1)
    >>> simulation.values("cp").shape
    (100, 2)
    """
    model, data, posterior, edit = _source(learnt, data, parameters, edit, subjects, uncertainty)
    _check(subjects, draws)
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(4)]
    design = design_of(model, data, seeds[3])
    at = asked(model, design)
    limits = {
        output: (lower_limits(design, output, record, lloq), upper_limits(design, output, record, uloq))
        for output, record in at.items()
    }
    _check_limits(residual_error, lloq, uloq)

    translation = translate(
        model, design, geometry="centred", edit=edit, predict_at=at, with_law=residual_error
    )
    graph = translation.graph
    drawn = None
    if posterior is not None:
        drawn = chosen_draws(posterior, draws) if uncertainty else centre(posterior, draws)
        population = columns_of(drawn, [rv.name for rv in population_in(graph)])
    else:
        population = known_population(translation, parameters, draws, seeds[0])
    effects = effects_of(translation, population, subjects, drawn, draws, seeds[1])
    found = _forward(translation, population | effects, draws, seeds[2], residual_error)
    for output, (lower, upper) in limits.items():
        if lower is not None or upper is not None:
            values, code = censored(found[f"{output}_obs"], lower, upper)
            found |= {f"{output}_obs": values, f"{output}_cens": code}
    settings = {
        "subjects": subjects,
        "draws": draws,
        "seed": seed,
        "residual_error": residual_error,
        "uncertainty": uncertainty,
        "lloq": lloq,
        "uloq": uloq,
    }
    tree = _tree(translation, population, effects | found)
    return Simulation(model, design, tree, settings, edit)


def _source(learnt, data, parameters, edit, subjects, uncertainty):
    """Model, data, draws and edit of whatever was given."""
    if isinstance(learnt, Model):
        if data is None:
            raise ModelError(
                explain(expected="data to simulate", got="a model alone", remedy="bn.simulate(model, data).")
            )
        if subjects == SAME:
            raise ModelError(
                explain(
                    expected='subjects="new" or "typical" with a bare model',
                    got='"same": nothing was learnt of any subject',
                )
            )
        if not uncertainty:
            raise ModelError(
                explain(
                    expected="uncertainty=False only with something learnt",
                    got="a bare model",
                    remedy="Give its parameters: parameters={...}.",
                )
            )
        return learnt, data, None, edit
    if not all(hasattr(learnt, name) for name in ("model", "data", "draws")):
        raise TypeError(explain(expected="a Fit, another result or a Model", got=type(learnt).__name__))
    if parameters is not None:
        raise ModelError(
            explain(
                expected="parameters only with a bare model",
                got="a fit as well",
                remedy="bn.simulate(fit.model, fit.data, parameters=...).",
            )
        )
    posterior = learnt.draws["posterior"].to_dataset()
    own_edit = edit if edit is not None else getattr(learnt, "edit", None)
    return learnt.model, learnt.data if data is None else data, posterior, own_edit


def _check(subjects: str, draws: Any) -> None:
    if subjects not in SUBJECTS:
        raise ModelError(explain(expected=f"subjects one of {', '.join(SUBJECTS)}", got=repr(subjects)))
    if not isinstance(draws, int | np.integer) or draws < 1:
        raise ModelError(explain(expected="draws a whole number >= 1", got=repr(draws)))


def _check_limits(residual_error: bool, lloq: Limit, uloq: Limit) -> None:
    if not residual_error and (lloq is not None or uloq is not None):
        raise ModelError(
            explain(
                expected="limits of quantification only with residual_error=True",
                got="limits of predictions, which are not observed",
            )
        )


def _forward(
    translation: Translation, given: Columns, draws: int, seed: int, residual_error: bool
) -> dict[str, np.ndarray]:
    """Individual parameters, predictions and observations at every draw."""
    graph, outputs = translation.graph, list(translation.observed)
    taken = {rv.name for rv in [*graph.free_RVs, *graph.observed_RVs]}
    named = [v for v in graph.deterministics if v.name not in taken and _kept(graph, v)]
    laws = {output: graph[f"{output}_obs"] for output in outputs} if residual_error else {}
    together = {name for pair in translation.model.correlated_residuals for name in pair.names}
    arguments = {output: None if output in together else law_arguments(rv) for output, rv in laws.items()}
    wanted = list(named)
    for output, rv in laws.items():
        own = arguments[output]
        wanted += [rv] if own is None else own
    values = evaluate(graph, wanted, given, draws, seed)
    found = {v.name: value for v, value in zip(named, values, strict=False)}
    rng, at = np.random.default_rng(seed), len(named)
    for output, rv in laws.items():
        own = arguments[output]
        width = 1 if own is None else len(own)
        piece = values[at : at + width]
        found[f"{output}_obs"] = piece[0] if own is None else draw_law(rv, piece, rng)
        at += width
    return found


def _kept(graph: Any, variable: Any) -> bool:
    """Quantities with a dimension: individual values and predictions, not correlations."""
    return bool(graph.named_vars_to_dims.get(variable.name))


def _tree(translation: Translation, population: Columns, found: dict[str, np.ndarray]) -> xr.DataTree:
    graph, design, layout = translation.graph, translation.data, translation.layout
    table = design.table
    tad = time_after_dose(table)
    rows = {f"{output}_row": seen.record + 1 for output, seen in translation.observed.items()}

    def dataset(columns: dict[str, np.ndarray]) -> xr.Dataset:
        variables, used = {}, set()
        for name, values in columns.items():
            dims = graph.named_vars_to_dims.get(name) or ()
            if name.endswith("_cens"):
                dims = (f"{name[: -len('_cens')]}_row",)
            if len(dims) != values.ndim - 1:
                dims = tuple(f"{name}_dim_{k}" for k in range(values.ndim - 1))
            variables[name] = (("chain", "draw", *dims), values[None])
            used |= set(dims)
        coords = {dim: np.asarray(labels) for dim, labels in graph.coords.items() if dim in used}
        return xr.Dataset(variables, coords={"chain": [0], "draw": np.arange(_length(columns)), **coords})

    constant: dict[str, Any] = {}
    observed: dict[str, Any] = {}
    for output, seen in translation.observed.items():
        dim, own = f"{output}_row", table.iloc[seen.record]
        constant[f"{output}_time"] = (dim, own["TIME"].to_numpy(float))
        constant[f"{output}_tad"] = (dim, tad[seen.record])
        constant[f"{output}_subject"] = (dim, own["ID"].to_numpy())
        if "OCC" in design.columns:
            constant[f"{output}_occasion"] = (dim, own["OCC"].to_numpy())
        if (own["MDV"] == 0).all() and own["DV"].notna().all():
            observed[f"{output}_obs"] = (dim, own["DV"].to_numpy(float))
    for name, values in layout.subject_covariates.items():
        constant[name] = ("subject", np.asarray(values))
    groups = {
        "posterior": dataset(population) if population else xr.Dataset(),
        GROUP: dataset(found),
        "constant_data": xr.Dataset(constant, coords={**rows, "subject": layout.subjects}),
    }
    if observed:
        groups["observed_data"] = xr.Dataset(observed, coords=rows)
    return xr.DataTree.from_dict(groups)


def _length(columns: dict[str, np.ndarray]) -> int:
    return len(next(iter(columns.values())))
