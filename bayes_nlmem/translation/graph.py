"""`build(model, data) -> pm.Model`: the one translation from the specification into a PyMC graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pymc as pm

from bayes_nlmem.data.compartment_names import check_compartments
from bayes_nlmem.data.covariates import is_missing
from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.engine.records import Requests
from bayes_nlmem.ground.messages import DataError, ModelError, explain
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.endpoints import is_endpoint
from bayes_nlmem.statistics.surroundings import effect_name
from bayes_nlmem.structures.records import records_from_table
from bayes_nlmem.translation.endpoints import Asked, asked_predictions, columns_of, draw_endpoint
from bayes_nlmem.translation.geometry import GEOMETRIES
from bayes_nlmem.translation.individuals import (
    Values,
    Variability,
    chosen_values,
    individual_values,
    name_effects,
    name_individuals,
    on_rows,
)
from bayes_nlmem.translation.layout import Layout, as_data, lay_out
from bayes_nlmem.translation.likelihood import Observed, draw_observations, observations, to_be_drawn
from bayes_nlmem.translation.meeting import check_meeting, observed_records
from bayes_nlmem.translation.missing import complete_covariates
from bayes_nlmem.translation.positive import check_signs
from bayes_nlmem.translation.random_effects import (
    coordinates,
    draw_group_effects,
    draw_occasion_effects,
    draw_subject_effects,
)
from bayes_nlmem.translation.scenarios import (
    Scenario,
    average_likelihood,
    chosen,
    draw_scenario,
    draw_scenarios,
)
from bayes_nlmem.translation.surroundings import Surroundings, surroundings

Edit = Callable[[pm.Model], pm.Model | None]


@dataclass(frozen=True, eq=False)
class Translation:
    """A PyMC graph together with the bookkeeping that made it.

    Parameters
    ----------
    graph : pm.Model
        The model as PyMC sees it.
    layout : Layout
        Subjects, occasions and parameter rows.
    observed : dict of str to Observed
        The observations of every output.
    surroundings : dict of str to Surroundings
        What their residual errors depend on besides the prediction.
    """

    model: Model
    data: Dataset
    graph: pm.Model
    layout: Layout
    observed: dict[str, Observed]
    surroundings: dict[str, Surroundings] = field(default_factory=dict)


def build(model: Model, data: Dataset, *, geometry: str = "noncentred", edit: Edit | None = None) -> pm.Model:
    """Translate a model and a study into a PyMC graph.

    The graph is generative and reads like the model: `{p}_pop`, `omega_{p}`, `eta[subject, parameter]`,
    the individual values `{p}`, the predictions `{out}` and the likelihood `{out}_obs`.

    Parameters
    ----------
    model : Model
        The three layers: structure, parameters with their effects, residuals.
    data : Dataset
        The study.
    geometry : {"noncentred", "centred"}
        The coordinates in which the random effects are sampled; the graph's meaning does not change.
    edit : callable, optional
        Gets the finished graph, changes it in place or returns another one.

    Returns
    -------
    pm.Model
        An ordinary PyMC model: inspect it, edit it, sample it yourself.

    Raises
    ------
    ModelError
        The model and the data do not fit together; the message names the covariate, output or column.
        An observation with an error on the log scale is predicted to be 0, as before the first dose.
    DataError
        The data hold events that the structure does not know.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> graph = bn.build(study.model, study.data)
    >>> graph["eta"].eval().shape
    (12, 3)
    """
    return translate(model, data, geometry=geometry, edit=edit).graph


def translate(
    model: Model,
    data: Dataset,
    *,
    geometry: str = "noncentred",
    edit: Edit | None = None,
    predict_at: Mapping[str, np.ndarray] | None = None,
    with_law: bool = False,
) -> Translation:
    """Build the graph and keep the bookkeeping; the engines above `build` need both.

    With `predict_at` (output to positions of records) the graph predicts there and has no likelihood; with
    `with_law` as well it holds the law `{out}_obs` of observations there, to be drawn from: what was
    recorded there, if anything, is not looked at.
    """
    if geometry not in GEOMETRIES:
        raise ModelError(
            explain(
                expected=f"geometry one of {', '.join(GEOMETRIES)}", got=repr(geometry), remedy="Choose one."
            )
        )
    if faults := check_compartments(data, model.structure):
        raise DataError(faults=faults, source=data.source)
    if predict_at is None:
        check_meeting(model, data)
    layout = lay_out(model, data)
    records = records_from_table(
        data.table,
        model.structure,
        row=layout.record_row,
        row_at=layout.record_row_at,
        columns=columns_of(model, data),
    )
    by_output = observed_records(model, data) if predict_at is None else predict_at
    seen_at = to_be_drawn if with_law else observations
    observed = {output: seen_at(data, record) for output, record in by_output.items()}
    has_law = predict_at is None or with_law
    asked = asked_predictions(model, data, observed, has_law)
    around = surroundings(model, data, by_output)

    with pm.Model(coords=_coordinates(model, layout, observed)) as graph:
        covariates = _covariates(layout)
        effects = Variability(
            eta=draw_subject_effects(model, geometry, model.n_classes if predict_at is None else 1),
            kappa=draw_occasion_effects(model, geometry),
            groups=draw_group_effects(model),
        )
        covariates = complete_covariates(model, layout, covariates)
        scenarios = draw_scenarios(model, layout)

        def individuals(scenario: Scenario) -> Values:
            of_scenario = {**covariates, **scenario.covariates}
            return individual_values(model, layout, effects, of_scenario, scenario.number)

        def observe(predictions: Mapping[str, object], graph: pm.Model) -> None:
            measured = {o: predictions[o] for o in observed if not is_endpoint(model.residuals[o])}
            draw_observations(
                model,
                measured,
                observed,
                around,
                lambda output: effects.eta.of_class(0).column(effect_name(output)),
            )
            for output in observed.keys() - measured.keys():
                draw_endpoint(output, observed[output], model, data, graph)

        averaged = scenarios is not None and predict_at is None
        if scenarios is None:
            values = individuals(Scenario())
        else:
            of_each = [individuals(scenario) for scenario in scenarios.each]
            if averaged:
                each = [_predict(model, records, on_rows(v, layout), asked) for v in of_each]
                scenario = average_likelihood(scenarios, each, _subjects(data, observed), observed, observe)
            else:
                scenario = draw_scenario(scenarios)
            values = chosen_values(model, layout, of_each, scenario)
            if averaged:
                name_effects(effects.eta, [one.number for one in scenarios.each], scenario)
        parameters = name_individuals(values, layout)
        if averaged:
            subject = data.table["SUBJECT"].to_numpy(np.int64)
            found = {
                name: chosen([predicted[name] for predicted in each], scenario[subject[ask.record]])
                for name, ask in asked.items()
            }
        else:
            found = _predict(model, records, parameters, asked)
        predictions = {
            name: pm.Deterministic(name, predicted, dims=f"{asked[name].endpoint}_row")
            for name, predicted in found.items()
        }
        if has_law and not averaged:
            observe(predictions, graph)
        if predict_at is None:
            check_signs(model, data, graph, observed)
    if edit is not None:
        with graph:
            graph = edit(graph) or graph
    return Translation(model, data, graph, layout, observed, around)


def _predict(model: Model, records, parameters, asked: Asked) -> dict[str, object]:
    structure = model.structure
    sizes = [len(ask.record) for ask in asked.values()]
    requests = Requests(
        record=np.concatenate([ask.record for ask in asked.values()]),
        output=np.repeat([structure.outputs.index(ask.output) for ask in asked.values()], sizes),
    )
    plan = structure.plan(records, requests, tuple(model.parameters))
    prediction = structure.predict(parameters, plan)
    if len(asked) == 1:
        return dict.fromkeys(asked, prediction)
    places = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    return {name: prediction[as_data(f"{name}_places", own)] for name, own in zip(asked, places, strict=True)}


def _subjects(data: Dataset, observed: Mapping[str, Observed]) -> dict[str, np.ndarray]:
    """Subject of every observation."""
    subject = data.table["SUBJECT"].to_numpy(np.int64)
    return {output: subject[seen.record] for output, seen in observed.items()}


def _coordinates(model: Model, layout: Layout, observed: dict[str, Observed]) -> dict[str, object]:
    coords: dict[str, object] = {"subject": layout.subjects, **coordinates(model)}
    coords |= {name: groups.labels for name, groups in layout.groups.items()}
    if len(layout.occasions):
        coords["occasion"] = layout.occasions
    if not (layout.rows_are_subjects or layout.rows_are_occasions):
        coords["interval"] = layout.row_labels
    for output, seen in observed.items():
        coords[f"{output}_row"] = seen.record + 1
    return coords


def _covariates(layout: Layout) -> dict[str, object]:
    """Numeric covariates as data of the graph; categories and incomplete ones stay as they are."""
    row_dimension = "occasion" if layout.rows_are_occasions else "interval"
    found: dict[str, object] = {}
    for values, dimension in (
        (layout.subject_covariates, "subject"),
        (layout.row_covariates, "subject" if layout.rows_are_subjects else row_dimension),
    ):
        for name, x in values.items():
            numeric = np.issubdtype(np.asarray(x).dtype, np.number) and not is_missing(x).any()
            found[name] = pm.Data(name, np.asarray(x, float), dims=dimension) if numeric else x
    return found
