"""The same model learnt again and again from other observations of the same study, compiled once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.learning.likelihood import pointwise
from bayes_nlmem.learning.nuts import fit
from bayes_nlmem.learning.on_nutpie import for_nutpie, nutpie
from bayes_nlmem.learning.starts import Starts
from bayes_nlmem.learning.whitening import can_whiten, renew_whitening, whitening
from bayes_nlmem.marginal.compiled import Compiled, compile_density, compile_named, expanded
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.laplace_em import LaplaceFit, laplace_em
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import Edit, Translation, translate


@dataclass(eq=False)
class Refitter:
    """Learn a model from data sets that differ in their observations only.

    Where the likelihood keeps its observations as data of the graph (normal errors, nothing censored), the
    graph is compiled once and later fits cost only the sampling; elsewhere every call is a `fit` of its own.

    Parameters
    ----------
    model : Model
        The model.
    data : Dataset
        A study: doses, times and covariates of all data sets to come.
    edit : callable, optional
        As in `fit`.
    """

    model: Model
    data: Dataset
    edit: Edit | None = None
    _functions: tuple[Compiled, Compiled] | None = field(default=None, init=False, repr=False)

    def learn(
        self,
        data: Dataset,
        *,
        draws: int,
        tune: int,
        chains: int,
        seed: int,
        target_accept: float = 0.9,
    ) -> xr.DataTree:
        """Sample the posterior given other observations.

        Parameters
        ----------
        data : Dataset
            The study with other values of DV.
        draws, tune, chains, seed, target_accept :
            As in `fit`.

        Returns
        -------
        DataTree
            Groups `posterior`, `sample_stats`, `log_likelihood`.

        Raises
        ------
        FitError
            If the sampler cannot start or finish.
        """
        settings: dict[str, Any] = {"draws": draws, "tune": tune, "chains": chains, "seed": seed}
        settings["target_accept"] = target_accept
        laplace = self._located(data) if self._replaceable and not data.table["CENS"].any() else None
        if laplace is None or not can_whiten(self._conditional, laplace):
            return fit(self.model, data, cores=1, progress=False, edit=self.edit, **settings).draws
        return self._sampled(laplace, **settings)

    def translation_of(self, data: Dataset) -> Translation:
        """The graph with the observations of a data set."""
        if not self._replaceable or data.table["CENS"].any():
            return translate(self.model, data, geometry="centred", edit=self.edit)
        self._observe(data)
        return self.translation

    @cached_property
    def translation(self) -> Translation:
        """The graph, with the observations of the last call."""
        return translate(self.model, self.data, geometry="centred", edit=self.edit)

    @cached_property
    def _conditional(self) -> Conditional:
        return Conditional(self.translation)

    @cached_property
    def _replaceable(self) -> bool:
        graph = self.translation.graph
        return not self.data.table["CENS"].any() and all(
            f"{output}_dv" in graph.named_vars for output in self.translation.observed
        )

    def _located(self, data: Dataset) -> LaplaceFit | None:
        """The modes under other observations; None where they are not found."""
        self._observe(data)
        self._conditional.refresh()
        try:
            return laplace_em(self._conditional)
        except (np.linalg.LinAlgError, FloatingPointError, ValueError):
            return None

    def _observe(self, data: Dataset) -> None:
        """Put other observations into the graph."""
        for output, seen in self.translation.observed.items():
            values = data.table["DV"].to_numpy(float)[seen.record]
            if not np.all(np.isfinite(values)):
                raise FitError(explain(expected="finite observations", got="values that are not"))
            self.translation.graph[f"{output}_dv"].set_value(values)

    def _sampled(
        self, laplace: LaplaceFit, *, draws: int, tune: int, chains: int, seed: int, target_accept: float
    ) -> xr.DataTree:

        density, expand = self._compiled(laplace)
        for compiled in (density, expand):
            renew_whitening(compiled.data.shared, self._conditional, laplace)
            compiled.data.refresh()
        starts = Starts(self.translation, self._conditional, laplace, whitened=True)
        ready = for_nutpie(density, lambda seed: density.flat.join(starts.draw(seed)))
        with threadpool_limits(1):
            sampled = nutpie().sample(
                ready,
                draws=draws,
                tune=tune,
                chains=chains,
                cores=1,
                seed=seed,
                target_accept=target_accept,
                save_warmup=False,
                progress_bar=False,
            )
        points = sampled["posterior"].to_dataset()["unconstrained"]
        if not np.all(np.isfinite(points.values)):
            raise FitError(explain(expected="finite draws", got="draws that are not finite"))
        posterior = expanded(self.translation.graph, expand, points)
        groups = {
            "posterior": posterior,
            "sample_stats": sampled["sample_stats"].to_dataset(),
            "log_likelihood": pointwise(self.translation, posterior),
        }
        return xr.DataTree.from_dict(groups)

    def _compiled(self, laplace: LaplaceFit) -> tuple[Compiled, Compiled]:
        """The log-density and the named quantities, compiled at the first call."""
        if self._functions is None:
            change = whitening(self._conditional, laplace)
            graph = self.translation.graph
            self._functions = compile_density(graph, change), compile_named(graph, change)
        return self._functions
