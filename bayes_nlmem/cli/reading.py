"""The options with which a study is read, shared by all commands that take DATA."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from bayes_nlmem.cli.said import note
from bayes_nlmem.cli.words import names, number, pairs
from bayes_nlmem.ground.messages import BayesNlmemError, explain

if TYPE_CHECKING:
    from bayes_nlmem.data.dataset import Dataset
    from bayes_nlmem.model.specification import Model

_PANEL = "Reading DATA"


def _option(help_text: str, *flags: str) -> Any:
    return typer.Option(*flags, help=help_text, rich_help_panel=_PANEL)


@dataclass(frozen=True)
class Reading:
    """How a study is read, as said on the command line; see `bn.read`."""

    covariates: Annotated[
        str | None,
        _option("Covariate columns: WT,SEX. Those of MODEL need not be named.", "--covariates", "-c"),
    ] = None
    categorical: Annotated[str | None, _option("Covariates written as numbers that are categories: SEX.")] = (
        None
    )
    units: Annotated[str | None, _option("Unit labels: TIME=h,AMT=mg,DV=mg/L,WT=kg.")] = None
    columns: Annotated[str | None, _option("Columns under other names: TIME=hours,DV=conc.")] = None
    lloq: Annotated[str | None, _option("Lower limit of quantification: 0.1, or per DVID: 1=0.1,2=5.")] = None
    allow: Annotated[str | None, _option("Codes of faults to accept: E_SUBJECT_NO_DOSE.")] = None
    interpolation: Annotated[str | None, _option("Time-varying covariates: nocb, locf or linear.")] = None
    delimiter: Annotated[str | None, _option("What separates cells; found out by default.")] = None
    decimal: Annotated[str | None, _option("Decimal sign; a point by default.")] = None
    comment: Annotated[str | None, _option("Rows that begin with this are left out.")] = None

    @property
    def said(self) -> list[str]:
        """The options that were given."""
        return [f"--{field.name}" for field in fields(self) if getattr(self, field.name) is not None]


def reads_data(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of `Reading` in the place of its argument `reading`."""
    hints = get_type_hints(command, include_extras=True)
    options = get_type_hints(Reading, include_extras=True)
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "reading"]
    added = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in options]
    for parameter in [*own, *added]:
        hints.setdefault(parameter.name, options.get(parameter.name))

    @wraps(command)
    def run(**given: Any) -> Any:
        reading = Reading(**{name: given.pop(name) for name in options})
        return command(**given, reading=reading)

    kept = [p.replace(annotation=hints[p.name], kind=p.KEYWORD_ONLY) for p in [*own, *added]]
    run.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in kept}
    del run.__wrapped__
    return run


def read(
    source: str, reading: Reading, *, model: Model | None = None, observations_required: bool = True
) -> Dataset:
    """Read a study as the options say, with the covariates that a model needs.

    Parameters
    ----------
    source : str
        A file, or the name of a study of the zoo.
    reading : Reading
        The options.
    model : Model, optional
        Its covariates are read without being named.
    observations_required : bool
        As in `bn.read`.
    """
    import bayes_nlmem as bn

    if not Path(source).exists() and source in bn.zoo.list():
        refuse_reading(reading, f"{source!r}, a study of the zoo")
        return bn.zoo.load(source).data
    covariates, categorical, allow = (
        names(reading.covariates),
        names(reading.categorical),
        names(reading.allow),
    )
    if model is not None:
        if added := [name for name in model.covariates if name not in covariates]:
            note(f"covariates of the model: {', '.join(added)}")
        covariates = [*covariates, *added]
        effects = [item for p in model.parameters.values() for item in p.covariates.items()]
        coded = {str(name) for name, effect in effects if isinstance(effect, bn.Categorical)}
        categorical = [*categorical, *sorted(coded - set(categorical))]
        allow = [*allow, *(["E_COVARIATE_MISSING"] if model.missing and not allow else [])]
    more = {name: getattr(reading, name) for name in ("interpolation", "delimiter", "decimal", "comment")}
    return bn.read(
        source,
        covariates=covariates,
        categorical=categorical,
        units=pairs(reading.units, "--units"),
        columns=pairs(reading.columns, "--columns"),
        lloq=_limits(reading.lloq),
        allow=allow,
        observations_required=observations_required,
        **{name: value for name, value in more.items() if value is not None},
    )


def refuse_reading(reading: Reading, what: str) -> None:
    """Raise for options of reading beside something that says itself how it is read."""
    if reading.said:
        got = ", ".join(reading.said)
        raise BayesNlmemError(explain(expected=f"no options of reading for {what}", got=got))


def _limits(text: str | None) -> float | dict[object, float] | None:
    if text is None:
        return None
    if "=" not in text:
        return number(text, "--lloq")
    named = pairs(text, "--lloq").items()
    return {int(name) if name.isdigit() else name: number(value, "--lloq") for name, value in named}
