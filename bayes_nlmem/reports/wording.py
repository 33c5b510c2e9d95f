"""Numbers and names as a reader wants them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bayes_nlmem.ground.formulas import as_mathml
from bayes_nlmem.model.quantities import quantities
from bayes_nlmem.reports.blocks import Markup


def significant(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, without exponent where it can be avoided.

    Examples
    --------
    >>> significant(2.7834), significant(31.64), significant(1234.5), significant(0.00123), significant(2)
    ('2.78', '31.6', '1234', '0.00123', '2.00')
    """
    value = float(value)
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    size = int(f"{value:.{digits - 1}e}".partition("e")[2])  # of the rounded value: 9.999 is 10.0
    if -5 < size < 7:
        return f"{value:.{max(0, digits - 1 - size)}f}".replace("-", "−")
    return f"{value:.{digits - 1}e}".replace("-", "−")


def whole(value: float) -> str:
    """A number without decimals, empty if it is missing.

    Examples
    --------
    >>> whole(12.6), whole(float("nan"))
    ('13', '')
    """
    return "" if math.isnan(value) else f"{value:.0f}".replace("-", "−")


def listed(items: Sequence[str]) -> str:
    """Words in a row, the last after "and".

    Examples
    --------
    >>> listed(["KA", "CL", "V"])
    'KA, CL and V'
    """
    items = list(items)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    Examples
    --------
    >>> counted(1, "subject"), counted(12, "subject")
    ('1 subject', '12 subjects')
    """
    return f"{number} {noun}" + ("" if number == 1 else "s")


def symbols(model: Any) -> dict[str, Markup]:
    """Name in the graph -> its symbol as it stands in the equations.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> symbols(bn.zoo.load("theophylline").model)["omega_KA"].html.startswith("<math>")
    True
    """
    return {q.name: Markup(f"<math>{as_mathml(q.symbol)}</math>", q.name) for q in quantities(model)}
