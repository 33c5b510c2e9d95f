"""What can be wrong with a model before any data are seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bayes_nlmem.ground.block_prior import Joint
from bayes_nlmem.ground.messages import ModelError, closest, explain, names_text
from bayes_nlmem.model.correlated_residuals import CorrelatedResiduals
from bayes_nlmem.model.correlations import Correlated
from bayes_nlmem.model.levels import OCCASION, SUBJECT, groups_of, level_of
from bayes_nlmem.model.parameters import Parameter
from bayes_nlmem.model.quantities import quantities
from bayes_nlmem.model.unseen import missing_stated, mixture_stated, unseen_kinds
from bayes_nlmem.statistics.endpoints import Endpoint, is_endpoint
from bayes_nlmem.statistics.residuals import Residual
from bayes_nlmem.statistics.surroundings import inherited

if TYPE_CHECKING:
    from bayes_nlmem.model.specification import Model

STRUCTURE_PROTOCOL = ("parameters", "accepts", "outputs", "compartments", "plan", "predict")
ENDPOINT_COLUMNS = ("DVID", "CMT")


def problems_of(model: Model) -> list[str]:
    """Everything that is wrong with a model, one sentence or two each."""
    problems = [*_structure(model.structure), *_kinds(model), *unseen_kinds(model)]
    if problems:  # the rest would only echo them
        return problems
    problems += [
        *_parameters(model),
        *_residuals(model),
        *_endpoints(model),
        *_correlated(model),
        *_nested(model),
        *missing_stated(model),
        *mixture_stated(model),
        *_correlated_residuals(model),
    ]
    return problems or [*_names(model)]


def _structure(structure: Any) -> Iterator[str]:
    name = type(structure).__name__
    if isinstance(structure, type):
        remedy = f"Write {structure.__name__}(...), with its arguments."
        yield explain(expected="a structure", got=f"the class {structure.__name__}", remedy=remedy)
    elif lacking := [part for part in STRUCTURE_PROTOCOL if not hasattr(structure, part)]:
        yield explain(
            expected="a structure such as OneCompartment(absorption='first-order')",
            got=f"{structure!r} ({name}), without {', '.join(lacking)}",
            remedy="Give one of the structures, or a frozen record with the structure protocol.",
        )


def _kinds(model: Model) -> Iterator[str]:
    """Things of the wrong kind: they are reported alone."""
    if not isinstance(model.parameters, Mapping):
        remedy = 'Write parameters={"CL": Parameter(...), ...}.'
        yield explain(expected="a mapping of parameters", got=type(model.parameters).__name__, remedy=remedy)
    else:
        for name, parameter in model.parameters.items():
            if not isinstance(parameter, Parameter):
                yield explain(
                    expected=f"a Parameter for {name}",
                    got=repr(parameter),
                    remedy=f'Write "{name}": Parameter(...); a number is known, a prior is unknown.',
                )
    if not isinstance(model.residuals, Mapping):
        remedy = 'Write residuals={"cp": Proportional(HalfNormal(0.3))}.'
        got = type(model.residuals).__name__
        yield explain(expected="a mapping of output to residual", got=got, remedy=remedy)
    else:
        for output, residual in model.residuals.items():
            if isinstance(residual, type) or not isinstance(residual, (Residual, Endpoint)):
                remedy = "Write Additive(...), Proportional(...), Combined(...) or PowerError(...); "
                remedy += "for what is no measurement Bernoulli(), Poisson(), TimeToEvent(...), ..."
                yield explain(expected=f"a residual error for {output}", got=repr(residual), remedy=remedy)
    if not isinstance(model.endpoints, Mapping):
        remedy = 'Write endpoints={"cp": 1, "pca": 2}.'
        got = type(model.endpoints).__name__
        yield explain(expected="a mapping of output to label", got=got, remedy=remedy)
    if not isinstance(model.nested, Mapping):
        remedy = 'Write nested={"SITE": "STUDY"}.'
        yield explain(expected="a mapping of level to level", got=repr(model.nested), remedy=remedy)
    blocks: Any = model.correlated
    if not isinstance(blocks, Sequence) or isinstance(blocks, str):
        remedy = 'Write correlated=[Correlated("CL", "V")].'
        yield explain(expected="a list of Correlated", got=repr(blocks), remedy=remedy)
    else:
        for block in blocks:
            if not isinstance(block, Correlated):
                remedy = 'Write correlated=[Correlated("CL", "V")].'
                yield explain(expected="Correlated", got=repr(block), remedy=remedy)
    pairs: Any = model.correlated_residuals
    if not isinstance(pairs, Sequence) or not all(isinstance(pair, CorrelatedResiduals) for pair in pairs):
        remedy = 'Write correlated_residuals=[CorrelatedResiduals("cp", "pca")].'
        yield explain(expected="a list of CorrelatedResiduals", got=repr(pairs), remedy=remedy)
    if model.name is not None and not isinstance(model.name, str):
        yield explain(expected="text for `name`", got=repr(model.name), remedy="Leave it out if it has none.")


def _parameters(model: Model) -> Iterator[str]:
    structure, given = model.structure, model.parameters
    kind = type(structure).__name__
    required = tuple(structure.parameters)
    unknown = [name for name in given if name not in required and not structure.accepts(name)]
    missing = [name for name in required if name not in given]
    if missing:
        yield explain(
            expected=f"all parameters of {kind}: {', '.join(required)}",
            got=f"no {', '.join(missing)}",
            remedy=f'Add "{missing[0]}": Parameter(...).',
        )
    optional = tuple(getattr(structure, "optional", ()))
    valid = f"{', '.join(required)}; optional {', '.join(optional) or 'none'}"
    for name in unknown:
        remedy = _meant(structure, str(name), [*missing, *required, *optional])
        yield explain(expected=f"parameters of {kind} ({valid})", got=repr(name), remedy=remedy)


def _meant(structure: Any, name: str, candidates: list[str]) -> str:
    """The structure's own name for it, or one that looks like it."""
    if hasattr(structure, "canonical"):
        try:
            return f"Write {structure.canonical(name)}."
        except ModelError:
            pass
    return closest(name, candidates) or "Leave it out, or choose a structure that has it."


def _residuals(model: Model) -> Iterator[str]:
    outputs = tuple(model.structure.outputs)
    if not model.residuals:
        remedy = f'Write residuals={{"{outputs[0]}": Proportional(...)}}.'
        yield explain(expected="a residual error for at least one output", got="none", remedy=remedy)
    for output, residual in model.residuals.items():
        if output not in outputs:
            expected = f"an output of {type(model.structure).__name__} ({', '.join(outputs)}) in residuals"
            remedy = closest(str(output), outputs) or f"Write {outputs[0]!r}."
            yield explain(expected=expected, got=repr(output), remedy=remedy)
        if is_endpoint(residual):
            yield from _endpoint_inputs(output, residual, outputs)


def _endpoint_inputs(output: str, endpoint: Endpoint, outputs: tuple[str, ...]) -> Iterator[str]:
    """An endpoint may need other outputs; one that goes by its transitions stands under one of them."""
    sources = [source for source, _ in endpoint.inputs().values()]
    for source in dict.fromkeys(sources):
        if source not in outputs:
            expected = f"outputs of the structure ({', '.join(outputs)}) in {type(endpoint).__name__}"
            yield explain(expected=expected, got=repr(source), remedy=closest(source, outputs) or None)
    if getattr(endpoint, "under_an_input", False) and output not in sources:
        expected = f"{type(endpoint).__name__} under one of its own outputs ({', '.join(sources)})"
        remedy = f'Write residuals={{"{sources[0]}": ...}}.'
        yield explain(expected=expected, got=repr(output), remedy=remedy)


def _endpoints(model: Model) -> Iterator[str]:
    """Every output with a residual error has one label of its own, if any has."""
    if model.endpoints_in not in ENDPOINT_COLUMNS:
        expected = f"endpoints_in one of {', '.join(ENDPOINT_COLUMNS)}"
        remedy = "Name the column that tells the endpoints apart."
        yield explain(expected=expected, got=repr(model.endpoints_in), remedy=remedy)
    if not model.endpoints:
        return
    for output in model.endpoints:
        if output not in model.residuals:
            expected = f"outputs with a residual error ({', '.join(model.residuals)}) in endpoints"
            remedy = closest(str(output), model.residuals) or f"Give {output!r} a residual error."
            yield explain(expected=expected, got=repr(output), remedy=remedy)
    for output in model.residuals:
        if output not in model.endpoints:
            remedy = f'Write endpoints={{..., "{output}": 2}}.'
            yield explain(expected=f"a label for {output!r} in endpoints", got="none", remedy=remedy)
    labels = Counter(str(label) for label in model.endpoints.values())
    if twice := [label for label, times in labels.items() if times > 1]:
        remedy = "Give every output its own."
        yield explain(expected="one output per label in endpoints", got=names_text(twice), remedy=remedy)
    for output, label in model.endpoints.items():
        if isinstance(label, bool) or not isinstance(label, (int, str)):
            remedy = f"Write it as it stands in {model.endpoints_in}."
            yield explain(
                expected=f"a number or text for {output!r} in endpoints", got=repr(label), remedy=remedy
            )


def _correlated(model: Model) -> Iterator[str]:
    levels = (SUBJECT, OCCASION, *groups_of(model))
    for block in model.correlated:
        if block.level not in levels:
            remedy = closest(block.level, levels) or f'Give parameters varies={{"{block.level}": ...}}.'
            yield explain(
                expected=f"a level of the model ({', '.join(levels)}) in {block!r}",
                got=repr(block.level),
                remedy=remedy,
            )
            continue
        varying, word = level_of(model, block.level).names, _words(block.level)
        for name in block.names:
            if name not in model.parameters and name not in varying:
                yield explain(
                    expected=f"a parameter of the model ({', '.join(model.parameters)}) in {block!r}",
                    got=repr(name),
                    remedy=closest(name, model.parameters) or "Correct the name.",
                )
            elif name not in varying:
                yield explain(
                    expected=f"parameters with {word[0]} ({', '.join(varying) or 'none has'}) in {block!r}",
                    got=f"{name}, which has none",
                    remedy=f"Give {name} an {word[1]}, or take it out of the block.",
                )
    for level in levels:
        blocks = [block for block in model.correlated if block.level == level]
        count = Counter(name for block in blocks for name in block.names)
        for name in (name for name, times in count.items() if times > 1):
            remedy = "Join the blocks: Correlated with all their names, and zeros=[...] for what is apart."
            got = f"{name} in {count[name]} blocks"
            yield explain(expected="each parameter in one block of correlations", got=got, remedy=remedy)
        yield from _joint(model, level, blocks)


def _nested(model: Model) -> Iterator[str]:
    groups = groups_of(model)
    for inner, outer in model.nested.items():
        for name in (inner, outer):
            if name not in groups:
                yield explain(
                    expected=f"levels above the subject ({', '.join(groups) or 'there is none'}) in nested",
                    got=repr(name),
                    remedy=closest(str(name), groups) or f"Give a parameter varies={{{name!r}: ...}}.",
                )
    inside = model.nested
    for inner in inside:
        seen, at = [inner], inside.get(inner)
        while at is not None and at not in seen:
            seen.append(at)
            at = inside.get(at)
        if at is not None:
            remedy = "The larger level stands on the right."
            yield explain(
                expected="levels that lie within others", got=f"{inner} within itself", remedy=remedy
            )
            return


def _joint(model: Model, level: str, blocks: list[Correlated]) -> Iterator[str]:
    """A standard deviation is given by the parameter or by its block, not by both and not by none."""
    _, field = _words(level)
    for name, value in level_of(model, level).deviations.items():
        block = next((block for block in blocks if name in block.names), None)
        given = isinstance(value, Joint)
        if given and (block is None or not block.joint):
            of = f"{block!r}, a prior of correlations alone" if block else "no block of correlations"
            yield explain(
                expected=f"a block that gives the standard deviation of {name} ({field}=Joint())",
                got=of,
                remedy=f"Use an inverse-Wishart prior or a covariance matrix, or give {name} an {field}.",
            )
        if block is not None and block.joint and not given:
            yield explain(
                expected=f"{field}=Joint() for {name}: {block!r} gives its standard deviation",
                got=str(value),
                remedy="A prior of it would have no effect; write Joint(), or use an LKJ prior in the block.",
            )


def _words(level: str) -> tuple[str, str]:
    """A level's variability, and the field of Parameter that gives it."""
    named = {SUBJECT: ("IIV", "iiv"), OCCASION: ("IOV", "iov")}
    return named.get(level, (f"variability between {level}s", f"varies[{level!r}]"))


def _correlated_residuals(model: Model) -> Iterator[str]:
    """Pairs of outputs with normal errors, each output in one pair."""
    used: list[str] = []
    for pair in model.correlated_residuals:
        for name in pair.names:
            residual: Any = model.residuals.get(name)
            if residual is None:
                yield explain(
                    expected=f"outputs with a residual error ({', '.join(model.residuals)}) in {pair!r}",
                    got=repr(name),
                    remedy=closest(name, model.residuals) or f"Give {name} a residual error.",
                )
            elif not (hasattr(residual, "law") and residual.law.normal):
                yield explain(
                    expected=f"a residual error with a normal law for {name}, which is in {pair!r}",
                    got=type(residual).__name__,
                    remedy="The correlation is that of normal errors: use another error, or leave it out.",
                )
            elif inherited(residual, "autocorrelation") is not None:
                yield explain(
                    expected=f"no autocorrelation in the error of {name}, which is in {pair!r}",
                    got=type(residual).__name__,
                    remedy="Use one of both.",
                )
        used += pair.names
    for name in dict.fromkeys(name for name in used if used.count(name) > 1):
        remedy = "Correlate two outputs only."
        got = f"{name} in {used.count(name)}"
        yield explain(expected="each output in one pair of CorrelatedResiduals", got=got, remedy=remedy)


def _names(model: Model) -> Iterator[str]:
    """Two things may not bear the same name in the graph."""
    used = Counter([quantity.name for quantity in quantities(model)])
    used.update(list(model.parameters))
    used.update(model.covariates)
    for output in model.residuals:
        used.update((output, f"{output}_obs"))
    if twice := [name for name, times in used.items() if times > 1]:
        yield explain(
            expected="names that are unique among parameters, coefficients, covariates and outputs",
            got=f"{names_text(twice)} more than once",
            remedy="Rename the covariate or the level (bn.read can map column names).",
        )
