"""`Fit`: what was assumed, what was seen, what was learnt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.ground.tables import notebook
from bayes_nlmem.learning.convergence import Verdict, judge
from bayes_nlmem.learning.fitted import Fitted
from bayes_nlmem.learning.parameter_table import parameter_table, printed_table
from bayes_nlmem.learning.record import RunRecord
from bayes_nlmem.learning.sensitivity import THRESHOLD, sensitivity
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import Translation, translate


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Fitted):
    """A model fitted to a study.

    Parameters
    ----------
    model : Model
        What was assumed.
    data : Dataset
        What was seen.
    draws : xarray.DataTree
        What was learnt: groups `posterior`, `sample_stats`, `log_likelihood`, `observed_data`,
        `constant_data`; ArviZ reads it as it is.
    record : RunRecord
        How it was made.
    edit : callable, optional
        The change of the graph that `fit` was given.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> result = bn.fit(study.model, study.data, draws=50, tune=200, chains=2, seed=1, progress=False)
    >>> result.summary().loc["CL_pop", "block"]
    'structural'
    """

    model: Model
    data: Dataset
    draws: xr.DataTree
    record: RunRecord
    edit: Callable[[Any], Any] | None = None

    @cached_property
    def translation(self) -> Translation:
        """The graph that was sampled, rebuilt on demand."""
        geometry = "centred" if self.record.geometry == "whitened" else self.record.geometry
        return translate(self.model, self.data, geometry=geometry, edit=self.edit)

    def summary(self) -> pd.DataFrame:
        """The field's parameter table; see `parameter_table`."""
        return self._table.copy()

    @cached_property
    def _table(self) -> pd.DataFrame:
        return parameter_table(self.model, self.draws)

    def sensitivity(self, threshold: float = THRESHOLD) -> pd.DataFrame:
        """How much every unknown hangs on the priors and on the data; see `sensitivity`."""
        return sensitivity(self, threshold=threshold)

    @cached_property
    def _verdict(self) -> Verdict:
        return judge(self.model, self.draws)

    def _head(self) -> str:
        record, sizes = self.record, self.draws["posterior"].sizes
        return (
            f"Fit of {self.model.name or 'a model'}: {len(self.data.subjects)} subjects, "
            f"{sizes['chain']} chains x {sizes['draw']} draws ({record.sampler}, seed {record.seed})"
        )

    def __repr__(self) -> str:
        parts = [self._head(), printed_table(self._table).text(), str(self._verdict)]
        if self.record.failures:
            parts.append("\n  ".join(["Where the equations could not be solved:", *self.record.failures]))
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        return notebook(self._head(), printed_table(self._table), str(self._verdict))
