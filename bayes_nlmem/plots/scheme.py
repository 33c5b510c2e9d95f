"""The compartment scheme of a structure: who flows where, read from closed forms or from equations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

OUTSIDE = ""
_LONGEST = 16


@dataclass(frozen=True)
class Flow:
    """An arrow of a scheme.

    Parameters
    ----------
    source, target : str
        Compartments, `OUTSIDE` for where things come from and go to.
    label : str
        The rate's parameters.
    """

    source: str
    target: str
    label: str


@dataclass(frozen=True)
class Scheme:
    """Compartments, flows between them, and what merely influences a flow.

    Parameters
    ----------
    compartments : tuple of str
        In the order of CMT.
    flows : tuple of Flow
        Amounts that move.
    influences : tuple of (str, str)
        (compartment, compartment whose rate depends on it though nothing flows).
    dose : str
        Compartment of doses without CMT.
    outputs : tuple of (str, str)
        (output, compartment it is read from), where that is one compartment.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> scheme = scheme_of(bn.OneCompartment(absorption="first-order"))
    >>> [(flow.source, flow.target, flow.label) for flow in scheme.flows]
    [('depot', 'central', 'KA'), ('central', '', 'CL')]
    >>> scheme_of(bn.structures.as_equations(bn.OneCompartment(absorption="first-order"))).flows[0]
    Flow(source='depot', target='central', label='KA')
    """

    compartments: tuple[str, ...]
    flows: tuple[Flow, ...]
    influences: tuple[tuple[str, str], ...] = ()
    dose: str = ""
    outputs: tuple[tuple[str, str], ...] = field(default=())


def scheme_of(structure: Any) -> Scheme | None:
    """Read the scheme of a structure; None where it has no compartments.

    In equations, a term that leaves one compartment and enters another is a flow between them; a term of one
    compartment only is production or loss; a rate that depends on another compartment is influenced by it.

    Parameters
    ----------
    structure : Structure
        Closed form or `ODE`.

    Returns
    -------
    Scheme or None
    """
    if hasattr(structure, "system") and structure.system.compartments:
        return _of_equations(structure)
    if hasattr(structure, "depot"):
        return _of_compartments(structure)
    return None


def _of_compartments(structure: Any) -> Scheme:
    clearances = structure.parameterisation == "clearances"
    flows = [Flow("depot", "central", "KA")] if structure.depot else []
    flows.append(Flow("central", OUTSIDE, "CL" if clearances else structure.parameters[0]))
    labels = {2: ["Q"], 3: ["Q2", "Q3"]} if clearances else {2: ["k12, k21"], 3: ["k12, k21", "k13, k31"]}
    names = [name for name in structure.compartments if name.startswith("peripheral")]
    for name, label in zip(names, labels.get(structure.n, []), strict=True):
        own = label if label in structure.parameters or not clearances else "Q"
        there, _, back = own.partition(", ")
        flows += [Flow("central", name, there), Flow(name, "central", back or there)]
    outputs = (("cp", "central"),)
    return Scheme(structure.compartments, tuple(flows), (), structure.default_dose, outputs)


def _of_equations(structure: Any) -> Scheme:
    system = structure.system
    terms = {
        compartment: list(_terms(system.graph, rate))
        for compartment, rate in zip(system.compartments, system.rates, strict=True)
    }
    leaving = [(c, key) for c, own in terms.items() for sign, key in own if sign < 0]
    entering = [(c, key) for c, own in terms.items() for sign, key in own if sign > 0]
    flows: list[Flow] = []
    influences: dict[tuple[str, str], None] = {}
    for here, key in leaving:
        targets = [c for c, other in entering if other == key and c != here] or [OUTSIDE]
        flows += [Flow(here, target, _label(system, key)) for target in targets]
        influences |= dict.fromkeys((state, here) for state in sorted(_states(system, key) - {here}))
    left = {key for _, key in leaving}
    for here, key in entering:
        if key not in left:
            flows.append(Flow(OUTSIDE, here, _label(system, key)))
            influences |= dict.fromkeys((state, here) for state in sorted(_states(system, key) - {here}))
    linked = {(flow.source, flow.target) for flow in flows}
    kept = tuple(pair for pair in influences if pair not in linked and pair[::-1] not in linked)
    outputs = tuple(
        (name, next(iter(states)))
        for name, node in system.outputs.items()
        if len(states := _states_of(system, node)) == 1
    )
    return Scheme(system.compartments, _joined(flows), kept, structure.default_dose, outputs)


def _joined(flows: list[Flow]) -> tuple[Flow, ...]:
    """Flows between the same two compartments as one arrow."""
    found: dict[tuple[str, str], list[str]] = {}
    for flow in flows:
        found.setdefault((flow.source, flow.target), []).append(flow.label)
    return tuple(
        Flow(source, target, _short([name for label in labels for name in label.split(", ")]))
        for (source, target), labels in found.items()
    )


Key = tuple[frozenset, frozenset]


def _terms(graph: Any, node: int, sign: int = 1) -> Iterator[tuple[int, Key]]:
    """The summands of a rate: sign, and factors above and below the fraction bar."""
    op, *operands = graph.nodes[node]
    if op == "add":
        for operand in operands:
            yield from _terms(graph, operand, sign)
    elif op == "sub":
        yield from _terms(graph, operands[0], sign)
        yield from _terms(graph, operands[1], -sign)
    elif op == "neg":
        yield from _terms(graph, operands[0], -sign)
    elif graph.value(node) != 0:
        own, above, below = _factors(graph, node)
        spread = next((f for f in above if graph.nodes[f][0] in ("add", "sub")), None)
        if spread is not None and _has_states(graph, spread) and sum(above.values()) > 1:
            rest = above - Counter([spread])
            for inner, (more_above, more_below) in _terms(graph, spread, sign * own):
                yield (
                    inner,
                    (_frozen(rest + Counter(dict(more_above))), _frozen(below + Counter(dict(more_below)))),
                )
        else:
            yield sign * own, (_frozen(above), _frozen(below))


def _has_states(graph: Any, node: int) -> bool:
    return bool(graph.has_states(node))


def _factors(graph: Any, node: int) -> tuple[int, Counter, Counter]:
    op, *operands = graph.nodes[node]
    if op == "neg":
        sign, above, below = _factors(graph, operands[0])
        return -sign, above, below
    if op in ("mul", "div"):
        sign, above, below = _factors(graph, operands[0])
        other, up, down = _factors(graph, operands[1])
        up, down = (up, down) if op == "mul" else (down, up)
        return sign * other, above + up, below + down
    value = graph.value(node)
    if value is not None and abs(value) == 1:
        return int(value), Counter(), Counter()
    if value is not None and value < 0:
        return -1, Counter([graph.const(-value)]), Counter()
    return 1, Counter([node]), Counter()


def _frozen(factors: Counter) -> frozenset:
    return frozenset(factors.items())


def _leaves(graph: Any, node: int, kind: str) -> Iterator[int]:
    op, *operands = graph.nodes[node]
    if op == kind:
        yield operands[0]
    elif op not in ("const", "t", "y", "p"):
        for operand in operands:
            yield from _leaves(graph, operand, kind)


def _states_of(system: Any, node: int) -> set[str]:
    return {system.compartments[i] for i in _leaves(system.graph, node, "y")}


def _states(system: Any, key: Key) -> set[str]:
    return {state for part in key for node, _ in part for state in _states_of(system, node)}


def _label(system: Any, key: Key) -> str:
    names = dict.fromkeys(
        system.parameters[i]
        for part in key
        for node, _ in sorted(part)
        for i in _leaves(system.graph, node, "p")
    )
    volumes = [name for name in names if name in ("V", "V1", "V2", "V3", "VC", "VP")]
    kept = [name for name in names if name not in volumes] or list(names)
    return _short(sorted(kept, key=system.parameters.index))


def _short(names: list[str]) -> str:
    names = list(dict.fromkeys(filter(None, names)))
    text = ", ".join(names)
    while len(text) > _LONGEST and len(names) > 1:
        names = names[:-1]
        text = ", ".join(names) + ", …"
    return text
