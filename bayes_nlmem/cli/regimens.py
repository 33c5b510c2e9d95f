"""Doses and designs in options: --dose 320 --every 12 --count 6 --times 0.5,1,4 --with WT=70."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_nlmem.cli.words import mixed, number, numbers
from bayes_nlmem.ground.messages import BayesNlmemError, explain

if TYPE_CHECKING:
    from bayes_nlmem.data.planned import Design
    from bayes_nlmem.data.regimen import Regimen
    from bayes_nlmem.model.specification import Model

_DOSES, _STUDY = "Doses", "Planned study"
_MOST = 10_000

Dose = Annotated[float | None, typer.Option(help="Amount of each dose.", rich_help_panel=_DOSES)]
Every = Annotated[float | None, typer.Option(help="Time between doses.", rich_help_panel=_DOSES)]
Count = Annotated[int, typer.Option(min=1, help="Number of doses.", rich_help_panel=_DOSES)]
Duration = Annotated[
    float,
    typer.Option(help="Duration of the infusion; 0 for a bolus or an oral dose.", rich_help_panel=_DOSES),
]
Route = Annotated[
    str | None, typer.Option(help="Compartment the doses enter, by name or CMT.", rich_help_panel=_DOSES)
]
Per = Annotated[
    str | None,
    typer.Option(help="Covariate that multiplies the amount: WT for mg/kg.", rich_help_panel=_DOSES),
]
Subjects = Annotated[int, typer.Option(min=1, help="Number of subjects.", rich_help_panel=_STUDY)]
Times = Annotated[
    str | None,
    typer.Option(help="Sampling times: 0.5,1,4 or FROM:TO:STEP.", rich_help_panel=_STUDY, metavar="TIMES"),
]
With = Annotated[
    str | None,
    typer.Option("--with", help="Covariates of all subjects: WT=70,SEX=f.", rich_help_panel=_STUDY),
]


def regimen_of(
    dose: float | None,
    every: float | None,
    count: int,
    duration: float,
    route: str | None,
    per: str | None,
) -> Regimen | None:
    """The regimen that the options describe; None without `--dose`."""
    import bayes_nlmem as bn

    if dose is None:
        if every is not None or count != 1 or duration or route or per:
            raise BayesNlmemError(
                explain(
                    expected="--dose beside --every, --count, --duration, --route or --per", got="no --dose"
                )
            )
        return None
    where: Any = int(route) if route is not None and route.isdigit() else route
    return bn.Regimen(dose, every=every, count=count, duration=duration, route=where, per=per)


def design_of(
    model: Model, regimen: Regimen | None, subjects: int, times: str, covariates: str | None
) -> Design:
    """One arm with these doses, times and covariates.

    Raises
    ------
    BayesNlmemError
        A covariate of the model without a value.
    """
    import bayes_nlmem as bn

    at, known = times_of(times), mixed(covariates, "--with")
    if lacking := [name for name in model.covariates if name not in known and name not in model.missing]:
        raise BayesNlmemError(
            explain(
                expected=f"values of the covariates of the model ({', '.join(model.covariates)})",
                got=f"none of {', '.join(lacking)}",
                remedy=f"Give them: --with {','.join(f'{name}=...' for name in lacking)}",
            )
        )
    arm = bn.Arm(subjects, regimen, times=at, covariates=known)
    return bn.Design(arm)


def times_of(text: str) -> list[float]:
    """Times from `0.5,1,4` or `0:24:0.5` (both ends are in).

    Examples
    --------
    >>> times_of("0:2:0.5")
    [0.0, 0.5, 1.0, 1.5, 2.0]
    """
    if ":" not in text:
        return numbers(text, "--times")
    parts = [number(part, "--times") for part in text.split(":")]
    if len(parts) != 3 or not parts[2] > 0 or parts[1] < parts[0]:
        raise typer.BadParameter(f"expected FROM:TO:STEP with STEP > 0, got {text!r}", param_hint="--times")
    first, last, step = parts
    count = int((last - first) / step + 1e-9) + 1
    if count > _MOST:
        raise typer.BadParameter(f"expected at most {_MOST} times, got {count}", param_hint="--times")
    return [first + k * step for k in range(count)]
