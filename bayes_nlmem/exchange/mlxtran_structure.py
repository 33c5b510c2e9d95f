"""The structure of a Mlxtran model: a closed form where it is one, else its equations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bayes_nlmem.exchange.mlxtran_equations import names_in, renamed
from bayes_nlmem.exchange.mlxtran_kinetics import Kinetics
from bayes_nlmem.exchange.mlxtran_text import refused

_INPUT_NAME = re.compile(r"^(F|ALAG|D|R)(_\w+)?$")
_RATIO = re.compile(r"^(\w+) / (\w+)$")


@dataclass(frozen=True)
class Translated:
    """A structure of ours and how its words are called.

    Parameters
    ----------
    structure : Structure
    names : dict of str to str
        Parameter in Mlxtran -> ours.
    constants : dict of str to float
        Parameters of ours that are known numbers.
    outputs : dict of str to str
        Prediction in Mlxtran -> output.
    numbers : dict of int to int
        Administration -> number of the compartment of its doses.
    modelled : frozenset of int
        Administrations whose duration is a parameter, to be marked in the data.
    """

    structure: Any
    names: dict[str, str]
    constants: dict[str, float]
    outputs: dict[str, str]
    numbers: dict[int, int]
    modelled: frozenset[int] = frozenset()


def structure_of(
    found: Kinetics, parameters: Iterable[str], regressors: Iterable[str], predictions: Iterable[str]
) -> Translated:
    """The structure.

    Raises
    ------
    ModelError
        Doses that enter one compartment in several ways.
    """
    form = _closed_form(found, set(parameters), list(predictions))
    return form or _equations(found, [*parameters, *regressors], set(regressors), list(predictions))


def _closed_form(found: Kinetics, parameters: set[str], predictions: list[str]) -> Translated | None:
    from bayes_nlmem.structures.compartments import OneCompartment, ThreeCompartment, TwoCompartment

    if not found.plain or not found.compartments or len(found.eliminations) != 1:
        return None
    centre, kind, rate = found.eliminations[0]
    central = found.compartments[centre]
    others = [cmt for cmt in found.compartments if cmt != centre]
    oral = [adm for adm, door in found.doors.items() if door.state != central.amount]
    timed = [adm for adm, door in found.doors.items() if "D" in door.inputs]
    if predictions != [central.concentration] or len(others) > 2 or len(oral) > 1 or kind == "Vm":
        return None
    if (timed and len(found.doors) > 1) or len(found.doors) - len(oral) > 1:
        return None
    known = {one.name: one.right for one in found.algebra}

    def full(text: str) -> str:
        while text in known:
            text = known[text]
        return text

    def flow(source: int, to: int) -> str:
        return full(next(k for a, b, k in found.flows if (a, b) == (source, to)))

    if any(a != centre and b != centre for a, b, _ in found.flows):
        return None
    volume, rate = full(central.volume), full(rate)
    ratio = _RATIO.match(rate)
    clearance = rate if kind == "Cl" else (ratio[1] if ratio and ratio[2] == volume else "")
    pairs = [(_RATIO.match(flow(centre, i)), _RATIO.match(flow(i, centre))) for i in others]
    candidates = []
    if clearance and all(out and back and out[1] == back[1] and out[2] == volume for out, back in pairs):
        flows = [name for _, back in pairs for name in (back[1], back[2])]  # type: ignore[index]
        candidates.append(("clearances", [clearance, volume, *flows]))
    rates = [k for i in others for k in (flow(centre, i), flow(i, centre))]
    if kind == "k":
        candidates.append(("rate constants", [rate, *rates, volume]))
    kind_of = {1: OneCompartment, 2: TwoCompartment, 3: ThreeCompartment}[len(others) + 1]
    absorption = "first-order" if oral else ("zero-order" if timed else None)
    for words, ours in candidates:
        structure = kind_of(absorption=absorption, parameterisation=words)  # type: ignore[arg-type]
        last = []
        if oral:
            [ka] = [t for t in found.terms[found.doors[oral[0]].state]]
            last = [full(ka.removeprefix("-(").partition(") * ")[0])]
        if timed:
            last = [full(found.doors[timed[0]].inputs["D"])]
        names, constants = dict(zip([*ours, *last], structure.parameters, strict=True)), {}
        if len(names) != len(structure.parameters) or not set(names) <= parameters:
            continue
        numbers = {}
        for adm, door in found.doors.items():
            where = "depot" if adm in oral else "central"
            numbers[adm] = structure.compartments.index(where) + 1
            for letter, value in door.inputs.items():
                value = full(value)
                if letter == "D" and timed:
                    continue
                if value in parameters and value not in names:
                    names[value] = f"{letter}_{where}"
                elif _is_number(value):
                    constants[f"{letter}_{where}"] = float(value)
                else:
                    return None
        return Translated(structure, names, constants, {central.concentration: "cp"}, numbers)
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _equations(
    found: Kinetics, parameters: list[str], regressors: set[str], predictions: list[str]
) -> Translated:
    from bayes_nlmem.structures.function import Function
    from bayes_nlmem.structures.ode import ODE

    names = {name: f"COV_{name}" if name in regressors else name for name in parameters}
    names = {a: f"{b}_value" if _INPUT_NAME.match(b) else b for a, b in names.items()}
    algebra = {one.name for one in found.algebra}
    for one in found.algebra:
        if one.name in names or one.name in found.terms or one.name.startswith("A_"):
            raise refused(one.number, one.name, "a name that nothing else has")
    known = {*names, *algebra, *found.terms, "t"}
    texts = [
        *((one.number, one.right) for one in found.algebra),
        *((0, text) for text in (*found.rates.values(), *found.initial.values())),
        *((d.number, text) for d in found.doors.values() for text in d.inputs.values()),
    ]
    for number, text in texts:
        if stray := sorted(names_in(text) - known):
            expected = "names that are parameters, states or assigned"
            raise refused(number or 1, f"{', '.join(stray)} in {text}", expected)
    lines = [f"{one.name} = {renamed(one.right, names)}" for one in found.algebra]
    outputs = {}
    for name in predictions:
        if name not in found.terms and name not in algebra:
            raise refused(1, f"prediction={name}", f"one of {', '.join([*algebra, *found.terms])}")
        outputs[name] = name if name in algebra else f"A_{name}"
    chosen = tuple(name for name in outputs.values() if name in algebra)
    used = {name for _, text in texts for name in names_in(text)}
    names = {a: b for a, b in names.items() if a in used}
    if not found.terms:
        if found.doors or found.start is not None:
            raise refused(1, "doses or t_0 without compartments", "equations without them")
        return Translated(Function("\n".join(lines), outputs=chosen), names, {}, outputs, {})
    _check_doors(found)
    lines += [f"d/dt({state}) = {renamed(rate, names)}" for state, rate in found.rates.items()]
    lines += [f"{state}(0) = {renamed(value, names)}" for state, value in found.initial.items()]
    for door in found.doors.values():
        words = {"F": "F", "ALAG": "alag", "D": "dur"}
        lines += [
            f"{words[letter]}({door.state}) = {renamed(value, names)}"
            for letter, value in door.inputs.items()
        ]
    order = list(found.terms)
    numbers = {adm: order.index(door.state) + 1 for adm, door in found.doors.items()}
    first = found.doors.get(1)
    structure = ODE(
        "\n".join(lines),
        outputs=chosen,
        compartments=tuple(order),
        parameters=tuple(names.values()),
        dose=first.state if first else order[0],
        observe=order[-1],
    )
    timed = frozenset(adm for adm, door in found.doors.items() if "D" in door.inputs)
    return Translated(structure, names, {}, outputs, numbers, timed)


def _check_doors(found: Kinetics) -> None:
    states: dict[str, Mapping[str, str]] = {}
    for adm, door in found.doors.items():
        if door.state in states and (door.inputs or states[door.state]):
            got = f"administration {adm} into {door.state}, which has another with a lag, p or Tk0"
            raise refused(door.number, got, "one way into a compartment", "Write the model by hand.")
        states[door.state] = door.inputs
