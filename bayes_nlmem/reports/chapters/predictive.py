"""Whether studies simulated with what was learnt look like the study that was seen."""

from __future__ import annotations

from typing import Any

from bayes_nlmem.ground.messages import BayesNlmemError
from bayes_nlmem.plots.errors import plot_npde
from bayes_nlmem.plots.predictive import plot_vpc
from bayes_nlmem.reports.blocks import Block, Figure, Paragraph, Section
from bayes_nlmem.simulation.replicates import simulate
from bayes_nlmem.statistics.endpoints import is_endpoint

_DRAWS = 400


def predictive_checks(fit: Any) -> Section:
    """Visual predictive check of every output, and npde of those with residual errors."""
    simulation = simulate(fit, draws=_DRAWS, seed=getattr(fit.record, "seed", 0))
    blocks: list[Block] = []
    normalised = False
    for output in fit.model.residuals:
        measured = not is_endpoint(fit.model.residuals[output])
        try:
            figure = plot_vpc(simulation, output=output)
        except BayesNlmemError as error:
            blocks.append(Paragraph(f"No visual predictive check of {output}: {error}"))
        else:
            what = "percentiles of the observations" if measured else "observed shares"
            blocks.append(
                Figure(
                    f"Visual predictive check of {output}: {what} (dark lines) on the intervals that hold "
                    f"the same quantity of 95 % of {_DRAWS} simulated studies with new subjects, their "
                    "population parameters drawn from what was learnt. Rings: outside of the interval.",
                    figure,
                    f"visual predictive check of {output}",
                )
            )
        if not measured:
            continue
        try:
            errors = plot_npde(simulation, output=output)
        except BayesNlmemError as error:
            blocks.append(Paragraph(f"No prediction distribution errors of {output}: {error}"))
            continue
        normalised = True
        blocks.append(
            Figure(
                f"Normalised prediction distribution errors of {output} from the same replicates: "
                "independent draws of N(0, 1) if the model is right. Dotted: ±1.96; red: local regression; "
                "open triangles: drawn in place of censored values.",
                errors,
                f"prediction distribution errors of {output}",
            )
        )
    return Section("Predictive checks", tuple(blocks), ("npde",) if normalised else ())
