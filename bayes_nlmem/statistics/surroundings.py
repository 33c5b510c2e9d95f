"""What a residual error may depend on besides the prediction, and how wrapped errors are looked through.

A residual error may ask for more than f by three optional attributes, which a wrapper inherits from what it
wraps: `covariates`, effects on its magnitude by the name of a covariate (or TIME, TAD); `iiv`, the standard
deviation of a random effect between subjects on the logarithm of its magnitude; `autocorrelation`, the
correlation of consecutive standardised errors. In `sd(f, sigmas, xp)` the mapping `sigmas` then also holds
the covariate at each observation under "@NAME", and the subject's random effect under "@eta".
"""

from __future__ import annotations

from typing import Any

from bayes_nlmem.statistics.covariate_names import members

CLOCKS = ("TIME", "TAD")


def layers(residual: Any) -> list[Any]:
    """The residual error and those it wraps, from the outside to the inside.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> [type(layer).__name__ for layer in layers(bn.StudentTError(bn.Additive(1.0), 4.0))]
    ['StudentTError', 'Additive']
    """
    found = []
    while residual is not None:
        found.append(residual)
        residual = getattr(residual, "residual", None)
    return found


def inherited(residual: Any, attribute: str) -> Any:
    """An optional attribute of the residual error or of the nearest one that it wraps, else None."""
    for layer in layers(residual):
        if (value := getattr(layer, attribute, None)) is not None:
            return value
    return None


def needed(residual: Any) -> tuple[str, ...]:
    """Covariates (or TIME, TAD) on which the magnitude of a residual error depends.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> needed(bn.Scaled(bn.Additive(1.0), {"ASSAY": bn.Categorical({"B": 2.0}, reference="A")}))
    ('ASSAY',)
    """
    effects = inherited(residual, "covariates") or {}
    return tuple(dict.fromkeys(name for key in effects for name in members(key)))


def effect_name(output: str) -> str:
    """Name of the random effect on the magnitude of an output's error, as a column of `eta`."""
    return f"sigma_{output}"
