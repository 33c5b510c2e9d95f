"""The picture for the bedside: what was measured, what is to come under some regimens, and the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bayes_nlmem.dosing.choice import Advice
from bayes_nlmem.ground.messages import FitError, explain
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

_COLOURS = (INDIVIDUAL, POPULATION, SMOOTH)
_LEVELS = ("trough", "peak", "average", "value")


def plot_advice(advice: Advice, *, regimens: Sequence[str] | None = None) -> Any:
    """A patient's expected course under one or a few regimens, and how likely each reaches the target.

    Left: median and band of the output from the new regimen's start (time 0), dots what was measured before;
    the shaded field is the target's range over its window (for targets that are levels), the dashed line the
    toxic limit. Right: probability below, within and above the target for every regimen compared.

    Parameters
    ----------
    advice : Advice
        What `choose_dose` returned.
    regimens : sequence of str, optional
        Which to draw, by their names in `advice.table`, three at most; by default the best one (the most
        probable one if none keeps within the limits of risk).

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    FitError
        Names that were not compared, or more than three.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> patient = bn.individualize(fit, bn.subset(study.data, [1]), draws=50)
    >>> target = bn.Target("trough", low=5, high=15, over=(0, 12))
    >>> advice = bn.choose_dose(patient, bn.Regimen(100), target, amounts=[100, 400], draws=20)
    >>> len(bn.plot_advice(advice).axes)
    2
    """
    names = _chosen(advice, regimens)
    target = advice.target
    with style():
        figure = new_figure(9.0, 3.6)
        left, right = figure.subplots(1, 2, width_ratios=[1.7, 1])
        if target.kind in _LEVELS:
            low = max(target.low, 0.0)
            start, stop = target.over if target.kind != "value" else (target.over[1], target.over[1])
            top = target.high if np.isfinite(target.high) else None
            left.axvspan(start, stop, color=SMOOTH, alpha=0.05, linewidth=0)
            if top is not None:
                left.fill_between([start, stop], low, top, color=SMOOTH, alpha=0.16, linewidth=0)
            for limit in (target.low, target.high):
                if np.isfinite(limit):
                    left.plot([start, stop], [limit, limit], color=SMOOTH, linewidth=1)
        else:
            left.axvspan(*target.over, color=SMOOTH, alpha=0.07, linewidth=0)
            if target.threshold is not None:
                left.axhline(target.threshold, color=SMOOTH, linewidth=1)
        if target.toxic is not None and target.kind in _LEVELS:
            left.axhline(target.toxic, color=INK, linewidth=1, linestyle=(0, (4, 2)))
        for colour, name in zip(_COLOURS, names, strict=False):
            curve = advice.curves[name]
            left.fill_between(curve.TIME, curve.LOWER, curve.UPPER, color=colour, alpha=BAND, linewidth=0)
            left.plot(curve.TIME, curve.MEDIAN, color=colour, linewidth=1.6, label=name)
        left.plot(
            advice.history.TIME, advice.history.DV, linestyle="none", marker="o", markersize=4, color=INK
        )
        left.axvline(0, color=MUTED, linewidth=0.8)
        units = advice.units
        left.set_xlabel(labelled("Time since the new regimen's start", units.get("TIME")))
        left.set_ylabel(labelled(advice.output or "Output", units.get(advice.output, units.get("DV"))))
        left.set_ylim(bottom=0)
        left.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), fontsize=7.5)
        _bars(right, advice)
        figure.suptitle(advice.conclusion, fontsize=8.5, x=0.01, ha="left", wrap=True)
    return figure


def _chosen(advice: Advice, regimens: Sequence[str] | None) -> list[str]:
    known = advice.table["REGIMEN"].tolist()
    if regimens is None:
        best = repr(advice.best).removeprefix("Regimen: ") if advice.best is not None else None
        return [best or known[int(advice.table["PROBABILITY"].argmax())]]
    names = [regimens] if isinstance(regimens, str) else list(regimens)
    unknown = [name for name in names if name not in known]
    if unknown or not 1 <= len(names) <= len(_COLOURS):
        raise FitError(
            explain(
                expected=f"one to three of the regimens compared ({'; '.join(known)})",
                got=", ".join(unknown) or f"{len(names)}",
            )
        )
    return names


def _bars(axes: Any, advice: Advice) -> None:
    table = advice.table
    at = np.arange(len(table))
    parts = (("TOO_LOW", "below", POPULATION), ("PROBABILITY", "target", SMOOTH), ("TOO_HIGH", "above", INK))
    begin = np.zeros(len(table))
    for column, label, colour in parts:
        axes.barh(at, table[column], left=begin, color=colour, alpha=0.75, height=0.62, label=label)
        begin = begin + table[column].to_numpy()
    amounts = [f"{amount:g}" for amount in table["AMOUNT"]]
    distinct = len(set(amounts)) == len(amounts)
    axes.set_yticks(at, amounts if distinct else table["REGIMEN"])
    axes.set_ylabel(labelled("Amount per dose", advice.units.get("AMT")) if distinct else "")
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlim(0, 1)
    axes.set_xlabel("Probability")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=3, fontsize=7.5)
