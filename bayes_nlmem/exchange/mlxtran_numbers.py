"""The numbers of a Monolix project: <PARAMETER> with its methods, [POPULATION] with its priors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bayes_nlmem.exchange.mlxtran_text import Line, Place, check_words, refused, statements
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.priors import LogNormal, Normal
from bayes_nlmem.ground.values import about


@dataclass
class Numbers:
    """Population parameters.

    Parameters
    ----------
    values : dict of str to float
    fixed : set of str
        Those with method=FIXED.
    priors : dict of str to Prior
        Those with method=MAP.
    lines : dict of str to int
    used : set of str
        Those that the model asked for.
    """

    values: dict[str, float] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)
    priors: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def value(self, name: str, number: int) -> float:
        """Value of a name or of a number that is written out."""
        if name in self.values:
            self.used.add(name)
            return self.values[name]
        try:
            return float(name)
        except ValueError:
            raise refused(number, name, "a name of <PARAMETER> or a number") from None

    def is_known(self, name: str) -> bool:
        """Whether a name is FIXED, or a number itself."""
        return name in self.fixed or name not in self.values

    def number(self, name: str, number: int, unknown: bool) -> Any:
        """The number, or what is believed of it where it is estimated."""
        value = self.value(name, number)
        if not unknown or self.is_known(name):
            return value
        if name in self.priors:
            return self.priors[name]
        return about(value) if value != 0 else Normal(0.0, 1.0)

    def deviation(self, name: str, number: int, unknown: bool, is_variance: bool = False) -> Any:
        """The same of a standard deviation; None if it is known to be 0."""
        value = self.value(name, number)
        value = value**0.5 if is_variance else value
        if not unknown or self.is_known(name):
            return value or None
        if name in self.priors:
            if is_variance:
                raise refused(number, f"a prior of the variance {name}", "sd= beside method=MAP")
            return self.priors[name]
        if value <= 0:
            raise refused(number, f"{name} = {value:g}", "a value > 0 of a standard deviation")
        return about(value)


def numbers_of(places: Mapping[Place, list[Line]], estimates: str | Path | None) -> Numbers:
    """Values, methods and priors.

    Parameters
    ----------
    places : mapping
        Lines of the project.
    estimates : path, optional
        populationParameters.txt of a run.

    Raises
    ------
    ModelError
        No values, methods that are not known, MAP without a prior of ours.
    """
    found = Numbers()
    stated = {}
    for block in ("", "DEFINITION"):
        for line, name, given in statements(places.get(("MODEL", "POPULATION", block), [])):
            if name != "input":
                stated[name] = (line, given)
    for line, name, given in statements(places.get(("PARAMETER", "", ""), [])):
        given = given if isinstance(given, dict) else {"value": given, "method": "MLE"}
        check_words(line, name, given, ("value", "method", "distribution", "typical", "sd"))
        found.lines[name] = line
        try:
            found.values[name] = float(given["value"])
        except (KeyError, ValueError, TypeError):
            raise refused(line, name, "value=number") from None
        method = str(given.get("method", "MLE")).upper()
        if method == "FIXED":
            found.fixed.add(name)
        elif method == "MAP":
            found.priors[name] = _prior(name, *stated.get(name, (line, given)))
        elif method != "MLE":
            raise refused(line, f"method={method}", "method=MLE, FIXED or MAP")
    if estimates is not None:
        table = pd.read_csv(estimates, sep=None, engine="python", skipinitialspace=True)
        if not {"parameter", "value"} <= set(table.columns):
            raise ModelError(explain(expected="columns parameter and value (populationParameters.txt)",
                                     got=", ".join(map(str, table.columns))))  # fmt: skip
        given_values = {str(name).strip(): float(v) for name, v in zip(table["parameter"], table["value"],
                                                                       strict=True)}  # fmt: skip
        if lost := [name for name in found.values if name not in {*given_values, *found.fixed}]:
            raise ModelError(explain(expected="estimates of all that is estimated",
                                     got=f"none of {', '.join(lost)}"))  # fmt: skip
        found.values |= {name: v for name, v in given_values.items() if name in found.values}
    return found


def _prior(name: str, line: int, given: Any) -> Any:
    """Monolix' priors: the typical value and the SD on the scale of the distribution."""
    if not isinstance(given, dict) or "typical" not in given or "sd" not in given:
        remedy = "State it in [POPULATION]: name = {distribution=logNormal, typical=..., sd=...}."
        raise refused(line, f"{name} with method=MAP", "a prior with typical and sd", remedy)
    check_words(line, name, given, ("distribution", "typical", "sd", "value", "method"))
    kind = str(given.get("distribution", "")).lower()
    try:
        typical, sd = float(given["typical"]), float(given["sd"])
    except ValueError:
        raise refused(line, name, "numbers for typical and sd of a prior") from None
    if kind == "lognormal":
        return LogNormal(typical, sigma=sd)
    if kind == "normal":
        return Normal(typical, sd)
    raise refused(line, f"distribution={kind or 'none'} of the prior of {name}", "logNormal or normal")
