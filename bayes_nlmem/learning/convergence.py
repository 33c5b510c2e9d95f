"""Whether the draws can be trusted, said in plain words with the probable pharmacological cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bayes_nlmem.ground.tables import notebook
from bayes_nlmem.learning.diagnostics import mixing
from bayes_nlmem.model.specification import Model

R_HAT_LIMIT = 1.01
ESS_LIMIT = 400
BFMI_LIMIT = 0.3


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with the draws.

    Parameters
    ----------
    what : str
        The symptom with its numbers.
    cause : str
        The probable cause, in the field's words.
    remedy : str
        What to try.
    """

    what: str
    cause: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}\n    probable cause: {self.cause}\n    remedy: {self.remedy}"


@dataclass(frozen=True, repr=False)
class Verdict:
    """The judgement on a run.

    Parameters
    ----------
    findings : tuple of Finding
        Empty for a healthy run.
    evidence : str
        The figures looked at, in one line.

    Examples
    --------
    >>> print(Verdict((), "R-hat at most 1.002."))
    Converged: the draws can be used. R-hat at most 1.002.
    """

    findings: tuple[Finding, ...]
    evidence: str

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return notebook(str(self))

    def __str__(self) -> str:
        if self.ok:
            return f"Converged: the draws can be used. {self.evidence}"
        count = f"{len(self.findings)} finding{'s'[: len(self.findings) > 1]}"
        head = f"Not to be trusted yet ({count}). {self.evidence}"
        return "\n".join([head, *(f"  {k}. {finding}" for k, finding in enumerate(self.findings, 1))])


@dataclass(frozen=True)
class _Diagnostics:
    """The figures that all rules look at."""

    r_hat: dict[str, float]
    ess_bulk: dict[str, float]
    ess_tail: dict[str, float]
    divergences: int
    n_draws: int
    bfmi: np.ndarray
    depth_reached: int


def judge(model: Model, draws: xr.DataTree) -> Verdict:
    """Check R-hat, bulk and tail ESS, divergences, E-BFMI and tree depth; name the probable causes.

    Limits: R-hat < 1.01 and ESS > 400 (Vehtari et al. 2021, doi:10.1214/20-BA1221), E-BFMI > 0.3
    (Betancourt 2016, arXiv:1604.00695), no divergent transition.

    Parameters
    ----------
    model : Model
        To know what the parameters mean.
    draws : xarray.DataTree
        Groups `posterior` and `sample_stats`.

    Returns
    -------
    Verdict
    """
    figures = _diagnose(draws)
    findings = tuple(finding for rule in _RULES for finding in rule(model, draws, figures))
    return Verdict(findings, _evidence(figures))


def _diagnose(draws: xr.DataTree) -> _Diagnostics:
    posterior = draws["posterior"].to_dataset()
    stats = draws["sample_stats"].to_dataset()
    parameters = [
        name
        for name, v in posterior.data_vars.items()
        if v.ndim == 2 or str(name).startswith(("eta", "kappa"))
    ]
    r_hat, bulk, tail = mixing(posterior[parameters])
    energy = stats["energy"].values if "energy" in stats else None
    depth = next((stats[n] for n in ("maxdepth_reached", "reached_max_treedepth") if n in stats), None)
    return _Diagnostics(
        _flatten(r_hat),
        _flatten(bulk),
        _flatten(tail),
        int(stats["diverging"].sum()) if "diverging" in stats else 0,
        posterior.sizes["chain"] * posterior.sizes["draw"],
        np.array([]) if energy is None or energy.shape[1] < 4 else _bfmi(energy),
        0 if depth is None else int(depth.sum()),
    )


def _flatten(dataset: xr.Dataset) -> dict[str, float]:
    """Every element by its name, `CL_pop` or `eta[3, KA]`."""
    found = {}
    for name, values in dataset.data_vars.items():
        flat = values.values.ravel()
        for k, value in enumerate(flat):
            found[str(name) if flat.size == 1 else f"{name}[{_label(values, k)}]"] = float(value)
    return found


def _label(values: xr.DataArray, position: int) -> str:
    index = np.unravel_index(position, values.shape)
    return ", ".join(str(values[dim].values[i]) for dim, i in zip(values.dims, index, strict=True))


def _bfmi(energy: np.ndarray) -> np.ndarray:
    """Energy's mean squared change over its variance, per chain."""
    return np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1)


def _evidence(figures: _Diagnostics) -> str:
    r_hat = max(figures.r_hat.values(), default=np.nan)
    bulk, tail = (min(d.values(), default=np.nan) for d in (figures.ess_bulk, figures.ess_tail))
    bfmi = f", E-BFMI {figures.bfmi.min():.2f} or more" if figures.bfmi.size else ""
    return (
        f"R-hat at most {r_hat:.3f}, bulk ESS at least {bulk:.0f}, tail ESS at least {tail:.0f}, "
        f"{figures.divergences} divergences in {figures.n_draws} draws{bfmi}."
    )


def _chains_disagree(model: Model, draws: xr.DataTree, figures: _Diagnostics) -> Iterator[Finding]:
    bad = {name: value for name, value in figures.r_hat.items() if not value < R_HAT_LIMIT}
    if not bad:
        return
    what = f"R-hat above {R_HAT_LIMIT} for {_worst(bad, largest=True)}"
    if flip := _flip_flop(model, draws):
        yield Finding(
            what,
            f"two modes: flip-flop of absorption and elimination, KA < CL/V in {flip}",
            "Give KA a prior that keeps it above CL/V, or fix it; add samples during absorption.",
        )
        return
    if max(bad.values()) > 1.1:
        cause = (
            "the chains stay in different places: two modes, or a parameter that the data do not determine"
        )
        remedy = "Compare the chains of these parameters; simplify the model or give a stronger prior."
    else:
        cause = "the chains mix slowly and are too short"
        remedy = "Sample longer (draws=2000, tune=2000)."
    yield Finding(what, cause, remedy)


def _flip_flop(model: Model, draws: xr.DataTree) -> str:
    posterior = draws["posterior"].to_dataset()
    volume = next((name for name in ("V_pop", "V1_pop") if name in posterior), None)
    if volume is None or not {"KA_pop", "CL_pop"} <= set(posterior.data_vars):
        return ""
    flipped = (posterior["KA_pop"] < posterior["CL_pop"] / posterior[volume]).mean("draw").values
    if flipped.max() < 0.2:
        return ""
    chains = [str(k) for k in np.flatnonzero(flipped > 0.2)]
    return f"chain{'s'[: len(chains) > 1]} {', '.join(chains)} of {len(flipped)}"


def _few_effective_draws(model: Model, draws: xr.DataTree, figures: _Diagnostics) -> Iterator[Finding]:
    for kind, ess in (("bulk", figures.ess_bulk), ("tail", figures.ess_tail)):
        low = {name: value for name, value in ess.items() if not value > ESS_LIMIT}
        if not low:
            continue
        spread = [name for name in low if name.startswith(("omega_", "gamma_", "corr_"))]
        if spread:
            cause = f"the data say little about the spread between subjects ({', '.join(spread[:4])})"
            remedy = (
                "Sample longer, or give these a more informative prior; leave the effect out if it is near 0."
            )
        else:
            cause = "strongly correlated parameters, or simply few draws"
            remedy = "Sample longer (draws=2000, tune=2000); look at the pairs of these parameters."
        yield Finding(f"{kind} ESS below {ESS_LIMIT} for {_worst(low, largest=False)}", cause, remedy)
        return


def _divergent(model: Model, draws: xr.DataTree, figures: _Diagnostics) -> Iterator[Finding]:
    if not figures.divergences:
        return
    posterior = draws["posterior"].to_dataset()
    diverging = draws["sample_stats"].to_dataset()["diverging"].values.astype(bool)
    name, quantile = _where_they_crowd(posterior, diverging)
    if name.startswith(("omega_", "gamma_")) and quantile < 0.25:
        cause = f"{name} is close to zero where they happen: the data hardly show this variability"
        remedy = f"Leave {name} out, or give it a prior away from zero; or target_accept=0.98."
    else:
        cause = f"sharp curvature, most of it where {name} is {'low' if quantile < 0.5 else 'high'}"
        remedy = (
            "Raise target_accept to 0.98; look at the pairs plot of that parameter; give a stronger prior."
        )
    yield Finding(f"{figures.divergences} divergent transitions in {figures.n_draws} draws", cause, remedy)


def _where_they_crowd(posterior: xr.Dataset, diverging: np.ndarray) -> tuple[str, float]:
    """The parameter whose values at divergences are most unlike its others, and their median's rank."""
    ranks = {}
    for name, values in posterior.data_vars.items():
        if values.ndim == 2:
            x = values.values
            ranks[str(name)] = float(np.mean(x < np.median(x[diverging])))
    return max(ranks.items(), key=lambda item: abs(item[1] - 0.5), default=("the parameters", 0.5))


def _heavy_energy(model: Model, draws: xr.DataTree, figures: _Diagnostics) -> Iterator[Finding]:
    if figures.bfmi.size and figures.bfmi.min() < BFMI_LIMIT:
        yield Finding(
            f"E-BFMI down to {figures.bfmi.min():.2f} (limit {BFMI_LIMIT})",
            "heavy tails: a standard deviation that may be huge or tiny under its prior",
            "Give omega and sigma priors with lighter tails (HalfNormal instead of HalfCauchy).",
        )


def _deep_trees(model: Model, draws: xr.DataTree, figures: _Diagnostics) -> Iterator[Finding]:
    if figures.depth_reached > 0.05 * figures.n_draws:
        yield Finding(
            f"{figures.depth_reached} of {figures.n_draws} draws hit the largest tree depth",
            "parameters that trade off against each other over a long, narrow ridge",
            "Look for a parameter without information (peripheral volume, lag): fix it or tighten its prior.",
        )


_RULES: tuple[Callable[..., Iterator[Finding]], ...] = (
    _chains_disagree,
    _few_effective_draws,
    _divergent,
    _heavy_energy,
    _deep_trees,
)


def _worst(values: dict[str, float], *, largest: bool, most: int = 4) -> str:
    ranked = sorted(values.items(), key=lambda item: -item[1] if largest else item[1])
    text = ", ".join(f"{name} ({value:.3g})" for name, value in ranked[:most])
    return text + (f" and {len(ranked) - most} more" if len(ranked) > most else "")
