"""How a Stan program moves the amounts along, and what it reads from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bayes_nlmem.exchange.dialects import StanWriter, equation_lines
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.model.specification import Model

_DOSE_WORDS = ("F", "f")


@dataclass(frozen=True)
class Motion:
    """The pieces of a program that depend on the structure; individual parameters begin with `own_`.

    Parameters
    ----------
    outputs : mapping of str to str
        Output -> expression of the amounts `x_`, the time `t_` and the parameters.
    functions : list of str
        Lines of the block `functions`.
    parameters : list of str
        Lines that stand before the steps' conditions.
    initial, dose, steady : list of str
        Lines that set `x_` at the beginning, that add a dose to it, and that give it the amounts of the
        steady state.
    advance : str
        Expression of `x_` after a time `dt_`; empty where there are no compartments.
    lag : str
        Individual parameter by which all doses are late; empty without one.
    """

    outputs: Mapping[str, str]
    functions: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    initial: tuple[str, ...] = ()
    dose: tuple[str, ...] = ()
    steady: tuple[str, ...] = ()
    advance: str = ""
    lag: str = ""

    @property
    def moves(self) -> bool:
        """Whether there are compartments."""
        return bool(self.advance)


def motion_of(structure: Any, model: Model) -> Motion:
    """The pieces of a structure.

    Raises
    ------
    ModelError
        A structure, or a line of it, that has no counterpart.
    """
    from bayes_nlmem.structures.compartments import _Compartments
    from bayes_nlmem.structures.function import Function
    from bayes_nlmem.structures.ode import ODE

    own = {name: f"own_{name}" for name in model.parameters}
    if isinstance(structure, _Compartments):
        return _closed(structure, model, own)
    if isinstance(structure, ODE):
        return _equations(structure, model, own)
    if isinstance(structure, Function) and not structure.columns:
        writer, time = StanWriter(), {"t": "t_", "time": "t_"}
        return Motion({o: writer.text(e, own | time) for o, e in equation_lines(str(structure)).items()})
    raise ModelError(
        explain(
            expected="compartments, ODE or Function",
            got=type(structure).__name__
            + (" of columns of the data" if isinstance(structure, Function) else ""),
            remedy="Write its equations in Stan by hand.",
        )
    )


def _closed(structure: Any, model: Model, own: Mapping[str, str]) -> Motion:
    n = len(structure.compartments)
    central = structure.compartments.index("central") + 1
    others = [k for k in range(1, n + 1) if structure.compartments[k - 1].startswith("peripheral")]
    volume = f"own_{structure.volume}"
    lines = [f"matrix[{n + 1}, {n + 1}] M_ = rep_matrix(0.0, {n + 1}, {n + 1});"]
    if structure.depot:
        lines += ["M_[1, 1] = -own_KA;", f"M_[{central}, 1] = own_KA;"]
    leaving = [f"own_CL / {volume}" if structure.parameterisation == "clearances" else "own_k"]
    for index, k in enumerate(others, 2):
        if structure.parameterisation == "clearances":
            q, v = ("own_Q", "own_V2") if len(others) == 1 else (f"own_Q{index}", f"own_V{index}")
            out, back = f"{q} / {volume}", f"{q} / {v}"
        else:
            out, back = f"own_k1{index}", f"own_k{index}1"
        leaving.append(out)
        lines += [f"M_[{k}, {central}] = {out};", f"M_[{k}, {k}] = -{back};", f"M_[{central}, {k}] = {back};"]
    lines += [f"M_[{central}, {central}] = -({' + '.join(leaving)});"]
    lines += [f"M_[{k}, {n + 1}] = step_rate[s_, {k}];" for k in range(1, n + 1)]
    shares = [own.get(f"F_{c}", own.get("F", "1.0")) for c in structure.compartments]
    lags = [own[name] for name in own if name.partition("_")[0] == "ALAG"]
    outputs = {"cp": f"x_[{central}] / {volume}"}
    outputs |= {f"A_{c}": f"x_[{k}]" for k, c in enumerate(structure.compartments, 1)}
    return Motion(
        outputs=outputs,
        parameters=tuple(lines),
        initial=(f"x_ = rep_vector(0.0, {n});",),
        dose=_dosed(shares),
        steady=_steady(n, shares),
        advance=f"head(matrix_exp(dt_ * M_) * append_row(x_, 1.0), {n})",
        lag=lags[0] if lags else "",
    )


def _steady(n: int, shares: list[str]) -> tuple[str, ...]:
    """Amounts after a bolus, or before an infusion, that has been repeated for ever: (I - E) x = one dose."""
    whole = all(share == "1.0" for share in shares)
    amount = "step_amount[s_]" if whole else f"[{', '.join(shares)}][step_into[s_]] * step_amount[s_]"
    inner = f"M_[1:{n}, 1:{n}]"
    return (
        f"matrix[{n}, {n}] round_ = identity_matrix({n}) - matrix_exp(step_every[s_] * {inner});",
        f"vector[{n}] one_ = rep_vector(0.0, {n});",
        "if (step_lasting[s_] == 0) {",
        f"  one_[step_into[s_]] = {amount};",
        "} else {",
        f"  matrix[{n + 1}, {n + 1}] on_ = rep_matrix(0.0, {n + 1}, {n + 1});",
        f"  on_[1:{n}, 1:{n}] = {inner};",
        f"  on_[step_into[s_], {n + 1}] = step_amount[s_];",
        f"  one_ = matrix_exp((step_every[s_] - step_lasting[s_]) * {inner})",
        f"    * head(matrix_exp(step_lasting[s_] * on_)[, {n + 1}], {n});",
        "}",
        "x_ = (step_steady[s_] == 2 ? x_ : 0 * x_) + mdivide_left(round_, one_);",
    )


def _equations(structure: Any, model: Model, own: Mapping[str, str]) -> Motion:
    writer = StanWriter()
    n = len(structure.compartments)
    names = list(model.parameters)
    amounts = {c: f"x_[{k}]" for k, c in enumerate(structure.compartments, 1)}
    inside = {**amounts, **{name: f"p_[{k}]" for k, name in enumerate(names, 1)}, "t": "t_", "time": "t_"}
    outside = {**amounts, **own, "t": "t_", "time": "t_"}
    rates, shares = ["0.0"] * n, ["1.0"] * n
    start = ["0.0"] * n
    outputs: dict[str, str] = {f"A_{c}": text for c, text in amounts.items()}
    for left, right in equation_lines(structure.rates).items():
        word, _, rest = left.partition("(")
        inner = rest.rstrip(") ").strip()
        if left.startswith("d/dt"):
            rates[structure.compartments.index(inner)] = writer.text(right, inside)
        elif word.strip() in _DOSE_WORDS and inner in amounts:
            shares[structure.compartments.index(inner)] = writer.text(right, own)
        elif inner == "0" and word.strip() in amounts:
            start[structure.compartments.index(word.strip())] = writer.text(right, own)
        elif left.isidentifier():
            outputs[left] = writer.text(right, outside)
        else:
            raise ModelError(
                explain(
                    expected="equations that Stan has too",
                    got=f"the line {left} = ...",
                    remedy="Write it there by hand.",
                )
            )
    functions = (
        "vector rates_(real t_, vector x_, vector rate_, vector p_) {",
        f"  vector[{n}] dx_;",
        *(f"  dx_[{k}] = {text} + rate_[{k}];" for k, text in enumerate(rates, 1)),
        "  return dx_;",
        "}",
    )
    listed = ", ".join(own[name] for name in names)
    at = "step_time[s_]"
    tolerances = "1e-9, 1e-9, 100000"
    return Motion(
        outputs=outputs,
        functions=functions,
        parameters=(f"vector[{len(names)}] p_ = [{listed}]';",),
        initial=tuple(f"x_[{k}] = {text};" for k, text in enumerate(start, 1)),
        dose=_dosed(shares),
        advance=f"ode_bdf_tol(rates_, x_, {at} - dt_, {{{at}}}, {tolerances}, step_rate[s_]', p_)[1]",
    )


def _dosed(shares: list[str]) -> tuple[str, ...]:
    whole = all(share == "1.0" for share in shares)
    amount = "step_amount[s_]" if whole else f"[{', '.join(shares)}][step_into[s_]] * step_amount[s_]"
    return (f"x_[step_into[s_]] += {amount};",)
