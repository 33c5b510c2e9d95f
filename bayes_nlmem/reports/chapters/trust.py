"""Whether the draws can be trusted: verdict, evidence, traces and ranks."""

from __future__ import annotations

import math
from typing import Any

from bayes_nlmem.plots.style import style
from bayes_nlmem.reports.blocks import Block, Figure, Notice, Paragraph, Section
from bayes_nlmem.reports.chapters.point_estimates import is_estimate, phases

_CRITERIA = (
    "Asked of every population parameter and random effect: R̂ below 1.01 (the chains agree) and effective "
    "sample sizes above 400 in the bulk and in the tails; of the run: no divergent transition, and E-BFMI "
    "above 0.3 (the sampler explores the tails)."
)


def convergence(fit: Any) -> Section:
    """The verdict in plain words, with the evidence."""
    verdict = fit.convergence()
    if is_estimate(fit):
        return Section("Convergence", (_verdict(verdict, "estimates"), *phases(fit)))
    blocks: list[Block] = [_verdict(verdict, "draws"), Paragraph(_CRITERIA)]
    names = [str(name) for name in fit.summary().index if str(name) in fit.draws["posterior"]]
    step = _thinning(fit)
    if names:
        blocks += [
            Figure(
                "Ranks of the draws of each chain, as difference from the uniform distribution (ArviZ). "
                "Chains that agree stay near the middle; p is the probability of a larger deviation if they "
                "do, black "
                "marks where it is below 0.01." + _every(step),
                _ranks(fit.draws, names, step),
                "rank plots of the population parameters",
            ),
            Figure(
                "Traces: draws in the order in which they were made, one colour per chain (ArviZ). They "
                "should look alike and show no drift.",
                _traces(fit.draws, names),
                "trace plots of the population parameters",
            ),
        ]
    return Section("Convergence", tuple(blocks))


def _verdict(verdict: Any, what: str) -> Notice:
    if verdict.ok:
        return Notice("good", f"Converged: the {what} can be used.", (verdict.evidence,))
    points = tuple(f"{f.what}\nProbable cause: {f.cause}\nRemedy: {f.remedy}" for f in verdict.findings)
    return Notice("bad", f"Not to be trusted yet. {verdict.evidence}", points)


def _thinning(fit: Any) -> int:
    """The step that leaves nearly independent draws, as the test in the rank plot takes them to be.

    At least 100 draws of each chain are kept, so that chains which disagree are seen to do so.
    """
    sizes = fit.draws["posterior"].sizes
    effective = fit.summary().ess_bulk.min()
    step = math.ceil(sizes["chain"] * sizes["draw"] / effective) if effective > 0 else 1
    return max(1, min(step, sizes["draw"] // 100))


def _every(step: int) -> str:
    return "" if step == 1 else f" Only one draw in {step} is used, to make them nearly independent."


def _ranks(draws: Any, names: list[str], step: int) -> Any:
    import arviz_plots
    import xarray as xr

    few = xr.DataTree.from_dict(
        {"posterior": draws["posterior"].to_dataset().isel(draw=slice(None, None, step))}
    )
    return _drawn(arviz_plots.plot_rank, few, names, {"ecdf_lines": {"width": 1.1}, "remove_axis": False})


def _traces(draws: Any, names: list[str]) -> Any:
    import arviz_plots

    return _drawn(arviz_plots.plot_trace, draws, names, {"trace": {"width": 0.35, "alpha": 0.6}})


def _drawn(plot: Any, draws: Any, names: list[str], visuals: dict[str, Any]) -> Any:
    import matplotlib.pyplot as plt

    size = (9.2, 1.5 * math.ceil(len(names) / 4) + 0.2)
    with style():
        collection = plot(
            draws,
            var_names=names,
            backend="matplotlib",
            visuals=visuals,
            figure_kwargs={"figsize": size, "layout": "constrained"},
        )
        figure = collection.viz["figure"].item()
    plt.close(figure)  # the picture is kept, pyplot need not show it
    return figure
