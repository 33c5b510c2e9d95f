"""The specification: parameters, correlations and residual errors around a structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.matrix_priors import Dirichlet
from bayes_nlmem.ground.prior import Prior
from bayes_nlmem.ground.values import refusal
from bayes_nlmem.model import edits
from bayes_nlmem.model.correlated_residuals import CorrelatedResiduals
from bayes_nlmem.model.correlations import Correlated
from bayes_nlmem.model.equations import equations, html_page, latex_block, text_page
from bayes_nlmem.model.levels import OCCASION, SUBJECT, groups_of, level_of
from bayes_nlmem.model.parameters import Parameter
from bayes_nlmem.model.quantities import priors
from bayes_nlmem.model.validation import problems_of
from bayes_nlmem.statistics.covariate_names import CovariateKey, members
from bayes_nlmem.statistics.covariates import CovariateEffect
from bayes_nlmem.statistics.imputation import Imputed, ImputedCategory
from bayes_nlmem.statistics.residuals import Residual

if TYPE_CHECKING:
    import pandas

__all__ = ["Correlated", "Model", "Parameter", "equations", "priors"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Model:
    """A nonlinear mixed-effects model: structure, parameters, correlations and residual errors.

    It prints itself as equations and as a table of priors, for proof-reading. It cannot be changed; the
    methods `with_...` and `without_...` return new models.

    Parameters
    ----------
    structure : Structure
        Predicts the outputs from the individual parameters, for example `OneCompartment(...)`.
    parameters : mapping of name to Parameter
        All parameters the structure needs, and optional ones it accepts.
    residuals : mapping of output to Residual or Endpoint
        Residual error of every observed output; of categories, counts, events and states their law
        (`Bernoulli`, `Poisson`, `TimeToEvent`, ...).
    correlated : sequence of Correlated
        Blocks of correlated random effects, of any level; those not named are independent.
    name : str, optional
        Name for tables and reports.
    endpoints : mapping of output to int or str, optional
        Which observations belong to which output: the label of every output in the column `endpoints_in`,
        for example ``{"cp": 1, "pca": 2}``. Without it, one output has all observations, several have those
        whose DVID is their name.
    endpoints_in : {"DVID", "CMT"}
        The column that holds the labels.
    nested : mapping of level to level, optional
        Which level above the subject lies within which, ``{"SITE": "STUDY"}``: every site belongs to one
        study. Levels that are not named here are crossed; both is checked against the data.
    correlated_residuals : sequence of CorrelatedResiduals
        Pairs of outputs whose errors at the same time are correlated.
    missing : mapping of covariate to Imputed or ImputedCategory, optional
        Where the values come from that some subjects lack; without it missing values are refused.
    mixture : sequence of float or Dirichlet, optional
        Probabilities of the classes of a mixture of sub-populations, for typical values given by `PerClass`.

    Raises
    ------
    ModelError
        With everything that is wrong: parameters missing or unknown to the structure, outputs it does not
        have, correlations of parameters without IIV, ambiguous names.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.Model(
    ...     structure=bn.OneCompartment(absorption="first-order"),
    ...     parameters={
    ...         "KA": bn.Parameter(bn.about(1.5), iiv=bn.about(0.5)),
    ...         "CL": bn.Parameter(bn.about(2.8), iiv=bn.about(0.3)),
    ...         "V": bn.Parameter(bn.about(32.0), iiv=bn.about(0.3)),
    ...     },
    ...     correlated=[bn.Correlated("CL", "V")],
    ...     residuals={"cp": bn.Proportional(bn.about(0.1))},
    ... )
    >>> model.random_effects
    ('KA', 'CL', 'V')
    >>> model.with_parameter("KA", iiv=0).random_effects
    ('CL', 'V')
    """

    structure: Any
    parameters: Mapping[str, Parameter]
    residuals: Mapping[str, Residual]
    correlated: Sequence[Correlated] = ()
    name: str | None = None
    endpoints: Mapping[str, int | str] = FrozenMapping()
    endpoints_in: str = "DVID"
    nested: Mapping[str, str] = FrozenMapping()
    correlated_residuals: Sequence[CorrelatedResiduals] = ()
    missing: Mapping[str, Imputed | ImputedCategory] = FrozenMapping()
    mixture: Sequence[float] | Dirichlet | None = None

    def __post_init__(self) -> None:
        if isinstance(self.correlated, Correlated):
            object.__setattr__(self, "correlated", (self.correlated,))
        if isinstance(self.correlated_residuals, CorrelatedResiduals):
            object.__setattr__(self, "correlated_residuals", (self.correlated_residuals,))
        if problems := problems_of(self):
            raise refusal(problems, f"Model{f' {self.name!r}' if self.name else ''} is not well stated")
        object.__setattr__(self, "parameters", FrozenMapping(self.parameters))
        object.__setattr__(self, "residuals", FrozenMapping(self.residuals))
        object.__setattr__(self, "correlated", tuple(self.correlated))
        object.__setattr__(self, "correlated_residuals", tuple(self.correlated_residuals))
        object.__setattr__(self, "endpoints", FrozenMapping(self.endpoints))
        object.__setattr__(self, "nested", FrozenMapping(self.nested))
        object.__setattr__(self, "missing", FrozenMapping(self.missing))
        if self.mixture is not None and not isinstance(self.mixture, Dirichlet):
            object.__setattr__(self, "mixture", tuple(self.mixture))

    @property
    def random_effects(self) -> tuple[str, ...]:
        """Parameters that vary between individuals, in order."""
        return level_of(self, SUBJECT).names

    @property
    def occasion_effects(self) -> tuple[str, ...]:
        """Parameters that vary between occasions, in order."""
        return level_of(self, OCCASION).names

    @property
    def groups(self) -> tuple[str, ...]:
        """Levels above the subject, in order."""
        return groups_of(self)

    @property
    def n_classes(self) -> int:
        """Number of classes of sub-populations; 1 without a mixture."""
        if self.mixture is None:
            return 1
        return len(self.mixture.concentration if isinstance(self.mixture, Dirichlet) else self.mixture)

    @property
    def covariates(self) -> tuple[str, ...]:
        """All covariates that have an effect, each once."""
        keys = [key for parameter in self.parameters.values() for key in parameter.covariates]
        return tuple(dict.fromkeys(name for key in keys for name in members(key)))

    def priors(self) -> pandas.DataFrame:
        """Table of everything known and unknown, see `bayes_nlmem.priors`."""
        return priors(self)

    def with_parameter(self, name: str, parameter: Parameter | None = None, /, **changes: Any) -> Model:
        """The model with a parameter added, replaced, or changed in some fields (`iov=0`)."""
        return edits.with_parameter(self, name, parameter, **changes)

    def without_parameter(self, name: str) -> Model:
        """The model without an optional parameter."""
        return edits.without_parameter(self, name)

    def with_covariate(self, parameter: str, covariate: CovariateKey, effect: CovariateEffect) -> Model:
        """The model with an effect of `covariate` on `parameter`, in place of any earlier one."""
        return edits.with_covariate(self, parameter, covariate, effect)

    def without_covariate(self, parameter: str, covariate: CovariateKey) -> Model:
        """The model without the effect of `covariate` on `parameter`."""
        return edits.without_covariate(self, parameter, covariate)

    def with_residual(self, output: str, residual: Residual, endpoint: int | str | None = None) -> Model:
        """The model with another residual error for `output`, and the label of its observations."""
        return edits.with_residual(self, output, residual, endpoint)

    def with_structure(self, structure: Any, **parameters: Parameter | None) -> Model:
        """The model with another structure and the parameters it needs; None takes a parameter out."""
        return edits.with_structure(self, structure, **parameters)

    def with_correlated(self, *blocks: Correlated) -> Model:
        """The model with these blocks of correlated effects and no others; without arguments none."""
        return edits.with_correlated(self, *blocks)

    def with_correlated_residuals(self, *pairs: CorrelatedResiduals) -> Model:
        """The model with these pairs of correlated errors and no others; without arguments none."""
        return edits.with_correlated_residuals(self, *pairs)

    def with_priors(self, priors: Mapping[str, Prior | float]) -> Model:
        """The model with other priors (or known numbers), by their names in the graph."""
        return edits.with_priors(self, priors)

    def with_name(self, name: str | None) -> Model:
        """The model under another name."""
        return edits.with_name(self, name)

    def __repr__(self) -> str:
        return text_page(self)

    def _repr_html_(self) -> str:
        return html_page(self)

    def _repr_latex_(self) -> str:
        return f"$${latex_block(self)}$$"
