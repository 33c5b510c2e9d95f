"""What follows from a fit: covariate effects, exposure, reliance on the priors, unusual subjects, rivals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bayes_nlmem.checks.exposure import exposure
from bayes_nlmem.checks.loss_of_spread import shrinkage
from bayes_nlmem.criteria.comparison import compare
from bayes_nlmem.ground.tables import printed
from bayes_nlmem.plots.comparison import plot_comparison
from bayes_nlmem.plots.coverage import plot_outliers
from bayes_nlmem.plots.forest import plot_covariate_effects
from bayes_nlmem.reports.blocks import Block, Figure, Paragraph, Section, Table
from bayes_nlmem.reports.chapters.point_estimates import is_estimate


def covariate_effects(fit: Any) -> Section | None:
    """Forest plot of the covariate effects; left out where there are none."""
    if not fit.model.covariates:
        return None
    figure = Figure(
        "Ratio of each parameter to that of the reference subject, with its 90 % interval. Grey: changes "
        "between 0.8 and 1.25, often taken to be of no consequence.",
        plot_covariate_effects(fit),
        "forest plot of the covariate effects",
    )
    return Section("Covariate effects", (figure,))


def exposures(fit: Any) -> Section | None:
    """Exposure of the subjects after their last doses; left out where nothing was dosed."""
    if not fit.data.is_dose.any():
        return None
    found = exposure(fit)
    table = printed(found.summary(), digits=3)
    return Section(
        "Exposure",
        (
            Table(
                f"Exposure to {found.output} after the last dose, from the individual curves: mean over the "
                "subjects with its 90 % interval, and the coefficient of variation between them.",
                table.header,
                table.rows,
                table.align,
            ),
        ),
    )


def reliance(fit: Any) -> Section | None:
    """How much the posterior hangs on the priors; left out where there is no posterior."""
    if is_estimate(fit):
        return None
    found = fit.sensitivity()
    shown = printed(found, digits=2)
    strong = [str(name) for name, row in found.iterrows() if row["diagnosis"]]
    said = f"Worth a second thought: {', '.join(strong)}." if strong else "The priors hardly matter anywhere."
    return Section(
        "Sensitivity to the priors",
        (
            Paragraph(
                "How far the posterior moves when all priors, or the likelihood, are made a little "
                f"stronger or weaker; above 0.05 it matters. {said}"
            ),
            Table("Power-scaling sensitivity.", shown.header, shown.rows, shown.align),
        ),
        ("psense",),
    )


def unusual_subjects(fit: Any) -> Section | None:
    """Shrinkage in all definitions, and the subjects that the model finds unlikely."""
    if not fit.model.random_effects:
        return None
    table = printed(shrinkage(fit), digits=3)
    blocks: list[Block] = [
        Figure(
            "The most unusual subjects: −log10 of a tail probability of their effects, residuals and "
            "observations. Beyond the dotted line a subject is more unusual than chance explains (5 %).",
            plot_outliers(fit, draws=400, seed=1),
            "tail probabilities of the most unusual subjects",
        ),
        Table(
            "Shrinkage in percent, in the definitions of NONMEM and from the posterior.",
            table.header,
            table.rows,
            table.align,
        ),
    ]
    return Section("Unusual subjects and shrinkage", tuple(blocks), ("shrinkage",))


def comparison(others: Mapping[str, Any]) -> Callable[[Any], Section]:
    """A section that compares a fit with others of the same data by what they predict.

    Parameters
    ----------
    others : mapping of str to fit
        Name -> fit.
    """

    def section(fit: Any) -> Section:
        name = fit.model.name or "this model"
        found = compare({name if name not in others else f"{name} (this report)": fit, **others})
        table = found.printed()
        return Section(
            "Comparison with other models",
            (
                Paragraph(found.conclusion),
                Table(f"{found.title}.", table.header, table.rows, table.align),
                Figure(
                    "Left: differences in expected log predictive density to the best model, with one and "
                    "two standard errors. Right: where the first difference comes from.",
                    plot_comparison(found),
                    "differences between models",
                ),
            ),
            () if is_estimate(fit) else ("loo", "stacking"),
        )

    section.__name__ = "comparison"
    return section
