"""How well the model describes the data, overall and subject by subject."""

from __future__ import annotations

from typing import Any

from bayes_nlmem.checks.kinds import can_be_ranked, has_pearson_panels
from bayes_nlmem.plots.effects import plot_effects_against_covariates, plot_random_effects
from bayes_nlmem.plots.goodness import plot_goodness_of_fit
from bayes_nlmem.plots.individuals import page_count, plot_individual_fits
from bayes_nlmem.reports.blocks import Block, Figure, Paragraph, Section
from bayes_nlmem.statistics.endpoints import is_endpoint

_PER_PAGE = 12
_MOST_PAGES = 20


def goodness_of_fit(fit: Any) -> Section:
    """Six diagnostic panels for each output of measurements or counts."""
    outputs = [output for output in _outputs(fit) if has_pearson_panels(fit.model.residuals[output])]
    others = [output for output in _outputs(fit) if output not in outputs]
    blocks: list[Block] = [
        Figure(
            f"Goodness of fit of {output}: observations against population and individual predictions "
            "(posterior medians), absolute residuals, residuals over time and over the population "
            f"prediction, normal quantiles. {_residual_words(fit, output)} "
            "Grey: what a perfect model would follow; dotted: ±1.96; red: local regression. "
            "Censored observations are left out.",
            plot_goodness_of_fit(fit, output=output),
            f"goodness-of-fit panels of {output}",
        )
        for output in outputs
    ]
    if others:
        blocks.append(
            Paragraph(
                f"Residuals of {', '.join(others)} (categories or events) are not normal however right the "
                "model is; how well it describes them is seen in the predictive checks."
            )
        )
    return Section("Goodness of fit", tuple(blocks))


def _residual_words(fit: Any, output: str) -> str:
    if is_endpoint(fit.model.residuals[output]):
        return "IWRES is Pearson's residual, (observation − expected value) / standard deviation."
    return "IWRES = (observation − individual prediction) / residual standard deviation."


def individual_fits(fit: Any) -> Section | None:
    """All subjects, twelve to a picture; left out where no curve goes through what was seen."""
    blocks: list[Block] = []
    pages = page_count(len(fit.data.subjects), _PER_PAGE)
    for output in _outputs(fit):
        if not can_be_ranked(fit.model.residuals[output]):
            continue
        for page in range(1, min(pages, _MOST_PAGES) + 1):
            which = f", page {page} of {pages}" if pages > 1 else ""
            blocks.append(
                Figure(
                    f"Individual fits of {output}{which}: observations, posterior median of the individual "
                    "curve with its central 90 % band (uncertainty of the curve, without residual error), "
                    "and the curve of the typical subject with the same doses and covariates.",
                    plot_individual_fits(fit, output=output, page=page, per_page=_PER_PAGE),
                    f"individual fits of {output}{which}",
                )
            )
    if not blocks:
        return None
    if pages > _MOST_PAGES:
        shown = _MOST_PAGES * _PER_PAGE
        blocks.append(
            Paragraph(f"The first {shown} of {len(fit.data.subjects)} subjects are shown.", small=True)
        )
    return Section("Individual fits", tuple(blocks))


def random_effects(fit: Any) -> Section | None:
    """Spread of the random effects, and what covariates might explain; left out where there are none."""
    if not fit.model.random_effects:
        return None
    blocks: list[Block] = [
        Figure(
            "Random effects between subjects: posterior means (bars and ticks) and the normal distribution "
            "that the model assumes, N(0, ω) at the median of ω (orange).",
            plot_random_effects(fit),
            "histograms of the random effects",
        )
    ]
    if fit.data.covariates:
        blocks.append(
            Figure(
                "Random effects against the covariates of the data set (posterior means). A trend that is "
                "left is variability which the covariate might explain.",
                plot_effects_against_covariates(fit),
                "random effects against covariates",
            )
        )
    return Section("Random effects", tuple(blocks))


def _outputs(fit: Any) -> list[str]:
    return list(dict.fromkeys(fit.predictions().OUTPUT))
