"""Individual fits: one small panel per subject, the same axes for all, as many pages as it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.checks.kinds import refuse_unranked
from bayes_nlmem.data.grid import on_grid
from bayes_nlmem.ground.messages import BayesNlmemError, explain, names_text
from bayes_nlmem.plots.pointing import observation_words, tell
from bayes_nlmem.plots.style import (
    BAND,
    INDIVIDUAL,
    INK,
    MUTED,
    POPULATION,
    labelled,
    new_figure,
    plain_log,
    style,
)
from bayes_nlmem.simulation.courses import courses
from bayes_nlmem.simulation.subjects import NEW

Style = dict[str, Any]
_GRID, _DRAWS = 60, 200


def plot_individual_fits(
    fit: Any,
    *,
    output: str | None = None,
    subjects: Sequence[Any] | None = None,
    page: int = 1,
    per_page: int = 12,
    columns: int = 4,
    share_axes: bool = True,
    log_scale: bool = False,
    population_band: bool = False,
) -> Any:
    """Observations and fitted curve of each subject, in small panels.

    Points are observations; open triangles are observations beyond a limit of quantification, drawn at the
    limit. The line is the posterior median of the individual curve, the band its central 90 %, the dashed
    line the typical subject with the same doses and covariates. Ticks at the bottom are doses.

    Parameters
    ----------
    fit : Fit
        What was learnt.
    output : str, optional
        Output of the structure, the first one by default.
    subjects : sequence, optional
        The IDs to show, all by default.
    page, per_page : int
        Page number, from 1, and the number of panels on a page.
    columns : int
        Panels in a row.
    share_axes : bool
        Same ranges in all panels of the page.
    log_scale : bool
        Logarithmic axis of the output.
    population_band : bool
        Also the central 90 % of new subjects with the same doses and covariates (takes a simulation).

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    BayesNlmemError
        If the output, a subject or the page does not exist, or the output has times of events or states,
        which no curve goes through.

    Examples
    --------
    >>> figure = plot_individual_fits(fit, subjects=[1, 2])
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['ID 1', 'ID 2']
    """
    predictions, curves = fit.predictions(), fit.curves()
    output = chosen_output(predictions, output)
    refuse_unranked(fit.model.residuals[output], output)
    units = fit.data.units
    return individual_fits(
        predictions[predictions.OUTPUT == output],
        curves[curves.OUTPUT == output],
        dose_times(fit.data.table),
        subjects=subjects,
        page=page,
        per_page=per_page,
        columns=columns,
        share_axes=share_axes,
        log_scale=log_scale,
        time_unit=units.get("TIME"),
        unit=units.get(output, units.get("DV")),
        name=output,
        population=_new_subjects(fit, output) if population_band else None,
    )


def _new_subjects(fit: Any, output: str) -> pd.DataFrame:
    """ID, TIME and central 90 % of new subjects with the doses and covariates of each."""
    longer, added = on_grid(fit.data, _GRID)
    [predicted], _, _ = courses(fit, longer, output, added, (NEW,), draws=_DRAWS, seed=1)
    lower, upper = np.quantile(predicted, [0.05, 0.95], axis=0)
    own = longer.table.iloc[added]
    columns = {"ID": own["ID"].to_numpy(), "TIME": own["TIME"].to_numpy(float)}
    return pd.DataFrame(columns | {"LOWER": lower, "UPPER": upper})


def individual_fits(
    observations: pd.DataFrame,
    curves: pd.DataFrame,
    doses: Mapping[Any, np.ndarray],
    *,
    subjects: Sequence[Any] | None = None,
    page: int = 1,
    per_page: int = 12,
    columns: int = 4,
    share_axes: bool = True,
    log_scale: bool = False,
    time_unit: str | None = None,
    unit: str | None = None,
    name: str = "DV",
    population: pd.DataFrame | None = None,
) -> Any:
    """The picture of `plot_individual_fits`, from tables.

    Parameters
    ----------
    observations : DataFrame
        Columns ID, TIME, DV, CENS, LIMIT, PRED, IPRED.
    curves : DataFrame
        Columns ID, TIME, PRED, IPRED, IPRED_LOWER, IPRED_UPPER on a dense grid of times.
    doses : mapping
        ID -> times of its doses.
    subjects, page, per_page, columns, share_axes, log_scale :
        As in `plot_individual_fits`.
    time_unit, unit : str, optional
        Of the time and of the observations.
    name : str
        Of the observations.
    population : DataFrame, optional
        ID, TIME, LOWER, UPPER of new subjects.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    BayesNlmemError
        There is no such page.
    """
    chosen = _chosen_subjects(observations, subjects)
    words = observation_words(observations, ["IPRED", "PRED"], time_unit=time_unit, unit=unit)
    observations = observations.assign(WORDS=words)
    pages = page_count(len(chosen), per_page)
    if not 1 <= page <= pages:
        raise BayesNlmemError(explain(expected=f"a page from 1 to {pages}", got=page))
    chosen = chosen[(page - 1) * per_page : page * per_page]
    columns = min(columns, len(chosen))
    rows = math.ceil(len(chosen) / columns)
    with style():
        figure = new_figure(2.15 * columns + 0.6, 1.75 * rows + 0.9)
        grid = figure.subplots(rows, columns, sharex=share_axes, sharey=share_axes, squeeze=False)
        for axes, subject in zip(grid.flat, chosen, strict=False):
            if population is not None:
                new = population[population.ID == subject]
                axes.fill_between(new.TIME, new.LOWER, new.UPPER, **_NEW)
            _panel(
                axes,
                observations[observations.ID == subject],
                curves[curves.ID == subject],
                doses.get(subject, np.empty(0)),
            )
            axes.set_title(f"ID {subject}", pad=3)
        for axes in grid.flat[: len(chosen)]:
            _set_scale(axes, observations.DV, log_scale)
        for axes in grid.flat[len(chosen) :]:
            axes.set_axis_off()
            above = grid[-2, list(grid[-1]).index(axes)] if rows > 1 else None
            if above is not None:
                above.xaxis.set_tick_params(labelbottom=True)
        figure.supxlabel(labelled("Time", time_unit), fontsize=9.5, color=INK)
        figure.supylabel(labelled(name, unit), fontsize=9.5, color=INK)
        censored = bool((observations.CENS != 0).any())
        dosed = any(len(times) for times in doses.values())
        figure.legend(
            handles=_legend(censored, dosed, population is not None),
            loc="outside upper left",
            ncols={1: 1, 2: 2, 3: 3}.get(columns, 6),
            fontsize=8,
            handlelength=1.5,
            handletextpad=0.5,
            columnspacing=1.1,
        )
    return figure


def page_count(subjects: int, per_page: int) -> int:
    """Number of pages that the panels need.

    Examples
    --------
    >>> page_count(25, 12)
    3
    """
    return max(1, math.ceil(subjects / per_page))


def dose_times(table: pd.DataFrame) -> dict[Any, np.ndarray]:
    """Times of the doses of each subject, additional doses (ADDL, II) written out.

    Parameters
    ----------
    table : DataFrame
        Canonical event table: ID, TIME, EVID, ADDL, II.

    Returns
    -------
    dict
        ID -> sorted times.

    Examples
    --------
    >>> table = pd.DataFrame({"ID": [1], "TIME": [0.0], "EVID": [1], "ADDL": [2], "II": [12.0]})
    >>> dose_times(table)
    {1: array([ 0., 12., 24.])}
    """
    times: dict[Any, np.ndarray] = {}
    for subject, own in table[table.EVID.isin((1, 4))].groupby("ID", sort=False):
        repeats = own.ADDL.to_numpy(int) + 1
        number = np.concatenate([np.arange(n) for n in repeats])
        times[subject] = np.sort(
            np.repeat(own.TIME.to_numpy(float), repeats) + number * np.repeat(own.II.to_numpy(float), repeats)
        )
    return times


def chosen_output(predictions: pd.DataFrame, output: str | None) -> str:
    """The output asked for, or the first one; an error lists those that exist."""
    names = list(dict.fromkeys(predictions.OUTPUT))
    if output is None:
        return names[0]
    if output not in names:
        raise BayesNlmemError(explain(expected=f"an observed output ({', '.join(names)})", got=repr(output)))
    return output


def _chosen_subjects(observations: pd.DataFrame, subjects: Sequence[Any] | None) -> list[Any]:
    known = list(dict.fromkeys(observations.ID))
    if subjects is None:
        return known
    unknown = [subject for subject in subjects if subject not in known]
    if unknown or not len(subjects):
        raise BayesNlmemError(
            explain(expected=f"IDs among {names_text(known)}", got=names_text(unknown) or "none of them")
        )
    return list(subjects)


def _panel(axes: Any, observed: pd.DataFrame, curve: pd.DataFrame, doses: np.ndarray) -> None:
    time = curve.TIME.to_numpy()
    axes.fill_between(time, curve.IPRED_LOWER, curve.IPRED_UPPER, color=INDIVIDUAL, alpha=BAND, linewidth=0)
    axes.plot(time, curve.PRED, color=POPULATION, linewidth=1.1, linestyle=(0, (4, 2)))
    axes.plot(time, curve.IPRED, color=INDIVIDUAL, linewidth=1.5)
    seen = observed[observed.CENS == 0]
    tell(axes.plot(seen.TIME, seen.DV, **_POINT), seen.WORDS)
    for sign, marker in ((1, "v"), (-1, "^")):
        beyond = observed[observed.CENS == sign]
        tell(axes.plot(beyond.TIME, beyond.DV, **_TRIANGLE, marker=marker), beyond.WORDS)
    shown = doses[doses <= time.max()] if time.size else doses
    if len(shown):  # an empty line outside of the axes has a place in the layout all the same
        axes.plot(shown, np.zeros_like(shown), **_DOSE, transform=axes.get_xaxis_transform())


def _set_scale(axes: Any, observed: pd.Series, log_scale: bool) -> None:
    positive = observed[observed > 0]
    if log_scale and len(positive):
        axes.set_yscale("log")
        axes.set_ylim(bottom=positive.min() / 2)
        plain_log(axes.yaxis)
    elif not log_scale and (observed.dropna() >= 0).all():
        axes.set_ylim(bottom=0)


_NEW: Style = {"color": POPULATION, "alpha": 0.10, "linewidth": 0}
_POINT: Style = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 3.6,
    "markerfacecolor": INK,
    "markeredgewidth": 0,
}
_TRIANGLE: Style = {"linestyle": "none", "markersize": 4.8, "markerfacecolor": "none", "markeredgecolor": INK}
_DOSE: Style = {
    "linestyle": "none",
    "marker": "|",
    "markersize": 9,
    "markeredgewidth": 1.3,
    "color": MUTED,
    "clip_on": False,
}


def _legend(censored: bool, dosed: bool, population: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks: list[Any] = [Line2D([], [], label="observed", **_POINT)]
    if censored:
        marks.append(Line2D([], [], label="beyond the LOQ", marker="v", **_TRIANGLE))
    marks += [
        Line2D([], [], label="individual, posterior median", color=INDIVIDUAL, linewidth=1.5),
        Patch(label="its 90 % credible band", color=INDIVIDUAL, alpha=BAND, linewidth=0),
        Line2D([], [], label="typical subject", color=POPULATION, linewidth=1.1, linestyle=(0, (4, 2))),
    ]
    if population:
        marks.append(Patch(label="90 % of new subjects", **_NEW))
    if dosed:
        marks.append(Line2D([], [], label="dose", **{**_DOSE, "clip_on": True}))
    return marks
