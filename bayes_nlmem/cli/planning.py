"""What comes next: `simulate`, `design`, `dose`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from bayes_nlmem.cli import said
from bayes_nlmem.cli.fitting import MODEL_IS, KnownSeed, Seed
from bayes_nlmem.cli.given import Stated, find_model, find_run, is_run
from bayes_nlmem.cli.reading import Reading, read, reads_data
from bayes_nlmem.cli.regimens import (
    Count,
    Dose,
    Duration,
    Every,
    Per,
    Route,
    Subjects,
    Times,
    With,
    design_of,
    regimen_of,
)
from bayes_nlmem.cli.results import Picture
from bayes_nlmem.cli.said import Json
from bayes_nlmem.cli.words import names, numbers, rows, span, values
from bayes_nlmem.ground.messages import BayesNlmemError, FitError, explain
from bayes_nlmem.ground.tables import printed

Source = Annotated[str, typer.Argument(metavar="RUN|MODEL", help=f"A run; or {MODEL_IS}")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Value of a parameter: CL_pop=2.8; may be repeated."),
]


@reads_data
def simulate(
    source: Source,
    reading: Reading,
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="Doses, times and covariates; by default the run's.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write all replicates: FILE.csv.", callback=rows),
    ] = None,
    replicates: Annotated[int, typer.Option(min=1, help="Simulated studies.")] = 500,
    who: Annotated[str, typer.Option("--effects", help="Of the subjects: new, same or typical.")] = "new",
    dose: Dose = None,
    every: Every = None,
    count: Count = 1,
    duration: Duration = 0.0,
    route: Route = None,
    per: Per = None,
    subjects: Subjects = 1,
    times: Times = None,
    covariates_of: With = None,
    given: Set = None,
    seed: Seed = None,
    as_json: Json = False,
) -> None:
    """Simulate a study from what was learnt, or from a model with given values or its priors."""
    import bayes_nlmem as bn

    learnt = _learnt(source)
    model = learnt.model
    regimen = regimen_of(dose, every, count, duration, route, per)
    if times is not None:
        if data is not None:
            raise BayesNlmemError(explain(expected="either DATA or --times", got="both"))
        study: Any = design_of(model, regimen, subjects, times, covariates_of)
    elif regimen is not None or covariates_of is not None or subjects != 1:
        raise BayesNlmemError(
            explain(expected="--times beside --dose, --subjects or --with", got="no --times")
        )
    else:
        study = read(data, reading, model=model, observations_required=False) if data else learnt.data
    parameters = {**_values_there(learnt), **values(given, "--set")}
    found = bn.simulate(
        model if isinstance(learnt, Stated) else learnt,
        study,
        subjects=who,
        draws=replicates,
        seed=seed,
        **({"parameters": parameters} if parameters else {}),
    )
    table = found.table()
    shown = _over_time(table)
    if as_json:
        said.as_json({"settings": dict(found.settings), "percentiles": shown})
    else:
        said.say(f"{found!r}\n")
        said.say("Percentiles over replicates and subjects")
        said.show(printed(shown, index=False))
    if output is not None:
        table.to_csv(output, index=False)
        said.written(output)


def design(
    source: Source,
    subjects: Subjects = 1,
    times: Times = None,
    dose: Dose = None,
    every: Every = None,
    count: Count = 1,
    duration: Duration = 0.0,
    route: Route = None,
    per: Per = None,
    covariates: With = None,
    given: Set = None,
    optimise: Annotated[bool, typer.Option("--optimise", help="Search better sampling times.")] = False,
    windows: Annotated[
        str | None, typer.Option(help="When samples may be taken: 0.5:24, or 0:2,6:24.")
    ] = None,
    allowed: Annotated[str | None, typer.Option(help="The only times allowed: 1,2,4,8.")] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="Samples per subject.")] = None,
    about: Annotated[str | None, typer.Option(help="Parameters of interest (criterion Ds): CL_pop.")] = None,
    seed: KnownSeed = 1,
    as_json: Json = False,
) -> None:
    """Expected standard errors of a planned study, and better sampling times.

    The design is that of the options, or the object `design` (bn.Design) of the file. Values that are not
    set are those of the run, or the medians of the priors.
    """
    import bayes_nlmem as bn

    learnt = _learnt(source)
    regimen = regimen_of(dose, every, count, duration, route, per)
    planned = (
        design_of(learnt.model, regimen, subjects, times, covariates)
        if times
        else getattr(learnt, "design", None)
    )
    if planned is None:
        raise BayesNlmemError(
            explain(
                expected="sampling times, or an object `design` (bn.Design) beside the model",
                got="neither",
                remedy="For example --times 0.5,1,4,12 --subjects 24 --dose 100",
            )
        )
    at = _values_at(learnt, {**_values_there(learnt), **values(given, "--set")})
    if not optimise:
        if unused := [
            f"--{n}" for n, v in (("windows", windows), ("allowed", allowed), ("about", about)) if v
        ]:
            raise BayesNlmemError(explain(expected=f"--optimise beside {', '.join(unused)}", got="none"))
        found: Any = bn.expected_precision(learnt.model, planned, at, seed=seed)
    else:
        found = bn.optimise_design(
            learnt.model,
            planned,
            at,
            criterion="Ds" if about else "D",
            about=names(about) or None,
            windows=[span(part, "--windows") for part in names(windows)] or None,
            allowed=numbers(allowed, "--allowed") or None,
            samples=samples,
            seed=seed,
        )
    precision = getattr(found, "precision", found)
    if as_json:
        best = getattr(found, "design", planned)
        said.as_json(
            {
                "precision": precision.table,
                "unlearnt": precision.unlearnt,
                "log_det": precision.log_det,
                "efficiency": getattr(found, "efficiency", None),
                "arms": [
                    {"subjects": arm.subjects, "times": dict(cast(Mapping, arm.times))} for arm in best.arms
                ],
            }
        )
    else:
        said.say(repr(found))


@reads_data
def dose(
    run: Annotated[str, typer.Argument(metavar="RUN|MODEL", help="A run, or a model without unknowns.")],
    patient: Annotated[str, typer.Argument(metavar="PATIENT", help="Records of one subject, as DATA.")],
    reading: Reading,
    target: Annotated[
        str, typer.Option(help="AUC, trough, peak, average, 'time above' or value, over the window --over.")
    ],
    over: Annotated[str, typer.Option(help="Window FROM:TO after the regimen's start.")],
    dose: Annotated[float, typer.Option(help="Amount of each dose.", rich_help_panel="Doses")],
    low: Annotated[float | None, typer.Option(help="Lower end of the range aimed at.")] = None,
    high: Annotated[float | None, typer.Option(help="Upper end of the range aimed at.")] = None,
    threshold: Annotated[float | None, typer.Option(help="For 'time above'.")] = None,
    toxic: Annotated[float | None, typer.Option(help="Value above which there is harm.")] = None,
    risk: Annotated[float | None, typer.Option(help="Largest probability of harm.")] = None,
    amounts: Annotated[
        str | None, typer.Option(help="Amounts to compare: 100,200,400.", rich_help_panel="Doses")
    ] = None,
    every: Every = None,
    count: Count = 1,
    duration: Duration = 0.0,
    route: Route = None,
    per: Per = None,
    start: Annotated[
        float | None, typer.Option(help="When the regimen begins; after the last record.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--id", help="The patient's ID, if PATIENT has several.")
    ] = None,
    output: Picture = None,
    seed: KnownSeed = 1,
    as_json: Json = False,
) -> None:
    """What a patient's own samples say, and which dose reaches a target how surely."""
    import math

    import bayes_nlmem as bn

    learnt = _learnt(run)
    aim = bn.Target(
        target,
        low=-math.inf if low is None else low,
        high=math.inf if high is None else high,
        over=span(over, "--over"),
        threshold=threshold,
        toxic=toxic,
    )
    regimen = regimen_of(dose, every, count, duration, route, per)
    records = _one(read(patient, reading, model=learnt.model, observations_required=False), subject)
    known = learnt.imported.known if isinstance(learnt, Stated) and learnt.imported else learnt.model
    individual = bn.individualize(
        known if isinstance(learnt, Stated) else learnt, records, seed=1 if seed is None else seed
    )
    advice = bn.choose_dose(
        individual,
        regimen,
        aim,
        amounts=numbers(amounts, "--amounts") or None,
        start=start,
        risk=risk,
        seed=1 if seed is None else seed,
    )
    if as_json:
        said.as_json(
            {
                "patient": str(individual.id),
                "parameters": individual.table(),
                "table": advice.table,
                "best": repr(advice.best) if advice.best is not None else None,
                "conclusion": advice.conclusion,
            }
        )
    else:
        said.say(f"{individual!r}\n\n{advice!r}")
    if output is not None:
        said.save_picture(bn.plot_advice(advice), output)


def _learnt(source: str) -> Any:
    """A fit where the word names a run, else a stated model."""
    return find_run(Path(source)) if is_run(source) else find_model(source)


def _values_there(learnt: Any) -> dict[str, float]:
    """The values of a control stream or project, where the model is one."""
    if not isinstance(learnt, Stated) or learnt.imported is None:
        return {}
    found = dict(learnt.imported.values)
    said.note(f"at the values of {learnt.name}: " + ", ".join(f"{n}={v:.4g}" for n, v in found.items()))
    return found


def _over_time(table: Any) -> Any:
    value = "DV" if "DV" in table else "IPRED"
    groups = table.groupby(["OUTPUT", "TIME"], sort=True)[value]
    found = groups.quantile([0.05, 0.5, 0.95]).unstack().set_axis(["P5", "MEDIAN", "P95"], axis=1)
    found.insert(0, "N", groups.size())
    return found.reset_index()


def _values_at(learnt: Any, given: dict[str, float]) -> Any:
    if not isinstance(learnt, Stated):
        if given:
            raise BayesNlmemError(explain(expected="no --set beside a run", got=", ".join(given)))
        return learnt
    from bayes_nlmem.model.quantities import quantities

    unknown = [quantity for quantity in quantities(learnt.model) if not quantity.known]
    valid = [quantity.name for quantity in unknown]
    if wrong := [name for name in given if name not in valid]:
        raise BayesNlmemError(
            explain(expected=f"unknowns of the model ({', '.join(valid)})", got=", ".join(wrong))
        )
    found, open_ = dict(given), []
    for quantity in unknown:
        if quantity.name not in found:
            middle = quantity.interval(0.0)
            if middle is None:
                open_.append(quantity.name)
            else:
                found[quantity.name] = middle[0]
    if open_:
        raise BayesNlmemError(
            explain(
                expected="values of all unknowns",
                got=f"none for {', '.join(open_)}, whose priors have no quick median",
                remedy=f"--set {open_[0]}=...",
            )
        )
    if by_prior := [name for name in valid if name not in given]:
        said.note("at the medians of their priors: " + ", ".join(f"{n}={found[n]:.4g}" for n in by_prior))
    return found


def _one(data: Any, subject: str | None) -> Any:
    import bayes_nlmem as bn

    if subject is not None:
        ids = {str(one): one for one in data.subjects}
        return bn.subset(data, [ids.get(subject, subject)])
    if len(data.subjects) > 1:
        raise FitError(
            explain(
                expected="records of one patient",
                got=f"{len(data.subjects)} subjects",
                remedy=f"Name one: --id {data.subjects[0]}",
            )
        )
    return data
