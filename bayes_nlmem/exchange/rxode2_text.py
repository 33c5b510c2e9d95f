"""A model as a function of nlmixr2, which is also a model of rxode2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayes_nlmem.exchange.dialects import Writer, equation_lines
from bayes_nlmem.exchange.statements import Names, check_exportable, individual, model_of, numbers_of
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.model.levels import SUBJECT, level_of
from bayes_nlmem.model.quantities import quantities
from bayes_nlmem.statistics.residuals import VARIANCES, Additive, Combined, Proportional


def to_rxode2(learnt: Any, *, values: Mapping[str, float] | None = None, name: str = "model") -> str:
    """The text of an nlmixr2 model function in R, with estimates as initial values.

    Unknown numbers are estimated there too, known ones are `fix`. Priors are not written. Closed forms are
    written as equations.

    Parameters
    ----------
    learnt : Fit, SaemFit or Model
        What was learnt: the posterior medians or the estimates are the initial values.
    values : mapping, optional
        Of a bare model: name in the graph -> value of every unknown.
    name : str
        Name of the function in R.

    Returns
    -------
    str

    Raises
    ------
    ModelError
        nlmixr2 cannot say the model exactly; with every reason.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.Model(
    ...     structure=bn.OneCompartment(),
    ...     parameters={"CL": bn.Parameter(2.0, iiv=0.3), "V": bn.Parameter(20.0)},
    ...     residuals={"cp": bn.Proportional(0.1)},
    ... )
    >>> print(bn.to_rxode2(model))
    model <- function() {
      ini({
        CL_pop <- fix(2)
        V_pop <- fix(20)
        eta.CL ~ fix(0.09)
        prop.cp <- fix(0.1)
      })
      model({
        CL <- CL_pop * exp(eta.CL)
        V <- V_pop
        d/dt(central) <- -(CL / V) * central
        cp <- central / V
        cp ~ prop(prop.cp)
      })
    }
    """
    model = model_of(learnt)
    check_exportable(model, "nlmixr2")
    numbers = numbers_of(learnt, values)
    if model.occasion_effects or model.groups:
        others = [*(["occasions"] if model.occasion_effects else []), *model.groups]
        raise ModelError(
            explain(
                expected="random effects of subjects alone",
                got=f"effects of {', '.join(others)}",
                remedy="Take them out, or add them in R by hand.",
            )
        )
    level = level_of(model, SUBJECT)
    thetas: dict[str, str] = {}
    unknown = {q.name for q in quantities(model) if not q.known}

    def theta(quantity: str, known: bool) -> str:
        thetas[quantity] = _initial(numbers[quantity], quantity not in unknown)
        return quantity

    effects = {one: [f"eta.{one}"] for one in level.names}
    writer = Writer(fortran=False)
    body = [
        f"{own} <- {individual(own, parameter, Names(theta, effects), writer)}"
        for own, parameter in model.parameters.items()
    ]
    body += _structure(model)
    ini, errors = [], []
    for output, error in model.residuals.items():
        if hasattr(error, "iiv"):
            got = f"a random effect on the error of {output}"
            raise ModelError(
                explain(expected="errors without random effects", got=got, remedy="Take it out.")
            )
        told, line = _error(output, error, numbers, unknown, len(model.residuals) > 1)
        ini += told
        errors.append(line)
    lines = [f"{quantity} <- {text}" for quantity, text in thetas.items()]
    blocked = [block.names for block in level.blocks]
    for names in (*blocked, *((n,) for n in level.names if not any(n in b for b in blocked))):
        known = all(not isinstance(level.deviations[n], Prior) for n in names)
        sd = [numbers[level.deviation(n)] for n in names]
        cells = []
        for i, one in enumerate(names):
            for j, other in enumerate(names[: i + 1]):
                share = 1.0 if i == j else numbers[level.correlation(other, one)]
                cells.append(f"{share * sd[i] * sd[j]:.12g}")
        matrix = ", ".join(cells)
        word = "fix" if known else "c" if len(names) > 1 else ""
        lines.append(f"{' + '.join(f'eta.{n}' for n in names)} ~ {f'{word}({matrix})' if word else matrix}")
    whole = [f"{name} <- function() {{", "  ini({", *(f"    {line}" for line in [*lines, *ini]), "  })"]
    whole += ["  model({", *(f"    {line}" for line in [*body, *errors]), "  })", "}"]
    return "\n".join(whole)


def _initial(value: float, known: bool) -> str:
    return f"fix({value:.12g})" if known else f"{value:.12g}"


def _structure(model: Any) -> list[str]:
    from bayes_nlmem.structures.compartments import _Compartments
    from bayes_nlmem.structures.function import Function
    from bayes_nlmem.structures.ode import ODE

    structure, writer = model.structure, Writer(fortran=False)
    if isinstance(structure, _Compartments):
        return _closed(model, structure)
    if isinstance(structure, (ODE, Function)):
        lines = []
        for left, right in equation_lines(str(structure)).items():
            word, _, rest = left.partition("(")
            known = {"F": "f", "ALAG": "alag", "lag": "alag", "D": "dur", "R": "rate"}
            if word.strip() in ("input", "route"):
                got, remedy = f"the line {left} = ...", "Write it there by hand."
                raise ModelError(explain(expected="equations that rxode2 has too", got=got, remedy=remedy))
            told = f"{known.get(word.strip(), word)}({rest}" if rest else left
            lines.append(f"{told} <- {writer.text(right, {'time': 't'})}")
        amounts = [o for o in model.residuals if o.startswith("A_")]
        return [*lines, *(f"{o} <- {o[2:]}" for o in amounts)]
    got = type(structure).__name__
    remedy = "Write its equations there by hand."
    raise ModelError(explain(expected="compartments, ODE or Function", got=got, remedy=remedy))


def _closed(model: Any, structure: Any) -> list[str]:
    volume = structure.volume
    others = [c for c in structure.compartments if c.startswith("peripheral")]
    out, back = {}, {}
    if structure.parameterisation == "clearances":
        elimination = f"(CL / {volume})"
        for k, c in enumerate(others):
            q, v = ("Q", "V2") if len(others) == 1 else ((f"Q{k + 2}", f"V{k + 2}"))
            out[c], back[c] = f"({q} / {volume})", f"({q} / {v})"
    else:
        elimination = "k"
        for k, c in enumerate(others, 2):
            out[c], back[c] = f"k1{k}", f"k{k}1"
    central = [f"KA * {'depot'}"] if structure.depot else []
    central += [f"-{elimination} * central"]
    for c in others:
        central += [f"-{out[c]} * central", f"{back[c]} * {c}"]
    lines = ["d/dt(depot) <- -KA * depot"] if structure.depot else []
    lines.append("d/dt(central) <- " + " + ".join(central).replace("+ -", "- "))
    lines += [f"d/dt({c}) <- {out[c]} * central - {back[c]} * {c}" for c in others]
    words = {"F": "f", "ALAG": "alag", "D": "dur", "R": "rate"}
    for name in model.parameters:
        letter, _, compartment = name.partition("_")
        if name in structure.optional or name == "D":
            into = [compartment] if compartment else [structure.default_dose]
            lines += [f"{words[letter]}({c}) <- {name}" for c in into]
    lines.append(f"cp <- central / {volume}")
    return [*lines, *(f"{o} <- {o[2:]}" for o in model.residuals if o.startswith("A_"))]


def _error(output: str, error: Any, numbers: Any, unknown: set[str], several: bool) -> tuple[list[str], str]:
    def told(suffix: str) -> str:
        quantity = f"sigma_{output}_{suffix}"
        return f"{suffix}.{output} <- {_initial(numbers[quantity], quantity not in unknown)}"

    where = f" | {output}" if several else ""
    match error:
        case Additive():
            return [told("add")], f"{output} ~ add(add.{output}){where}"
        case Proportional():
            return [told("prop")], f"{output} ~ prop(prop.{output}){where}"
        case Combined(add=how):
            kind = "combined2()" if how == VARIANCES else "combined1()"
            both = f"add(add.{output}) + prop(prop.{output}) + {kind}"
            return [told("add"), told("prop")], f"{output} ~ {both}{where}"
    raise AssertionError(error)
