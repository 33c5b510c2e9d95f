"""One patient: what was measured, what the model makes of it, and what is to come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_nlmem.data.regimen import Regimen
from bayes_nlmem.dosing.outlook import outlook
from bayes_nlmem.plots.panels import panels
from bayes_nlmem.plots.style import BAND, INDIVIDUAL, INK, MUTED, POPULATION, labelled, plain_log, style


def plot_individual(
    individual: Any,
    *,
    output: str | None = None,
    until: float | None = None,
    regimen: Regimen | None = None,
    start: float | None = None,
    covariates: Mapping[str, float | str] | None = None,
    log_scale: bool = False,
    population: bool = True,
    draws: int = 400,
    level: float = 0.9,
    seed: int = 1,
    axes: Any = None,
) -> Any:
    """A patient's observations and fitted curve with bands, the doses, and the forecast.

    Dots are observations (triangles: beyond a limit of quantification). The line is the posterior median of
    the patient's own course, the dark band its uncertainty, the light one where an observation is expected.
    Dashed is the typical patient with these covariates and doses, the orange band new patients like this
    one: what was known before any sample. Ticks at the bottom are doses; right of the vertical line is the
    future.

    Parameters
    ----------
    individual : Individual or AveragedIndividual
        The patient, see `individualize`.
    output : str, optional
        Output of the model, the first one by default.
    until : float, optional
        Time at which the curves end; by default the last record's, or the end of the regimen.
    regimen : Regimen, optional
        Doses to come, from `start` on (by default the last record's time).
    start : float, optional
        Time at which the regimen begins.
    covariates : mapping, optional
        Values of covariates from then on.
    log_scale : bool
        Logarithmic axis of the output.
    population : bool
        Whether to show what is known of new patients.
    draws, level, seed :
        Draws of the patient's posterior; mass of the bands; of residual errors and new occasions.
    axes : matplotlib axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    FitError
        See `choose_dose`: an end or a start before the last record, doses that are still to come in the
        records beside a regimen, an output that the model does not have.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> patient = bn.individualize(fit, bn.subset(fit.data, [1]), draws=50)
    >>> figure = bn.plot_individual(patient, regimen=bn.Regimen(320), until=48, draws=20)
    >>> figure.axes[0].get_xlabel()
    'Time [h]'
    """
    found = outlook(
        individual,
        output=output,
        until=until,
        regimen=regimen,
        start=start,
        covariates=covariates,
        draws=draws,
        level=level,
        seed=seed,
    )
    table, units = found.table, individual.data.units
    said = f"{100 * level:.0f} %"
    with style():
        figure, [own] = panels(1, columns=1, width=6.8, height=3.6, axes=axes)
        time = table.TIME.to_numpy()
        if population:
            own.fill_between(
                time,
                table.POPULATION_LOWER,
                table.POPULATION_UPPER,
                color=POPULATION,
                alpha=0.10,
                linewidth=0,
                label=f"new patients, {said}",
            )
            own.plot(
                time,
                table.PRED,
                color=POPULATION,
                linewidth=1.1,
                linestyle=(0, (4, 2)),
                label="typical patient",
            )
        own.fill_between(
            time,
            table.SEEN_LOWER,
            table.SEEN_UPPER,
            color=INDIVIDUAL,
            alpha=0.12,
            linewidth=0,
            label=f"an observation, {said}",
        )
        own.fill_between(
            time,
            table.LOWER,
            table.UPPER,
            color=INDIVIDUAL,
            alpha=BAND + 0.1,
            linewidth=0,
            label=f"this patient, {said}",
        )
        own.plot(time, table.IPRED, color=INDIVIDUAL, linewidth=1.6, label="this patient, median")
        _observations(own, found.observations)
        own.plot(
            found.doses,
            np.zeros_like(found.doses),
            linestyle="none",
            marker="|",
            markersize=9,
            markeredgewidth=1.3,
            color=MUTED,
            clip_on=False,
            transform=own.get_xaxis_transform(),
            label="dose",
        )
        if time.max() > found.now:
            own.axvline(found.now, color=MUTED, linewidth=0.9)
        _scale(own, found, log_scale)
        own.set_xlabel(labelled("Time", units.get("TIME")))
        own.set_ylabel(labelled(found.output, units.get(found.output, units.get("DV"))))
        own.set_title(f"Patient {individual.id}", pad=4)
        if axes is None:
            figure.legend(loc="outside right upper", fontsize=8, handlelength=1.6)
        else:
            own.legend(fontsize=7)
    return figure


def _observations(axes: Any, observed: Any) -> None:
    seen = observed[observed.CENS == 0]
    if len(seen):
        axes.plot(seen.TIME, seen.DV, "o", markersize=4.2, color=INK, markeredgewidth=0, label="observed")
    for sign, marker, side in ((1, "v", "below"), (-1, "^", "above")):
        beyond = observed[observed.CENS == sign]
        if len(beyond):
            axes.plot(
                beyond.TIME,
                beyond.DV,
                marker,
                markersize=5,
                markerfacecolor="none",
                markeredgecolor=INK,
                label=f"{side} the limit",
            )


def _scale(axes: Any, found: Any, log_scale: bool) -> None:
    if log_scale:
        values = found.table[["IPRED", "LOWER"]].to_numpy()
        seen = found.observations.DV.to_numpy(float)
        positive = np.concatenate([values[values > 0], seen[seen > 0]])
        axes.set_yscale("log")
        if positive.size:
            top = found.table[["UPPER", "SEEN_UPPER"]].to_numpy().max()
            axes.set_ylim(max(np.quantile(positive, 0.02) / 2, top / 1e5), top * 1.3)
        plain_log(axes.yaxis)
    elif (found.table.LOWER >= 0).all() and (found.observations.DV >= 0).all():
        axes.set_ylim(bottom=0)
