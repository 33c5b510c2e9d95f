"""The levels at which parameters vary, and the names that each gives to its quantities in the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.statistics.surroundings import effect_name, inherited

if TYPE_CHECKING:
    from bayes_nlmem.model.correlations import Correlated
    from bayes_nlmem.model.specification import Model

SUBJECT, OCCASION = "subject", "occasion"


@dataclass(frozen=True)
class Level:
    """One level of variability of a model: subjects, occasions, or groups of subjects.

    Parameters
    ----------
    name : str
        "subject", "occasion", or the column that names the groups.
    deviations : mapping of str to float or Prior
        What varies, in the order of the columns of the effects' matrix, with its standard deviation.
    blocks : tuple of Correlated
        The correlated ones.
    """

    name: str
    deviations: Mapping[str, float | Prior]
    blocks: tuple[Correlated, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What varies."""
        return tuple(self.deviations)

    @property
    def effects(self) -> str:
        """Name of the matrix of effects: eta, kappa, eta_SITE."""
        return {SUBJECT: "eta", OCCASION: "kappa"}.get(self.name, f"eta_{self.name}")

    @property
    def dims(self) -> tuple[str, str]:
        """Dimensions of the matrix of effects."""
        columns = {SUBJECT: "parameter", OCCASION: "parameter_iov"}.get(self.name, f"parameter_{self.name}")
        return self.name, columns

    def deviation(self, name: str) -> str:
        """Name of a standard deviation: omega_CL, gamma_CL, omega_CL_SITE."""
        kind = "gamma" if self.name == OCCASION else "omega"
        return "_".join([kind, name, *self._above])

    def correlation(self, one: str, other: str) -> str:
        """Name of a correlation: corr_CL_V, corr_iov_CL_V, corr_SITE_CL_V."""
        return f"corr_{self._prefix}{one}_{other}"

    def latent(self, kind: str, names: tuple[str, ...]) -> str:
        """Name of what a block is drawn from, such as its partial correlations: partial_CL_V."""
        return f"{kind}_{self._prefix}{'_'.join(names)}"

    def members(self, block: Correlated) -> tuple[str, ...]:
        """The parameters of a block in the order of the effects' columns."""
        return tuple(name for name in self.deviations if name in block.names)

    @property
    def _above(self) -> list[str]:
        return [] if self.name in (SUBJECT, OCCASION) else [self.name]

    @property
    def _prefix(self) -> str:
        return {SUBJECT: "", OCCASION: "iov_"}.get(self.name, f"{self.name}_")


def level_of(model: Model, name: str) -> Level:
    """One level of a model; nothing varies at a level that the model does not have.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> level_of(bn.zoo.load("theophylline").model, "subject").deviation("CL")
    'omega_CL'
    """
    parameters = model.parameters.items()
    if name == SUBJECT:
        found = {key: p.iiv for key, p in parameters if p.iiv is not None} | _error_effects(model)
    elif name == OCCASION:
        found = {key: p.iov for key, p in parameters if p.iov is not None}
    else:
        found = {key: p.varies[name] for key, p in parameters if name in p.varies}
    blocks = tuple(block for block in model.correlated if block.level == name)
    return Level(name, found, blocks)


def _error_effects(model: Model) -> dict[str, float | Prior]:
    """Random effects on the magnitude of residual errors, with their standard deviations."""
    found = {effect_name(output): inherited(error, "iiv") for output, error in model.residuals.items()}
    return {name: value for name, value in found.items() if value is not None}


def groups_of(model: Model) -> tuple[str, ...]:
    """Names of the levels above the subject, in order of appearance.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> groups_of(bn.zoo.load("theophylline").model)
    ()
    """
    return tuple(dict.fromkeys(name for p in model.parameters.values() for name in p.varies))


def levels_of(model: Model) -> tuple[Level, ...]:
    """The levels at which something varies: subjects, occasions, then the groups above the subject."""
    levels = (level_of(model, name) for name in (SUBJECT, OCCASION, *groups_of(model)))
    return tuple(level for level in levels if level.deviations)
