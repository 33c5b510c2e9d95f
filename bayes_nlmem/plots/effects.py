"""Random effects: their spread against what the model assumes, and what covariates might explain of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.ground.messages import BayesNlmemError, explain
from bayes_nlmem.plots.panels import panels
from bayes_nlmem.plots.pointing import tell
from bayes_nlmem.plots.smoother import lowess
from bayes_nlmem.plots.style import INDIVIDUAL, INK, MUTED, POPULATION, SMOOTH, labelled, new_figure, style
from bayes_nlmem.selection.signals import covariate_signals

HIGH_SHRINKAGE = 30  # %; Savic & Karlsson 2009, doi:10.1208/s12248-009-9133-0


def plot_random_effects(fit: Any, *, axes: Any = None) -> Any:
    """Individual random effects against the normal distribution that the model assumes for them.

    Bars and ticks are the subjects' posterior means, the line is N(0, omega) at the posterior median of
    omega. Means are drawn towards 0 where a subject's data say little; the title gives this shrinkage.

    Parameters
    ----------
    fit : Fit
        What was learnt.
    axes : array of matplotlib axes, optional
        Where to draw, one per random effect; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    BayesNlmemError
        If the model has no random effects.

    Examples
    --------
    >>> figure = plot_random_effects(fit)
    >>> len(figure.axes)
    3
    """
    effects = random_effect_means(fit)
    summary = fit.summary()
    with style():
        figure, shown = panels(effects.shape[1], columns=4, width=2.7, height=2.3, axes=axes)
        for panel, name in zip(shown, effects, strict=True):
            omega = float(np.median(fit.draws["posterior"][f"omega_{name}"]))
            _spread(panel, effects[name].to_numpy(), omega)
            shrinkage = summary["shrinkage"].get(f"omega_{name}", np.nan)
            said = f", shrinkage {shrinkage:.0f} %" if np.isfinite(shrinkage) else ""
            panel.set(xlabel=f"η {name}", ylabel="density", title=f"{name}{said}")
        if axes is None:
            figure.legend(handles=_legend_of_spread(), loc="outside upper left", ncols=3, fontsize=8)
    return figure


def plot_effects_against_covariates(fit: Any) -> Any:
    """Individual random effects against every covariate of the data set, in the model or not.

    A trend is variability that the covariate might explain, or a covariate effect of the wrong form. Points
    are the subjects' posterior means, the red line is a local regression; categories are shown side by side,
    the dash is their mean. Of a covariate that changes over time the first value of the subject is used.

    Means are drawn towards 0, and towards the other effects, where a subject's data say little: above 30 %
    shrinkage a trend may be hidden, or be that of another parameter. Every panel says its shrinkage, and the
    result of a test on the likelihood itself, which shrinkage does not fool (`covariate_signals`): the effect
    of one standard deviation of the covariate (of a level) on the parameter's scale, and its p-value.

    Parameters
    ----------
    fit : Fit
        What was learnt.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    BayesNlmemError
        If the model has no random effects, or the data no covariates.

    Examples
    --------
    >>> figure = plot_effects_against_covariates(fit)
    >>> figure.axes[0].get_xlabel()
    'WT [kg]'
    """
    effects = random_effect_means(fit)
    covariates = fit.data.covariates
    if not covariates:
        raise BayesNlmemError(
            explain(
                expected="at least one covariate in the data",
                got="none",
                remedy="Name them where the data are read: bn.read(..., covariates=[...]).",
            )
        )
    first = fit.data.table.groupby("SUBJECT", sort=True).head(1).index
    signals = covariate_signals(fit)
    badly_seen = sorted(set(signals.loc[signals["shrinkage"] > HIGH_SHRINKAGE, "parameter"]))
    rows, columns = len(covariates), effects.shape[1]
    with style():
        figure = new_figure(2.7 * columns + 0.4, 2.1 * rows + 0.5)
        grid = figure.subplots(rows, columns, squeeze=False, sharey="col")
        for line, name in zip(grid, covariates, strict=True):
            values = np.asarray(fit.data.covariate(name))[np.asarray(first)]
            for axes, parameter in zip(line, effects, strict=True):
                axes.axhline(0, color=MUTED, linewidth=1)
                draw = _against_number if covariates[name].categories is None else _against_category
                draw(axes, values, effects[parameter])
                axes.set(xlabel=labelled(name, fit.data.units.get(name)), ylabel=f"η {parameter}")
                text, how = _said(signals, name, str(parameter))
                axes.set_title(text, **how)
        if badly_seen:
            figure.suptitle(
                f"Shrinkage above {HIGH_SHRINKAGE} % in {', '.join(badly_seen)}: trends may be hidden or "
                "borrowed; read the test",
                fontsize=8.5,
                color=SMOOTH,
            )
        kinds = [covariates[name].categories is None for name in covariates]
        marks = _legend_of_trends(any(kinds), not all(kinds))
        figure.legend(handles=marks, loc="outside lower left", ncols=3, fontsize=8)
    return figure


def _said(signals: pd.DataFrame, covariate: str, parameter: str) -> tuple[str, dict[str, Any]]:
    """Shrinkage and test of one panel, and how the text is set."""
    own = signals[(signals["covariate"] == covariate) & (signals["parameter"] == parameter)]
    if own.empty:
        return "", {"fontsize": 7}
    row = own.iloc[int(own["p"].argmin()) if own["p"].notna().any() else 0]
    per = f"for level {row['level']}" if row["level"] else "per SD"
    test = f"test: {row['effect']:+.2g} {per}, p {row['p']:.2g}" if np.isfinite(row["p"]) else "no test"
    high = row["shrinkage"] > HIGH_SHRINKAGE
    text = f"shrinkage {row['shrinkage']:.0f} %" + (" (high)" if high else "") + f"\n{test}"
    return text, {"fontsize": 7, "color": SMOOTH if high else INK}


def random_effect_means(fit: Any) -> pd.DataFrame:
    """Posterior means of the random effects between subjects.

    Parameters
    ----------
    fit : Fit
        What was learnt.

    Returns
    -------
    DataFrame
        One row per subject, one column per parameter that varies between subjects.

    Raises
    ------
    BayesNlmemError
        If the model has no random effects.

    Examples
    --------
    >>> random_effect_means(fit).shape
    (12, 3)
    """
    posterior = fit.draws["posterior"]
    if "eta" not in posterior:
        raise BayesNlmemError(
            explain(
                expected="a model with random effects",
                got="one without",
                remedy="Give a parameter variability between subjects: Parameter(..., iiv=HalfNormal(0.5)).",
            )
        )
    means = posterior["eta"].mean(("chain", "draw")).transpose("subject", "parameter")
    return pd.DataFrame(
        means.values,
        index=pd.Index(means["subject"].values, name="ID"),
        columns=[str(name) for name in means["parameter"].values],
    )


def _spread(axes: Any, means: np.ndarray, omega: float) -> None:
    reach = 1.15 * max(3 * omega, float(np.abs(means).max()))
    x = np.linspace(-reach, reach, 200)
    edges = np.linspace(-reach, reach, 2 * int(np.clip(np.sqrt(means.size) * 1.6, 4, 15)))
    axes.hist(means, bins=edges, density=True, color=INDIVIDUAL, alpha=0.35, edgecolor="white", linewidth=0.8)
    normal = np.exp(-0.5 * (x / omega) ** 2) / (omega * np.sqrt(2 * np.pi))
    axes.plot(x, normal, color=POPULATION, linewidth=1.5)
    axes.plot(means, np.zeros_like(means), "|", color=INK, markersize=7, transform=axes.get_xaxis_transform())
    axes.set_yticks([])
    axes.grid(visible=False, axis="y")


def _legend_of_spread() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Patch(color=INDIVIDUAL, alpha=0.35, linewidth=0, label="subjects, posterior means"),
        Line2D([], [], color=INK, marker="|", linestyle="none", markersize=7, label="one subject"),
        Line2D([], [], color=POPULATION, linewidth=1.5, label="assumed: normal with the learnt SD"),
    ]


def _legend_of_trends(numeric: bool, categories: bool) -> list[Any]:
    from matplotlib.lines import Line2D

    marks = [Line2D([], [], **_DOTS, label="subject, posterior mean")]
    if numeric:
        marks.append(Line2D([], [], color=SMOOTH, linewidth=1.6, label="local regression"))
    if categories:
        marks.append(Line2D([], [], color=SMOOTH, linewidth=1.8, label="mean of the category"))
    return marks


_DOTS: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 4,
    "alpha": 0.75,
    "color": INDIVIDUAL,
}


def _against_number(axes: Any, values: np.ndarray, means: pd.Series) -> None:
    tell(axes.plot(values, means, **_DOTS), _subjects(means))
    near = min(1.0, max(2 / 3, 20 / values.size))  # few subjects deserve a calm curve
    axes.plot(*lowess(values, means, fraction=near), color=SMOOTH, linewidth=1.6)


def _against_category(axes: Any, values: np.ndarray, means: pd.Series) -> None:
    levels = sorted(set(values.tolist()))
    for place, level in enumerate(levels):
        own = means[values == level]
        tell(axes.plot(place + np.linspace(-0.12, 0.12, own.size), own, **_DOTS), _subjects(own))
        axes.plot([place - 0.25, place + 0.25], [own.mean()] * 2, color=SMOOTH, linewidth=1.8)
    names = [level if isinstance(level, str) else f"{level:g}" for level in levels]
    axes.set_xticks(range(len(levels)), names)
    axes.set_xlim(-0.6, len(levels) - 0.4)


def _subjects(means: pd.Series) -> list[str]:
    return [f"ID {subject}\nη {means.name} {mean:.3g}" for subject, mean in means.items()]
