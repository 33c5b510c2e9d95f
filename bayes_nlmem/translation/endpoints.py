"""The third layer where it is no measurement: categories, counts, events and states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pymc as pm

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import explain, rows_text
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.endpoints import Endpoint, Rows, is_endpoint, observation_name
from bayes_nlmem.translation.drawing import known_or_drawn
from bayes_nlmem.translation.layout import as_data
from bayes_nlmem.translation.likelihood import Observed


class Ask(NamedTuple):
    """A prediction that the graph is to hold: for which endpoint, which output of the structure, where."""

    endpoint: str
    output: str
    record: np.ndarray


Asked = dict[str, Ask]


def rows_of(data: Dataset, record: np.ndarray) -> Rows:
    """The observations at some records, as an endpoint wants them."""
    table = data.table
    time, subject = table["TIME"].to_numpy(float), table["SUBJECT"].to_numpy(np.int64)
    return Rows(
        subject=subject[record],
        time=time[record],
        value=table["DV"].to_numpy(float)[record],
        cens=table["CENS"].to_numpy(np.int64)[record],
        entry=time[data.start[:-1]][subject[record]],
    )


def asked_predictions(
    model: Model, data: Dataset, observed: Mapping[str, Observed], likelihood: bool
) -> Asked:
    """What the structure is to predict, by its name in the graph; for a likelihood what endpoints need."""
    asked = {output: Ask(output, output, seen.record) for output, seen in observed.items()}
    if likelihood:
        for output, seen in observed.items():
            asked |= _further(model, data, output, seen.record)
    return asked


def _further(model: Model, data: Dataset, output: str, record: np.ndarray) -> Asked:
    endpoint: Any = model.residuals[output]
    found: Asked = {}
    if not is_endpoint(endpoint):
        return found
    for key, (source, before) in endpoint.inputs().items():
        if before:
            rows = rows_of(data, record)
            at = rows.previous(record.astype(float), data.start[:-1][rows.subject]).astype(np.int64)
        else:
            at = record
        if before or source != output:
            found[input_name(output, key)] = Ask(output, source, at)
    return found


def input_name(output: str, key: str) -> str:
    """Name in the graph of a further prediction of an endpoint."""
    return f"{output}_{key.replace(' ', '_')}"


@dataclass(frozen=True, eq=False)
class Law:
    """An endpoint's law with its arguments in the order of a random variable: f, then the others by name.

    Parameters
    ----------
    endpoint : Endpoint
    names : tuple of str
        Names of all arguments after f, as the endpoint knows them.
    in_graph : dict of str to str
        Those that the draws of the graph hold, by their name there.
    constants : dict of str to ndarray
        Those that are constants of the rows, or known numbers.
    """

    endpoint: Endpoint
    names: tuple[str, ...]
    in_graph: dict[str, str]
    constants: dict[str, Any]

    def log_density(self, value: Any, f: Any, *others: Any) -> Any:
        """Log-probability of every row."""
        return self.endpoint.log_density(value, f, dict(zip(self.names, others, strict=True)))

    def draw(self, f: Any, *others: Any, rng: Any, size: Any) -> Any:
        """Random values."""
        return self.endpoint.draw(rng, f, dict(zip(self.names, others, strict=True)), size)

    def given(self, draws: Mapping[str, Any]) -> dict[str, Any]:
        """What the endpoint's methods want besides f, with draws in the leading dimension.

        Parameters
        ----------
        draws : mapping of str to ndarray
            Names in the graph -> values, shape (n_draws,) or (n_draws, n_rows).
        """
        found = dict(self.constants)
        for key, name in self.in_graph.items():
            values = np.asarray(draws[name])
            found[key] = values[:, None] if values.ndim == 1 else values
        return found


def law_of(model: Model, data: Dataset, output: str, record: np.ndarray) -> Law:
    """The law of the observations of an output at some records."""
    endpoint: Any = model.residuals[output]
    in_graph: dict[str, str] = {}
    constants: dict[str, Any] = {}
    for suffix, value in endpoint.unknowns().items():
        if isinstance(value, (int, float)):
            constants[suffix] = float(value)
        else:
            in_graph[suffix] = observation_name(endpoint, output, suffix)
    for key, (source, before) in endpoint.inputs().items():
        in_graph[key] = output if source == output and not before else input_name(output, key)
    constants |= endpoint.constants(rows_of(data, record))
    names = (*endpoint.unknowns(), *endpoint.inputs(), *endpoint.constants(rows_of(data, record)))
    return Law(endpoint, names, in_graph, constants)


def draw_endpoint(output: str, observed: Observed, model: Model, data: Dataset, graph: pm.Model) -> None:
    """Put the likelihood `{out}_obs` of a categorical, count or event endpoint into the graph."""
    law, dims = law_of(model, data, output, observed.record), f"{output}_row"
    endpoint = law.endpoint
    values: dict[str, Any] = {
        suffix: known_or_drawn(observation_name(endpoint, output, suffix), value)
        for suffix, value in endpoint.unknowns().items()
    }
    for name in law.names:
        if name in law.constants and name not in values:
            values[name] = pm.Data(f"{output}_{name}", law.constants[name], dims=dims)
        elif name not in values:
            values[name] = graph[law.in_graph[name]]
    arguments = (graph[output], *(values[name] for name in law.names))
    pm.CustomDist(
        f"{output}_obs",
        *arguments,
        logp=law.log_density,
        random=law.draw,
        signature=f"{','.join(['()'] * len(arguments))}->()",
        observed=as_data(f"{output}_values", observed.value),
        dims=dims,
    )


def endpoint_problems(model: Model, data: Dataset, records: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Observations that an endpoint cannot have seen, with their rows."""
    table = data.table
    for output, record in records.items():
        endpoint: Any = model.residuals[output]
        if not is_endpoint(endpoint):
            continue
        for trouble in endpoint.troubles(rows_of(data, record)):
            wrong = table.iloc[record[np.asarray(trouble.where, bool)]]
            if len(wrong):
                first = wrong.iloc[0]
                got = f"DV {first['DV']:g}, CENS {first['CENS']:g}, TIME {first['TIME']:g}, ID {first['ID']}"
                yield explain(
                    expected=f"{trouble.expected} for {output!r} ({type(endpoint).__name__})",
                    got=f"{got} ({rows_text(wrong['ROW'])})",
                    remedy=trouble.remedy,
                )


def column_problems(model: Model, data: Dataset) -> Iterator[str]:
    """Columns that the structure itself uses, and that were not read, hold words, or have gaps."""
    kind = type(model.structure).__name__
    for name in getattr(model.structure, "columns", ()):
        if name not in data.covariates:
            yield explain(
                expected=f"covariate {name!r} (used by the {kind}) among those read: "
                f"{', '.join(data.covariates) or 'none'}",
                got="nothing of that name",
                remedy=f'Read it: bn.read(..., covariates=["{name}"]).',
            )
            continue
        values = np.asarray(data.covariate(name))
        if not np.issubdtype(values.dtype, np.number):
            remedy = "Write the categories as numbers, one 0/1 column each."
            yield explain(expected=f"numbers in {name!r}, which the {kind} uses", got="words", remedy=remedy)
        elif (gaps := ~np.isfinite(values.astype(float))).any():
            yield explain(
                expected=f"{name!r}, which the {kind} uses, in every record",
                got=f"none in {rows_text(data.table['ROW'][gaps])}",
                remedy="Fill it in, or take the records out.",
            )


def columns_of(model: Model, data: Dataset) -> dict[str, np.ndarray]:
    """Columns of the data that the structure uses by name, at every record."""
    names = getattr(model.structure, "columns", ())
    return {name: np.asarray(data.covariate(name), float) for name in names}
