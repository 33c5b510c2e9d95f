"""log p(y_i | theta) of every subject at many points, the random effects integrated out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.ebe import Modes, find_modes
from bayes_nlmem.marginal.importance import proposals
from bayes_nlmem.marginal.quadrature import affordable, grid, quadrature
from bayes_nlmem.marginal.separable import check_complete

QUADRATURE, SAMPLING = "quadrature", "importance"
_MOST_NODES = 1000
_DRAWS = 500
_TOLERANCE = 0.05
_FREEDOM = 5.0
_STEP = 1e-2


@dataclass(frozen=True, eq=False)
class SubjectDensities:
    """The subjects' marginal likelihoods as a function of the population parameters, at a fixed price.

    Quadrature where few nodes suffice (found at `centre`), importance sampling with 500 draws elsewhere.
    Effects of levels above the subject are part of the point, as they are of the population's variables.

    Parameters
    ----------
    conditional : Conditional
        The model's functions.
    centre : ndarray, shape (n_theta,)
        A typical point, such as the posterior mean.
    method : {"quadrature", "importance"}, optional
        By default chosen.
    seed : int
        Of importance sampling.

    Raises
    ------
    ModelError
        If covariates have unknown values.
    FitError
        If an unknown method is asked for.
    """

    conditional: Conditional
    centre: np.ndarray
    method: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_complete(self.conditional)
        if self.method not in (None, QUADRATURE, SAMPLING):
            raise FitError(
                explain(
                    expected=f"method {QUADRATURE!r}, {SAMPLING!r} or None (chosen)",
                    got=repr(self.method),
                    remedy="Choose one of them.",
                )
            )

    def at(self, thetas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihoods at many points.

        Parameters
        ----------
        thetas : ndarray, shape (n_points, n_theta)

        Returns
        -------
        log_likelihood, error : ndarray, shape (n_points, n_subjects)
            `error` is the Monte Carlo standard error, 0 for quadrature.
        """
        rng = np.random.default_rng(self.seed)
        found = [self._at(theta, rng)[:2] for theta in thetas]
        return np.array([value for value, _ in found]), np.array([error for _, error in found])

    def without_each_observation(self, thetas: np.ndarray) -> np.ndarray:
        """Log p(y_ij | the subject's other observations, theta), shape (n_points, n_obs).

        The same sums as for the likelihood, over p(y_i | b) / p(y_ij | b); output after output.
        """
        rng = np.random.default_rng(self.seed)
        subject = self.conditional.subject_of_observation
        found = []
        for theta in thetas:
            value, _, terms, of_observations = self._at(theta, rng)
            others = np.logaddexp.reduce(terms[:, subject] - of_observations, axis=0)
            found.append(value[subject] - others)
        return np.array(found)

    @property
    def words(self) -> str:
        """How the effects are integrated out."""
        if self._chosen == 0:
            return f"importance sampling with {_DRAWS} draws"
        return f"quadrature with {self._chosen} nodes per effect"

    def _at(
        self, theta: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Log-likelihoods, errors; at all places the log-terms of subjects and of observations."""
        conditional = self.conditional
        start = self._modes.b + self._drift @ (theta - self.centre)
        modes = find_modes(conditional, theta, start, careful=False, steps=25, tolerance=1e-3)
        if not modes.converged.all():
            modes = find_modes(conditional, theta, self._modes.b, steps=40, tolerance=1e-3)
        places, log_weights = self._places(modes, rng)
        of_effects, of_observations = conditional.terms_at(theta, conditional.scatter(places))
        terms = of_effects + conditional.by_subject(of_observations) + log_weights
        logs = np.where(np.isfinite(terms), terms, -np.inf)
        n = len(conditional.slots)
        value = np.logaddexp.reduce(logs, axis=0)
        error = np.zeros(n)
        if self._chosen == 0 and conditional.slots.shape[1]:
            with np.errstate(invalid="ignore"):
                error = np.exp(logs - value).std(axis=0, ddof=1) * np.sqrt(len(logs))
        return value, error, logs, of_observations

    def _places(self, modes: Modes, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        slots = self.conditional.slots
        if slots.shape[1] == 0:
            return modes.table[None], np.zeros((1, len(slots)))
        if self._chosen:
            return grid(modes, slots, self._chosen)
        places, log_weights = proposals(modes, slots, _FREEDOM, _DRAWS, rng)
        return places, log_weights - np.log(_DRAWS)

    @cached_property
    def _modes(self) -> Modes:
        return find_modes(self.conditional, self.centre)

    @cached_property
    def _drift(self) -> np.ndarray:
        """How the modes move with the population parameters, at the centre: most of the way to the others."""
        columns = []
        for k in range(len(self.centre)):
            beside = self.centre + _STEP * (np.arange(len(self.centre)) == k)
            moved = find_modes(self.conditional, beside, self._modes.b, careful=False)
            trusted = self.conditional.scatter(
                np.repeat((moved.converged & self._modes.converged)[:, None], moved.table.shape[1], axis=1)
            )
            columns.append(np.where(trusted, (moved.b - self._modes.b) / _STEP, 0.0))
        return np.column_stack(columns) if columns else np.zeros((self.conditional.n_effects, 0))

    @cached_property
    def _chosen(self) -> int:
        """Nodes per effect; 0 for importance sampling."""
        width = self.conditional.slots.shape[1]
        counts = affordable(width, _MOST_NODES) if width else [1]
        if self.method == SAMPLING or not counts:
            return 0
        if width == 0:
            return 1
        before = None
        for count in counts:
            value = quadrature(self.conditional, self._modes, nodes=count).log_likelihood
            if before is not None and 2 * np.nansum(np.abs(value - before)) < _TOLERANCE:
                return count
            before = value
        return counts[-1] if self.method == QUADRATURE or width == 1 else 0
