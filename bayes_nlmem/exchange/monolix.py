"""A model from a Monolix project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_nlmem.exchange.imported import Imported
from bayes_nlmem.exchange.mlxtran_data import Columns, columns_of, dataset_of, frame_of
from bayes_nlmem.exchange.mlxtran_kinetics import kinetics_of, library
from bayes_nlmem.exchange.mlxtran_numbers import numbers_of
from bayes_nlmem.exchange.mlxtran_statistics import (
    correlated_of,
    covariates_of,
    individuals_of,
    parameter_of,
    residual_of,
)
from bayes_nlmem.exchange.mlxtran_structure import structure_of
from bayes_nlmem.exchange.mlxtran_text import Line, Place, listed, places_of, refused, statements
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.scales import Natural
from bayes_nlmem.model.parameters import Parameter
from bayes_nlmem.model.quantities import quantities
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.covariates import Linear

_LONGITUDINAL = ("", "PK", "EQUATION", "OUTPUT", "DEFINITION")


def from_monolix(
    path: str | Path,
    data: str | Path | pd.DataFrame | None = None,
    *,
    estimates: str | Path | None = None,
) -> Imported:
    """A model, its data and its values from a Monolix project.

    What is not recognised exactly is refused with its line when it changes predictions or the model, and
    listed when not. Models of the library that are closed forms, `pkmodel`, macros and equations; those that
    are compartment systems become closed forms, all others `ODE` or `Function`. In closed forms the
    parameters take our names (Cl is CL, ka is KA, Tlag is ALAG_depot), in equations they keep theirs.

    Parameters
    ----------
    path : path
        The .mlxtran file.
    data : path or DataFrame, optional
        In the place of the file that <DATAFILE> names, with the same columns.
    estimates : path, optional
        populationParameters.txt of a run: its estimates in the place of the initial values.

    Returns
    -------
    Imported

    Raises
    ------
    ModelError
        There is no exact counterpart, or a file is missing.
    DataError
        The data have faults.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> import bayes_nlmem as bn
    >>> project = '''
    ... <DATAFILE>
    ... [FILEINFO]
    ... file = 'study.csv'
    ... delimiter = comma
    ... header = {ID, TIME, AMT, DV, WT}
    ... [CONTENT]
    ... ID = {use=identifier}
    ... TIME = {use=time}
    ... AMT = {use=amount}
    ... DV = {use=observation, type=continuous}
    ... WT = {use=covariate, type=continuous}
    ... <MODEL>
    ... [COVARIATE]
    ... input = WT
    ... EQUATION:
    ... logtWT = log(WT/70)
    ... [INDIVIDUAL]
    ... input = {V_pop, omega_V, Cl_pop, omega_Cl, logtWT, beta}
    ... DEFINITION:
    ... V = {distribution=logNormal, typical=V_pop, sd=omega_V}
    ... Cl = {distribution=logNormal, typical=Cl_pop, covariate=logtWT, coefficient=beta, sd=omega_Cl}
    ... [LONGITUDINAL]
    ... input = {b}
    ... file = 'lib:bolus_1cpt_VCl.txt'
    ... DEFINITION:
    ... y = {distribution=normal, prediction=Cc, errorModel=proportional(b)}
    ... <FIT>
    ... data = DV
    ... model = y
    ... <PARAMETER>
    ... V_pop = {value=20, method=MLE}
    ... Cl_pop = {value=2, method=MLE}
    ... beta = {value=0.75, method=FIXED}
    ... omega_V = {value=0.2, method=MLE}
    ... omega_Cl = {value=0.3, method=MLE}
    ... b = {value=0.1, method=MLE}
    ... '''
    >>> table = pd.DataFrame({"ID": 1, "TIME": [0, 1, 8], "AMT": [9, 0, 0], "DV": [None, 4, 2], "WT": 70})
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "project.mlxtran")
    ...     _ = path.write_text(project)
    ...     imported = bn.from_monolix(path, table)
    >>> imported.model.structure, imported.model.parameters["CL"].covariates["WT"]
    (OneCompartment(), Power(exponent=0.75, reference=70.0))
    >>> imported.untranslated
    ()
    """
    path = Path(path)
    places = places_of(path.read_text(encoding="utf-8-sig"))
    _check_sections(places)
    columns = columns_of(places)
    numbers = numbers_of(places, estimates)
    covariates = covariates_of(places)
    structural, inputs = _structural(places, path.parent)
    kinetics = kinetics_of([*structural.get("PK", []), *structural.get("EQUATION", [])])
    observed = _observed(places, structural, columns)
    regressors = _regressors(inputs, columns)
    individuals, correlations = individuals_of(places.get(("MODEL", "INDIVIDUAL", "DEFINITION"), []))
    if missing := [name for name in inputs if name not in individuals and name not in regressors]:
        got = f"{', '.join(missing)} as input of the structural model"
        raise ModelError(explain(expected="inputs that [INDIVIDUAL] defines, or regressors", got=got))
    predictions = [one.prediction for one in observed]
    translated = structure_of(kinetics, [n for n in inputs if n not in regressors], regressors, predictions)
    occasion = columns.ours.get("OCC")

    def model(unknown: bool) -> Model:
        parameters = {}
        for theirs, ours in translated.names.items():
            if theirs in regressors:
                column = regressors[theirs]
                parameters[ours] = Parameter(
                    0.0, covariates={column: Linear(1.0, reference=0.0)}, scale=Natural()
                )
            else:
                parameters[ours] = parameter_of(
                    theirs, *individuals[theirs], numbers, covariates, occasion, unknown
                )
        parameters |= {
            name: Parameter(value, scale=Natural()) for name, value in translated.constants.items()
        }
        order = [*(name for name in translated.structure.parameters if name in parameters), *parameters]
        return Model(
            structure=translated.structure,
            parameters={name: parameters[name] for name in dict.fromkeys(order)},
            residuals={
                translated.outputs[one.prediction]: residual_of(
                    one.name, one.line, one.given, numbers, unknown
                )
                for one in observed
            },
            correlated=correlated_of(correlations, translated.names, numbers, occasion, unknown),
            name=path.stem,
        )

    unknown, known = model(True), model(False)
    frame = frame_of(columns, path.parent, data)
    outputs = {one.label: translated.outputs[one.prediction] for one in observed}
    dataset, notes = dataset_of(frame, columns, outputs, translated, kinetics, covariates)
    asked = {q.name for q in quantities(unknown) if not q.known}
    values = {q.name: float(q.value) for q in quantities(known) if q.name in asked}  # type: ignore[arg-type]
    idle = [name for name in inputs if name not in translated.names]
    told = [
        *columns.settings,
        *notes,
        *(f"{name}: no prediction depends on it." for name in idle),
        *(
            f"line {numbers.lines[name]}: {name}: nothing in the model uses it."
            for name in numbers.values
            if name not in numbers.used and name not in numbers.fixed
        ),
        *_program(places),
    ]
    dataset = replace(dataset, source=path.name)
    return Imported(unknown, dataset, FrozenMapping(values), tuple(told), known)


@dataclass(frozen=True)
class _Observed:
    """A definition of observations, and the value of the observation type that stands for it."""

    name: str
    line: int
    given: dict[str, Any]
    prediction: str
    label: str


def _check_sections(places: Mapping[Place, list[Line]]) -> None:
    known = {("DATAFILE", None), ("FIT", ""), ("PARAMETER", ""), ("MONOLIX", None)} | {
        ("MODEL", part) for part in ("COVARIATE", "INDIVIDUAL", "LONGITUDINAL", "POPULATION")
    }
    for (section, part, block), lines in places.items():
        here = f"<{section}> [{part}] {block}".strip()
        strange = (section, part) not in known and (section, None) not in known
        equations = part in ("INDIVIDUAL", "POPULATION") and block not in ("", "DEFINITION")
        if strange or equations or (part == "LONGITUDINAL" and block not in _LONGITUDINAL):
            raise refused(lines[0].number, here, "sections that are known", "Write that part by hand.")


def _structural(
    places: Mapping[Place, list[Line]], folder: Path
) -> tuple[dict[str, list[Line]], dict[str, str | None]]:
    """Blocks of the structural model, and its inputs with their roles."""
    own = {block: places.get(("MODEL", "LONGITUDINAL", block), []) for block in _LONGITUDINAL}
    head = list(statements(own[""]))
    file = next(((line, value) for line, name, value in head if name == "file"), None)
    if file is None:
        return own, _inputs(own[""], own["DEFINITION"])
    line, value = file
    name = str(value["path"] if isinstance(value, dict) else value)
    if own["PK"] or own["EQUATION"]:
        raise refused(line, f"file={name} beside PK: or EQUATION:", "one of them")
    if name.startswith("lib:"):
        words, lines = library(name.removeprefix("lib:"), line)
        return {"PK": lines}, dict.fromkeys(words)
    if not (folder / name).is_file():
        remedy = "Put it there; a model of the library is named 'lib:...'."
        raise refused(line, f"no {folder / name}", "the file of the structural model", remedy)
    inside = places_of((folder / name).read_text(encoding="utf-8-sig"))
    found = {}
    for (_, part, block), lines in inside.items():
        if part != "LONGITUDINAL" or block not in _LONGITUDINAL:
            raise refused(lines[0].number, f"[{part}] {block} in {name}", "[LONGITUDINAL] alone")
        found[block] = lines
    if found.get("DEFINITION"):
        raise refused(found["DEFINITION"][0].number, f"DEFINITION: in {name}", "PK:, EQUATION: and OUTPUT:")
    return found, _inputs(found.get("", []), [])


def _inputs(head: list[Line], errors: list[Line]) -> dict[str, str | None]:
    """Inputs of a structural model, without those of its errors."""
    from bayes_nlmem.exchange.mlxtran_text import split

    of_errors = set()
    for _, _, given in statements(errors):
        if isinstance(given, dict):
            words = str(given.get("errorModel", "")).partition("(")[2].rstrip(")")
            of_errors |= {word for word in split(words, ",") if word}
    names: dict[str, str | None] = {}
    for line, name, value in statements(head):
        if name == "input":
            names |= {str(one): None for one in listed(value) if one not in of_errors}
        elif name in names and isinstance(value, dict) and value == {"use": "regressor"}:
            names[name] = "regressor"
        elif name != "file":
            raise refused(line, name, "input, regressors and file")
    return names


def _regressors(inputs: Mapping[str, str | None], columns: Columns) -> dict[str, str]:
    """Regressor -> column."""
    names = [name for name, role in inputs.items() if role]
    if len(names) == len(columns.regressors) == 1 or set(names) <= set(columns.regressors):
        return {name: name if name in columns.regressors else columns.regressors[0] for name in names}
    got = f"{', '.join(names)} beside the columns {', '.join(columns.regressors) or 'none'}"
    raise ModelError(explain(expected="regressors with the names of their columns", got=got))


def _observed(
    places: Mapping[Place, list[Line]], structural: Mapping[str, list[Line]], columns: Columns
) -> list[_Observed]:
    defined = {}
    for line, name, given in statements(places.get(("MODEL", "LONGITUDINAL", "DEFINITION"), [])):
        if not isinstance(given, dict) or "prediction" not in given:
            raise refused(line, name, "{distribution=..., prediction=..., errorModel=...}",
                          "Write the endpoint by hand, see Bernoulli, Poisson, TimeToEvent.")  # fmt: skip
        defined[name] = (line, given)
    fit = {name: (line, listed(value)) for line, name, value in statements(places.get(("FIT", "", ""), []))}
    if stray := set(fit) - {"data", "model"}:
        raise refused(fit[stray.pop()][0], "<FIT>", "data and model")
    line, models = fit.get("model", (0, list(defined)))
    data = fit["data"][1] if "data" in fit else [label for _, label in columns.observations]
    if not models or len(models) != len(data) or not set(models) <= set(defined):
        raise refused(
            line, f"model={', '.join(map(str, models))}", "a definition of observations for each of data"
        )
    found = []
    for name, label in zip(models, data, strict=True):
        labels = [value for known, value in columns.observations if str(label) in (known, value)]
        if not labels and len(columns.observations) == 1 and label == columns.ours.get("DV"):
            labels = [columns.observations[0][1]]
        if len(labels) != 1:
            known = ", ".join(value for _, value in columns.observations)
            raise refused(line, f"data={label}", f"one of the observations ({known})")
        number, given = defined[name]
        found.append(_Observed(name, number, given, str(given["prediction"]), labels[0]))
    if len({one.prediction for one in found}) < len(found):
        raise refused(
            found[-1].line, f"prediction={found[-1].prediction}", "one observation of each prediction"
        )
    if len(columns.observations) > 1 and "DVID" not in columns.ours:
        raise refused(line, "several observations", "a column with use=observationtype")
    return found


def _program(places: Mapping[Place, list[Line]]) -> list[str]:
    """Tasks and settings of the program."""
    lines = [line for place, lines in places.items() if place[0] == "MONOLIX" for line in lines]
    return [f"line {lines[0].number}: <MONOLIX>: tasks and settings of the program."] if lines else []
