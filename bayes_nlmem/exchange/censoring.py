"""Values below the limit of quantification in a control stream: the method M3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bayes_nlmem.exchange.control_stream import ControlStream
from bayes_nlmem.exchange.expressions import at, constants_compared_with, in_full, same
from bayes_nlmem.ground.messages import ModelError, explain

_TINY = 1e-9  # what is added to PHI so that it is not 0


def limit_of(known: Mapping[Any, Any], stream: ControlStream) -> Any:
    """The limit below which Y is PHI((limit - F) / SD), and above which it is F + SD * EPS.

    Raises
    ------
    ModelError
        F_FLAG is used in any other way.

    References
    ----------
    Beal 2001, doi:10.1023/A:1012299115260.
    """
    import sympy

    y, flag, dv = sympy.Symbol("Y"), sympy.Symbol("F_FLAG"), sympy.Symbol("DV")
    y, flag = in_full(y, known), in_full(flag, known)
    limits = constants_compared_with(flag, dv)
    if len(limits) == 1:
        [limit] = limits
        above, below = ({dv: limit + step} for step in (1, -1))
        normal, probability = at(y, above), at(y, below)
        eps = [s for s in normal.free_symbols if any(s.name in block.names for block in stream.epsilons)]
        flags = (at(flag, above), at(flag, below))
        if flags == (0, 1) and len(eps) == 1 and _variance(eps[0].name, stream) == 1:
            sd = sympy.diff(normal, eps[0])
            f = normal.xreplace({eps[0]: sympy.Integer(0)})
            expected = sympy.Function("PHI")((limit - f) / sd)
            rest = [
                term for term in sympy.Add.make_args(probability) if not (term.is_number and term < _TINY)
            ]
            if len(rest) == 1 and str(rest[0].func) == "PHI" and same(rest[0].args[0], expected.args[0]):
                return limit
    raise ModelError(
        explain(
            expected="Y = F + SD*EPS(1), or with F_FLAG = 1 where DV is below a limit "
            "Y = PHI((limit - F)/SD), with SIGMA 1 FIX",
            got="another use of F_FLAG (a likelihood of one's own)",
            remedy="Values below the limit: read the data with lloq= and leave F_FLAG out (M3).",
        )
    )


def _variance(name: str, stream: ControlStream) -> float:
    block = next(block for block in stream.epsilons if name in block.names)
    cell = block.numbers[block.names.index(name)][block.names.index(name)]
    theta = stream.numbers.get(cell)
    return theta.value if theta is not None and theta.fixed else 0.0
