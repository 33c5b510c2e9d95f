"""The phases of a run: explore, smooth, settle, and draw from the conditional laws at the estimate.

*Explore*: the averages forget at once (gain 1), variances may fall only slowly (simulated annealing);
it ends when no parameter drifts any more. *Smooth*: gain 1/k averages the noise away. *Settle*: theta is
held while the score of the observed data and its information are estimated, then moved by Newton steps
with gain 1/k; it ends when the Monte Carlo error is small against the standard errors. EM converges slowly
where the data say little, the Newton steps do not; and they tell how far the maximum is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bayes_nlmem.learning.stochastic.chains import Chains, Normals
from bayes_nlmem.learning.stochastic.densities import Densities
from bayes_nlmem.learning.stochastic.effect_law import EffectLaw
from bayes_nlmem.learning.stochastic.information import Information, Parts
from bayes_nlmem.learning.stochastic.roles import Roles
from bayes_nlmem.learning.stochastic.updates import Updates
from bayes_nlmem.marginal.ebe import find_modes
from bayes_nlmem.marginal.laplace_em import quick_modes

ANNEALING = 0.95
_WINDOW = 30
_ROUND = 40
_LARGEST = 0.5
_MOST_ROUNDS = 30
_MOST_ROUNDS_OF_NOISE = 120  # where nothing but Monte Carlo noise is in the way
_MOST_BATCHES = 6
_AGREE = 0.15  # relative difference of standard errors from two halves that counts as agreement
_GOOD_SHARE = 0.78
_POOLED = 8  # rounds whose information is averaged
_LITTLE = 0.05  # share of the information about a standard deviation that is left: none to speak of
_ROUNDS_TO_TELL = 3


@dataclass(frozen=True)
class Effort:
    """How long a run lasts.

    Parameters
    ----------
    chains : int
        Chains per subject.
    explore : (int, int)
        Fewest and most iterations of the first phase.
    smooth : int
        Iterations of the second.
    tolerance : float
        Monte Carlo error, in standard errors of the estimates, at which the third phase ends.
    draws : int
        Draws kept per chain at the end.
    """

    chains: int
    explore: tuple[int, int]
    smooth: int
    tolerance: float
    draws: int


@dataclass(eq=False)
class Run:
    """One run: its state, its traces, and what it found.

    Parameters
    ----------
    densities, law, roles : Densities, EffectLaw, Roles
        The model.
    effort : Effort
        How long.
    priors : bool
        Posterior mode instead of maximum likelihood.
    rng : numpy.random.Generator
        The source of chance.
    say : callable
        Told of every stage.
    """

    densities: Densities
    law: EffectLaw
    roles: Roles
    effort: Effort
    priors: bool
    rng: np.random.Generator
    say: Callable[[str], None] = lambda _: None
    trace: list[np.ndarray] = field(default_factory=list)
    phase: list[str] = field(default_factory=list)
    stationary: bool = False
    settled: bool = False
    interrupted: bool = False
    distance: np.ndarray | None = None
    noise: np.ndarray | None = None
    covariance: np.ndarray | None = None
    problem: str = ""
    draws: np.ndarray | None = None
    pool: list[Parts] = field(default_factory=list)
    mode: np.ndarray = field(init=False, repr=False)
    mode_covariance: np.ndarray = field(init=False, repr=False)
    _normals: Normals | None = field(default=None, init=False, repr=False)
    accepted: dict[str, float] = field(default_factory=dict)
    vanishing: np.ndarray | None = None

    def start(self, theta: np.ndarray, b: np.ndarray) -> None:
        """Stand at a point; chains begin around the modes there."""
        conditional = self.densities.conditional
        self.theta = theta
        self._centre(b)
        noise = self.rng.normal(size=(self.effort.chains, *conditional.slots.shape))
        tables = conditional.gather(self.mode) + np.einsum(
            "nij,cnj->cni", np.linalg.cholesky(self.mode_covariance), 0.7 * noise
        )
        tables = np.where(conditional.slots >= 0, tables, 0.0)
        self.chains = Chains(self.densities, theta, tables, self.rng)
        failed = ~np.isfinite(self.chains.data)
        if failed.any():
            tables = np.where(failed[:, :, None], conditional.gather(self.mode), tables)
            self.chains.move_to(theta, tables)
        self.updates = Updates(self.densities, self.law, self.roles, self.priors)
        self._record("start")

    def go(self) -> None:
        """All phases; stopped by the keyboard, keep what there is."""
        try:
            self.explore()
            self.smooth()
            self.settle()
        except KeyboardInterrupt:
            self.interrupted = True
            self.say("stopped; finishing with what there is")
        self.finish()

    # --- phases ----------------------------------------------------------------------------------

    def explore(self) -> None:
        """Until nothing drifts."""
        self.say("SAEM: exploring")
        fewest, most = self.effort.explore
        for k in range(1, most + 1):
            self._simulate(wide=True)
            self.updates.take(self.chains, 1.0)
            self._move(self.updates.maximise(self.chains, 1.0, ANNEALING))
            self._record("explore")
            if k % _WINDOW == 0:
                self._centre(self.mode)
                if k >= fewest and not self._drifts():
                    self.stationary = True
                    break

    def smooth(self) -> None:
        """Average with gain 1/k."""
        self.say("SAEM: smoothing")
        recent = np.array(self.trace[-_WINDOW:])
        if len(recent) > 1 and self.roles.rest.size:
            theta = self.theta.copy()
            theta[self.roles.rest] = recent[:, self.roles.rest].mean(axis=0)
            self._move(theta)
        for k in range(1, self.effort.smooth + 1):
            gain = 1.0 / k if k > 1 else 0.5
            self._simulate(wide=False)
            self.updates.take(self.chains, gain)
            self._move(self.updates.maximise(self.chains, gain, 0.0))
            self._record("smooth")

    def settle(self) -> None:
        """Newton steps on the likelihood itself, with the score averaged over rounds."""
        self.say("SAEM: settling")
        if not len(self.roles.estimated):
            self.settled = True
            return
        self._centre(self.mode)
        step_number, variances = 1, []
        for number in range(_MOST_ROUNDS_OF_NOISE):
            step, error, noise = self._newton_step()
            if step is None:
                return
            far = np.max(np.abs(step) / error, initial=0.0)
            near = far < max(1.0, 4 * np.max(noise, initial=0.0))
            step_number = step_number + 1 if near or number > 2 else 1
            self.distance = np.abs(step) / error
            variances.append(noise**2)
            self.noise = np.sqrt(np.mean(variances, axis=0) / step_number)
            theta = self.theta.copy()
            theta[self.roles.estimated] += np.clip(step / step_number, -_LARGEST, _LARGEST)
            self._move(theta)
            self._record("settle")
            if near and step_number > 1 and np.max(self.noise, initial=0.0) < self.effort.tolerance:
                self.settled = True
                return
            needed = step_number * (np.max(self.noise, initial=0.0) / self.effort.tolerance) ** 2
            if number + 1 >= _MOST_ROUNDS and not (near and needed < _MOST_ROUNDS_OF_NOISE):
                return

    def finish(self) -> None:
        """Draw from p(b | y) at the estimate; information, modes."""
        self.say("SAEM: drawing at the estimate")
        conditional = self.densities.conditional
        self._centre(self.mode)
        self.chains.accepted.clear()
        for _ in range(10):
            self._simulate(wide=False)
        kept: list[np.ndarray] = []
        parts: Parts | None = None
        for batch in range(_MOST_BATCHES):
            flats, more = self._batch(self.effort.draws if batch == 0 else min(self.effort.draws, _ROUND))
            kept = kept or flats
            if more is None:
                break
            last, parts = parts, more if parts is None else parts + more
            if last is not None and _agree(last, more):
                break
            if batch == 0 and self.effort.draws < 20:
                break  # a short look, where nobody reads the standard errors
        self.draws = np.stack(kept, axis=1)
        self.accepted = {kind: float(np.mean(shares)) for kind, shares in self.chains.accepted.items()}
        if parts is not None:
            self.covariance, self.problem = self._inverse_of_known(parts.observed)
        found = find_modes(conditional, self.theta, self.mode, steps=20, careful=False)
        self.mode, self.mode_covariance = found.b, found.covariance

    # --- parts -----------------------------------------------------------------------------------

    @property
    def estimated_names(self) -> list[str]:
        """Names of the estimated elements."""
        elements = self.densities.conditional.population.elements
        return [elements[k] for k in self.roles.estimated]

    def _batch(self, draws: int) -> tuple[list[np.ndarray], Parts | None]:
        """Draws at the present theta, and what some of them say about the information."""
        information, kept = self._information(), []
        wanted = int(np.clip(300 / self.densities.n_subjects, 8, 20))
        stride = max(1, draws // wanted)
        for k in range(draws):
            self._simulate(wide=False)
            kept.append(self.chains.flats())
            if k % stride == 0 and len(self.roles.estimated):
                information.take(kept[-1][k // stride % self.chains.n_chains])
        return kept, information.parts() if information.count > 1 else None

    def _information(self) -> Information:
        return Information(self.densities, self.law, self.roles, self.priors, self.theta)

    def _newton_step(self) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
        """Newton step at the present theta, standard errors, Monte Carlo error of the step in their unit."""
        information = self._information()
        stride = max(1, _ROUND // int(np.clip(500 / self.densities.n_subjects, 5, 10)))
        scores = []
        for k in range(_ROUND):
            self._simulate(wide=False)
            scores.append([information.score_at(self.chains.flat(table)) for table in self.chains.tables])
            if k % stride == 0:
                information.take(self.chains.flat(self.chains.tables[k // stride % self.chains.n_chains]))
        if information.count < 2:
            return None, np.zeros(0), np.zeros(0)
        each = np.array(scores)  # (iterations, chains, estimated)
        each = np.where(np.isfinite(each), each, np.nan)
        pieces = max(1, int(np.ceil(4 / self.chains.n_chains)))  # long ones: draws in a row are alike
        batches = np.concatenate([np.nanmean(part, axis=0) for part in np.array_split(each, pieces)])
        self.pool = [*self.pool[-_POOLED + 1 :], information.parts()]
        pooled = self.pool[0]
        for parts in self.pool[1:]:
            pooled = pooled + parts
        if len(self.pool) >= _ROUNDS_TO_TELL:
            self.vanishing = self._weak(pooled)
        known = np.flatnonzero(~self.gone)
        covariance = np.zeros_like(pooled.complete)
        block = np.ix_(known, known)
        covariance[block] = np.linalg.inv(_definite(pooled.observed[block], pooled.complete[block]))
        error = np.where(self.gone, np.inf, np.sqrt(np.diag(covariance)))
        step = covariance @ (batches.mean(axis=0) + information.slope_prior())
        spread = batches @ covariance
        noise = spread.std(axis=0, ddof=1) / np.sqrt(len(batches)) / error
        return step, error, noise

    @property
    def gone(self) -> np.ndarray:
        """Which of the estimated elements are deviations that go to zero, correlations that go to 1 or -1."""
        return np.zeros(len(self.roles.estimated), bool) if self.vanishing is None else self.vanishing

    def _weak(self, parts: Parts) -> np.ndarray:
        """Deviations and correlations about which the effects, not being seen, leave next to no information.

        log omega has no maximum where omega is zero, nor has the log-odds of a correlation where that is 1 or
        -1: EM and Newton steps creep on for ever. They stay where they stand, and the others are estimated.
        """
        share = np.diag(parts.observed) / np.diag(parts.complete)
        candidate = np.isin(self.roles.estimated, list(self.roles.deviations))
        candidate |= [name.startswith("partial_") for name in self.estimated_names]
        return candidate & (share < _LITTLE)

    def _inverse_of_known(self, observed: np.ndarray) -> tuple[np.ndarray, str]:
        """Covariance of the estimates, NaN for what is `gone`; what else is wrong."""
        known = np.flatnonzero(~self.gone)
        names = [self.estimated_names[k] for k in known]
        covariance = np.full(observed.shape, np.nan)
        covariance[np.ix_(known, known)], problem = _inverse(observed[np.ix_(known, known)], names)
        return covariance, problem

    def _simulate(self, *, wide: bool) -> None:
        chains, proposal = self.chains, self._proposal()
        width = chains.tables.shape[2]
        share = chains.independent(proposal)
        if wide and self.law.normal:
            chains.from_population(self._population_factor())
        poor = share < _GOOD_SHARE  # the Laplace proposal fits the subjects badly: walk more
        if poor or self.rng.uniform() < 0.5:
            chains.walk(proposal)
        else:
            chains.walk_single(proposal, int(self.rng.integers(width)))
        if poor:
            chains.walk_single(proposal, int(self.rng.integers(width)))
            chains.independent(proposal)
        if self._pairs and self.law.normal:
            precision = self.law.precisions(self.theta)
            chains.redistribute(precision["eta"], precision["kappa"], self._pairs, self._occasions)
            chains.move_to(self.theta)

    def _move(self, theta: np.ndarray) -> None:
        """Take other population parameters; psi = m + eta stays where m alone has moved."""
        tables = self.chains.tables
        if self.law.n_eta and len(self.roles.typical):
            before, after = self.theta.copy(), self.theta.copy()
            after[self.roles.typical] = theta[self.roles.typical]
            change = self.law.typical(before) - self.law.typical(after)
            tables = tables.copy()
            tables[:, :, : self.law.n_eta] += change
        self.theta = theta
        self._normals = None
        self.chains.move_to(theta, tables)

    def _centre(self, b: np.ndarray) -> None:
        """Find the modes at the present theta and what the subjects' own data say there."""
        conditional = self.densities.conditional
        found = quick_modes(conditional, self.theta, b, steps=6)
        self.mode, self.mode_covariance = found.b, found.covariance
        self._normals = None
        if not self.law.normal:
            return
        prior = self.law.slot_precision(self.theta)
        values, vectors = np.linalg.eigh(np.linalg.inv(self.mode_covariance) - prior)
        self._own = np.einsum("nij,nj,nkj->nik", vectors, np.maximum(values, 0.0), vectors)
        centre = self._centre_of_slots(self.theta)
        table = conditional.gather(self.mode)
        self._pull = np.einsum("nij,nj->ni", self._own + prior, table) + np.einsum(
            "nij,nj->ni", self._own, centre
        )

    def _centre_of_slots(self, theta: np.ndarray) -> np.ndarray:
        centre = np.zeros(self.densities.conditional.slots.shape)
        if self.law.n_eta:
            centre[:, : self.law.n_eta] = self.law.typical(theta)
        return centre

    def _proposal(self) -> Normals:
        """The subjects' approximate conditional laws at the present theta."""
        if self._normals is None:
            if self.law.normal:
                precision = self._own + self.law.slot_precision(self.theta)
                right = self._pull - np.einsum("nij,nj->ni", self._own, self._centre_of_slots(self.theta))
                mean = np.linalg.solve(precision, right[:, :, None])[:, :, 0]
            else:
                mean = self.densities.conditional.gather(self.mode)
                precision = np.linalg.inv(self.mode_covariance)
            self._normals = Normals.of_precision(mean, precision)
        return self._normals

    def _population_factor(self) -> np.ndarray:
        return np.linalg.cholesky(np.linalg.inv(self.law.slot_precision(self.theta)))

    @property
    def _pairs(self) -> list[tuple[int, int]]:
        model = self.densities.conditional.translation.model
        eta, kappa = list(model.random_effects), list(model.occasion_effects)
        return [(eta.index(name), kappa.index(name)) for name in kappa if name in eta]

    @property
    def _occasions(self) -> np.ndarray:
        """First slot of every subject's occasions, -1 where absent."""
        slots, n_eta, width = self.densities.conditional.slots, self.law.n_eta, self.law.kinds["kappa"][2]
        first = np.arange(n_eta, slots.shape[1], width)
        return np.where(slots[:, first] >= 0, first, -1)

    def _record(self, phase: str) -> None:
        self.trace.append(self.theta.copy())
        self.phase.append(phase)

    def _drifts(self) -> bool:
        recent = np.array(self.trace[-2 * _WINDOW :])[:, self.roles.estimated]
        first, second = recent[:_WINDOW], recent[_WINDOW:]
        spread = np.maximum(first.std(axis=0), second.std(axis=0))
        change = np.abs(second.mean(axis=0) - first.mean(axis=0))
        return bool(np.any(change > np.maximum(1.2 * spread, 0.01)))


def _definite(observed: np.ndarray, complete: np.ndarray) -> np.ndarray:
    """Observed information, kept above a twentieth of the complete one where noise or flatness spoil it."""
    lower = np.linalg.cholesky(_positive(complete))
    inverse = np.linalg.inv(lower)
    values, vectors = np.linalg.eigh(inverse @ observed @ inverse.T)
    kept = vectors * np.clip(values, 0.05, 1.0)
    return lower @ (kept @ vectors.T) @ lower.T


def _agree(one: Parts, other: Parts) -> bool:
    """Whether two independent parts give the same standard errors."""
    deviations = []
    for parts in (one, other):
        values, vectors = np.linalg.eigh(parts.observed)
        if values[0] <= 0:
            return False
        deviations.append(np.sqrt(np.einsum("ij,j->i", vectors**2, 1 / values)))
    return bool(np.max(np.abs(np.log(deviations[0] / deviations[1]))) < _AGREE)


def _positive(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(np.abs(values), 1e-8 * np.max(np.abs(values)))) @ vectors.T


def _inverse(observed: np.ndarray, names: list[str]) -> tuple[np.ndarray, str]:
    """Covariance of the estimates; elements about which nothing is known get NaN and are named."""
    values, vectors = np.linalg.eigh(observed)
    if values[0] > 1e-8 * max(values[-1], 1e-300):
        return np.linalg.inv(observed), ""
    weak = vectors[:, values <= 1e-8 * max(values[-1], 1e-300)]
    bad = np.max(np.abs(weak), axis=1) > 0.3
    covariance = np.full(observed.shape, np.nan)
    good = np.flatnonzero(~bad)
    block = observed[np.ix_(good, good)]
    if len(good) and np.linalg.eigvalsh(block)[0] > 0:
        covariance[np.ix_(good, good)] = np.linalg.inv(block)
    listed = ", ".join(name for name, is_bad in zip(names, bad, strict=True) if is_bad) or "all"
    return covariance, f"the likelihood is flat, or still rising, in {listed}"
