"""States that follow one another: first-order Markov chains in steps of rows or in continuous time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bayes_nlmem.ground.formulas import Call, Equation, Formula, Symbol, total
from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import explain
from bayes_nlmem.ground.prior import Prior, is_number
from bayes_nlmem.ground.values import refusal
from bayes_nlmem.statistics.endpoints import Rows, Trouble, not_censored, one_of
from bayes_nlmem.statistics.ordered import draw_category, moments_of_scores


class _Chain:
    """What follows from the probabilities of the states given the one before."""

    states: Sequence[float]

    def probabilities(self, f: Any, given: Mapping[str, Any]) -> Any:
        """Probability of every state, one more dimension at the end."""
        raise NotImplementedError

    def draw(self, rng: Any, f: Any, given: Mapping[str, Any], size: Any = None) -> Any:
        """Chains of states that begin with the observed first state of each subject."""
        return draw_chain(rng, self, f, given, size)

    def moments(self, f: Any, given: Mapping[str, Any]) -> tuple[Any, Any]:
        """Mean and variance of the state as a number, given the one before; NaN in first rows."""
        return moments_of_scores(self.probabilities(f, given), self.states)


@dataclass(frozen=True)
class MarkovChain(_Chain):
    r"""States of a first-order Markov chain: the state of a row depends on that of the row before.

    .. math:: P(y_{ij} = b \mid y_{i,j-1} = a) = \frac{e^{l_{ab}}}{1 + \sum_{c \ne a} e^{l_{ac}}}

    l_ab are outputs of the structure, log-odds of going from a to b rather than staying; transitions that are
    not named do not happen. The subject's first row is taken as given. It stands in `residuals` under any one
    of its transitions' outputs. Two states in continuous time: `TwoStates`.

    NONMEM and nlmixr2 write these probabilities out by the previous DV, Monolix with `dependence = Markov`.

    Parameters
    ----------
    states : sequence of number
        The values of DV.
    transitions : mapping of (from, to) to str
        Output of the structure for every possible transition.

    Raises
    ------
    ModelError
        If a transition is none between two of the states, or there is none.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> chain = bn.MarkovChain([0, 1], {(0, 1): "onset", (1, 0): "relief"})
    >>> sorted(chain.inputs())
    ['from 0 to 1', 'from 1 to 0']
    """

    states: Sequence[float]
    transitions: Mapping[tuple[float, float], str]
    under_an_input: ClassVar[bool] = True

    def __post_init__(self) -> None:
        problems = []
        states = tuple(self.states) if isinstance(self.states, Sequence) else ()
        if len(states) < 2 or not all(map(is_number, states)) or len(set(states)) < len(states):
            remedy = "Write MarkovChain([0, 1, 2], {...})."
            problems.append(
                explain(expected="two or more numbers as states", got=repr(self.states), remedy=remedy)
            )
        if not isinstance(self.transitions, Mapping) or not self.transitions:
            remedy = 'Write {(0, 1): "onset", (1, 0): "relief"}.'
            got = repr(self.transitions)
            problems.append(explain(expected="outputs by transition", got=got, remedy=remedy))
        else:
            for pair, output in self.transitions.items():
                inside = (
                    isinstance(pair, tuple)
                    and len(pair) == 2
                    and pair[0] != pair[1]
                    and set(pair) <= set(states)
                )
                if not (inside and isinstance(output, str)):
                    expected = f"transitions between two of {states} with the name of an output"
                    problems.append(explain(expected=expected, got=f"{pair}: {output!r}"))
        if problems:
            raise refusal(problems, "MarkovChain is not well stated")
        object.__setattr__(self, "states", states)
        object.__setattr__(self, "transitions", FrozenMapping(self.transitions))

    def unknowns(self) -> dict[str, float | Prior]:
        """None: the log-odds are outputs of the structure."""
        return {}

    def inputs(self) -> dict[str, tuple[str, bool]]:
        """The log-odds of every transition."""
        return {_key(*pair): (output, False) for pair, output in self.transitions.items()}

    def constants(self, rows: Rows) -> dict[str, np.ndarray]:
        """`before`: the state of the row before; `start`: the first state; `first`: where it is."""
        return _chain_constants(rows, self.states)

    def troubles(self, rows: Rows) -> Iterator[Trouble]:
        """Unknown states, transitions that cannot happen; censoring."""
        yield from one_of(rows, self.states, "states")
        yield from not_censored(rows, "states")
        before = rows.previous(rows.value, np.nan)
        moved = ~rows.first & (rows.value != before)
        named = np.zeros(len(moved), bool)
        for one, other in self.transitions:
            named |= (before == one) & (rows.value == other)
        known = np.isin(rows.value, self.states) & np.isin(before, self.states)
        listed = ", ".join(f"{one:g} to {other:g}" for one, other in self.transitions)
        yield Trouble(
            f"transitions among {listed}", moved & known & ~named, "Name the transition, or correct DV."
        )

    def log_density(self, value: Any, f: Any, given: Mapping[str, Any]) -> Any:
        """Log-probability of every state given the one before."""
        import pytensor.tensor as pt

        found = pt.full_like(pt.cast(f, "float64"), -np.inf)
        for state in self.states:
            leaving = {b: given[_key(a, b)] for a, b in self.transitions if a == state}
            stay = (
                -_log_sum_exp([0.0, *leaving.values()], pt)
                if leaving
                else pt.zeros_like(pt.cast(f, "float64"))
            )
            here = pt.eq(given["before"], state)
            found = pt.switch(here & pt.eq(value, state), stay, found)
            for other, log_odds in leaving.items():
                found = pt.switch(here & pt.eq(value, other), log_odds + stay, found)
        return pt.switch(pt.gt(given["first"], 0), 0.0, found)

    def probabilities(self, f: Any, given: Mapping[str, Any]) -> Any:
        """Probability of every state in numpy, one more dimension at the end; NaN in first rows."""
        shape = np.broadcast_shapes(np.shape(f), *(np.shape(x) for x in given.values()))
        before = np.broadcast_to(given["before"], shape)
        found = np.full((*shape, len(self.states)), np.nan)
        for state in self.states:
            odds = np.zeros((*shape, len(self.states)))
            for k, other in enumerate(self.states):
                if other == state:
                    odds[..., k] = 1.0
                elif (state, other) in self.transitions:
                    odds[..., k] = np.exp(given[_key(state, other)])
            here = before == state
            found[here] = (odds / odds.sum(axis=-1, keepdims=True))[here]
        found[np.broadcast_to(given["first"], shape) > 0] = np.nan
        return found

    def equations(
        self,
        observed: Formula,
        f: Formula,
        parameter: Callable[[str], Formula],
        other: Callable[[str], Formula],
    ) -> Sequence[Equation]:
        """The law for printing, one line per transition."""
        return [
            Equation(Call("log odds", (Symbol(f"{one:g} to {two:g}"),)), other(_key(one, two)))
            for one, two in self.transitions
        ]


@dataclass(frozen=True)
class TwoStates(_Chain):
    r"""Two states in continuous time: rates of going there and back.

    .. math:: P(y(t + d) = 1 \mid y(t) = 0) = \frac{q_{01}}{q} (1 - e^{-q d}), \qquad q = q_{01} + q_{10}

    The output under which it stands in `residuals` is q_01, per unit of time, > 0; `back` names the output
    q_10. Rows may be unevenly spaced; the subject's first row is taken as given. The rates hold over the
    interval that ends at the row.

    Parameters
    ----------
    back : str
        Output of the structure: the rate from the second state to the first.
    states : pair of number
        The values of DV.

    Raises
    ------
    ModelError
        If `back` is no name, or there are not two states.

    References
    ----------
    Jackson 2011, doi:10.18637/jss.v038.i08 (multi-state models in continuous time).

    Examples
    --------
    >>> import numpy as np
    >>> import bayes_nlmem as bn
    >>> given = {"back": 1.0, "before": np.array([0.0]), "gap": np.array([50.0]), "first": np.array([0.0])}
    >>> bn.TwoStates("relief").moments(3.0, given)[0]
    array([0.75])
    """

    back: str
    states: Sequence[float] = (0, 1)

    def __post_init__(self) -> None:
        problems = []
        states = tuple(self.states) if isinstance(self.states, Sequence) else ()
        if not isinstance(self.back, str):
            problems.append(explain(expected="the name of an output in `back`", got=repr(self.back)))
        if len(states) != 2 or not all(map(is_number, states)) or states[0] == states[1]:
            problems.append(explain(expected="two different numbers as states", got=repr(self.states)))
        if problems:
            raise refusal(problems, "TwoStates is not well stated")
        object.__setattr__(self, "states", states)

    def unknowns(self) -> dict[str, float | Prior]:
        """None: the rates are outputs of the structure."""
        return {}

    def inputs(self) -> dict[str, tuple[str, bool]]:
        """The rate back."""
        return {"back": (self.back, False)}

    def constants(self, rows: Rows) -> dict[str, np.ndarray]:
        """As of `MarkovChain`, and `gap`, the time since the row before."""
        gap = np.where(rows.first, 0.0, rows.time - rows.previous(rows.time, 0.0))
        return {**_chain_constants(rows, self.states), "gap": gap}

    def troubles(self, rows: Rows) -> Iterator[Trouble]:
        """Unknown states; two states at one time; censoring."""
        yield from one_of(rows, self.states, "states")
        yield from not_censored(rows, "states")
        same = ~rows.first & (rows.time == rows.previous(rows.time, np.nan))
        moved = same & (rows.value != rows.previous(rows.value, np.nan))
        yield Trouble("one state at one time", moved, "Correct TIME or DV.")

    def log_density(self, value: Any, f: Any, given: Mapping[str, Any]) -> Any:
        """Log-probability of every state given the one before."""
        import pytensor.tensor as pt

        there, back = pt.cast(f, "float64"), pt.cast(given["back"], "float64")
        possible = pt.gt(there, 0.0) & pt.gt(back, 0.0)
        there, back = pt.switch(possible, there, 1.0), pt.switch(possible, back, 1.0)
        total_rate = there + back
        known = pt.eq(given["first"], 0)
        second = pt.eq(given["before"], self.states[1])
        leaving = pt.switch(second, back, there) / total_rate
        passed = -pt.expm1(-total_rate * given["gap"])
        moved = pt.neq(value, given["before"])
        apart = pt.gt(given["gap"], 0.0)
        log_moved = pt.log(leaving) + pt.switch(apart, pt.log(pt.switch(apart, passed, 1.0)), -np.inf)
        found = pt.switch(moved, log_moved, pt.log1p(-leaving * passed))
        return pt.switch(known, pt.switch(possible, found, -np.inf), 0.0)

    def probabilities(self, f: Any, given: Mapping[str, Any]) -> Any:
        """Probability of both states in numpy, one more dimension at the end; NaN in first rows."""
        there, back = np.asarray(f, float), np.asarray(given["back"], float)
        passed = -np.expm1(-(there + back) * given["gap"])
        second = given["before"] == self.states[1]
        in_second = np.where(second, 1.0 - back / (there + back) * passed, there / (there + back) * passed)
        in_second = np.where(np.asarray(given["first"]) > 0, np.nan, in_second)
        return np.stack([1.0 - in_second, in_second], axis=-1)

    def equations(
        self,
        observed: Formula,
        f: Formula,
        parameter: Callable[[str], Formula],
        other: Callable[[str], Formula],
    ) -> Sequence[Equation]:
        """The law for printing."""
        one, two = self.states
        rate = total(f, other("back"))
        return [
            Equation(Call("rate", (Symbol(f"{one:g} to {two:g}"),)), f),
            Equation(Call("rate", (Symbol(f"{two:g} to {one:g}"),)), other("back")),
            Equation(Symbol("q"), rate),
        ]


def _key(one: float, other: float) -> str:
    return f"from {one:g} to {other:g}"


def _chain_constants(rows: Rows, states: Sequence[float]) -> dict[str, np.ndarray]:
    """A state that nobody has seen yet (a study to come) counts as the first of the states."""
    value = np.where(np.isnan(rows.value), states[0], rows.value)
    return {
        "before": rows.previous(value, value),
        "start": np.where(rows.first, value, states[0]),
        "first": rows.first.astype(float),
    }


def draw_chain(rng: Any, chain: Any, f: Any, given: Mapping[str, Any], size: Any = None) -> np.ndarray:
    """Random chains, row after row."""
    shape = np.broadcast_shapes(np.shape(f), *(np.shape(x) for x in given.values()))
    shape = shape if size is None else tuple(np.atleast_1d(size))
    start = np.broadcast_to(given["start"], shape)
    drawn, parts = np.empty(shape), {key: np.broadcast_to(x, shape) for key, x in given.items()}
    f = np.broadcast_to(f, shape)
    first = parts["first"].reshape(-1, shape[-1])[0]
    for k in range(shape[-1]):
        if first[k] > 0:
            drawn[..., k] = start[..., k]
            continue
        here = {key: x[..., k] for key, x in parts.items()} | {"before": drawn[..., k - 1]}
        drawn[..., k] = draw_category(rng, chain.probabilities(f[..., k], here), chain.states)
    return drawn


def _log_sum_exp(terms: list[Any], xp: Any) -> Any:
    """log(exp(a) + exp(b) + ...) of a few terms."""
    found = terms[0]
    for term in terms[1:]:
        found = term + xp.softplus(found - term)
    return found
