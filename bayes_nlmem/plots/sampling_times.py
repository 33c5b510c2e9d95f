"""When to sample: what one more sample would teach, against its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayes_nlmem.data.planned import Arm, Design
from bayes_nlmem.design.one_more import NextSample
from bayes_nlmem.design.sensitivity import information_over_time
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.model.specification import Model
from bayes_nlmem.plots.style import (
    BAND,
    INDIVIDUAL,
    INK,
    MUTED,
    POPULATION,
    SMOOTH,
    labelled,
    new_figure,
    style,
)

_COLOURS = (INDIVIDUAL, POPULATION, SMOOTH, INK, MUTED)


def plot_next_sample(found: NextSample) -> Any:
    """Expected SD of a parameter, and expected information, against the time of one more sample.

    The band is two Monte Carlo errors wide to either side, the grey line is the SD now, the ring the best
    time.

    Parameters
    ----------
    found : NextSample
        What `next_sample` returned.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> patient = bn.individualize(fit, bn.subset(study.data, [1]), draws=60)
    >>> found = bn.next_sample(patient, at=[25, 30, 36], about="CL")
    >>> figure = plot_next_sample(found)
    >>> figure.axes[0].get_ylabel()
    'Expected SD of log CL'
    """
    panels = [("GAIN", "Expected information [nats]")]
    if found.about is not None:
        panels.insert(0, ("SD", f"Expected SD of {found.about}"))
    time = found.table["TIME"].to_numpy()
    with style():
        figure = new_figure(4.2 * len(panels), 3.0)
        for axes, (column, label) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
        ):
            value = found.table[column].to_numpy()
            error = np.nan_to_num(found.table[f"{column}_ERROR"].to_numpy())
            axes.fill_between(
                time, value - 2 * error, value + 2 * error, color=INDIVIDUAL, alpha=BAND, linewidth=0
            )
            axes.plot(time, value, color=INDIVIDUAL, linewidth=1.6)
            at = np.argmin(np.abs(time - found.best))
            axes.plot(
                time[at], value[at], marker="o", markersize=8, markerfacecolor="none", markeredgecolor=INK
            )
            axes.set_xlabel(labelled("Time of the sample", found.time_unit))
            axes.set_ylabel(label)
            if column == "SD" and np.isfinite(found.before):
                axes.axhline(found.before, color=MUTED, linewidth=1)
                axes.annotate(
                    "now",
                    (time[-1], found.before),
                    (0, 3),
                    textcoords="offset points",
                    ha="right",
                    color=MUTED,
                )
            axes.set_ylim(bottom=0)
        figure.suptitle(f"{found.who}: best at {found.best:g}", fontsize=9, x=0.01, ha="left")
    return figure


def plot_information(
    model: Model,
    design: Design | Arm,
    at: Any,
    *,
    times: Sequence[float] | None = None,
    about: str | None = None,
    output: str | None = None,
    seed: int | None = None,
) -> Any:
    """Information against time: what one more sample of every subject of an arm would add to a design.

    Ticks below the curves are the times of the design itself.

    Parameters
    ----------
    model, design, at
        As in `expected_precision`.
    times : sequence of float, optional
        Times to look at; by default 80 over the span of the design.
    about : str, optional
        Show the standard error of this parameter, in percent of the design's own, in place of the gain.
    output : str, optional
        What is measured, by default the first output.
    seed : int, optional
        For covariates that are drawn.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    FitError
        `about` is no estimated parameter; the valid names are given.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.Model(
    ...     structure=bn.OneCompartment(),
    ...     parameters={"CL": bn.Parameter(bn.about(1.0), iiv=0.3), "V": bn.Parameter(bn.about(10), iiv=0.2)},
    ...     residuals={"cp": bn.Proportional(0.1)},
    ... )
    >>> arm = bn.Arm(20, bn.Regimen(100), times=[1, 8])
    >>> figure = bn.plot_information(model, arm, {"CL_pop": 1.0, "V_pop": 10.0}, times=[2, 8, 24])
    >>> figure.axes[0].get_ylabel()
    'Gain by one more sample [nats]'
    """
    design = Design((design,)) if isinstance(design, Arm) else design
    sampled = [np.unique([t for own in _times(arm) for t in own]) for arm in design.arms]
    if times is None:
        last = max(own.max() for own in sampled)
        times = last * np.linspace(0, 1, 81)[1:] ** 1.5
    found = information_over_time(model, design, at, times, output=output, seed=seed)
    column = "GAIN" if about is None else about
    if column not in found:
        raise FitError(explain(expected=f"about= among {', '.join(found.columns[3:])}", got=repr(about)))
    label = "Gain by one more sample [nats]" if about is None else f"SE of {about} [% of now]"
    with style():
        figure = new_figure(6.0, 3.2)
        axes = figure.subplots()
        for k, (arm, own) in enumerate(found.groupby("ARM", sort=False)):
            colour = _COLOURS[k % len(_COLOURS)]
            axes.plot(own["TIME"], own[column], color=colour, linewidth=1.6, label=str(arm))
            axes.plot(
                sampled[k],
                np.full(len(sampled[k]), 0.02 + 0.03 * k),
                transform=axes.get_xaxis_transform(),
                linestyle="none",
                marker="|",
                markersize=9,
                markeredgewidth=1.6,
                color=colour,
            )
        axes.set_xlabel("Time")
        axes.set_ylabel(label)
        if about is None:
            axes.set_ylim(bottom=0)
        if len(sampled) > 1:
            axes.legend()
    return figure


def _times(arm: Arm) -> list[Sequence[float]]:
    assert isinstance(arm.times, Mapping)  # as settled by Arm
    return list(arm.times.values())
