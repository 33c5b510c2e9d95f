"""What every result of a fit offers, however it was made: its table, verdict, predictions, and a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.learning.convergence import Verdict
from bayes_nlmem.learning.parameter_table import printed_table, table_frame
from bayes_nlmem.learning.predictions import curves, predictions
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import Translation


class Fitted:
    """What `Fit` and `SaemFit` share; `_table` is the parameter table, `_verdict` the judgement."""

    model: Model
    data: Dataset
    edit: Callable[[Any], Any] | None

    if TYPE_CHECKING:  # fields of one, computed by the other

        @property
        def draws(self) -> xr.DataTree:
            """What was learnt."""

        @property
        def translation(self) -> Translation:
            """The graph."""

        @property
        def _table(self) -> pd.DataFrame: ...
        @property
        def _verdict(self) -> Verdict: ...

    def to_frame(self) -> pd.DataFrame:
        """The parameter table in numbers under readable headings, for Excel or CSV; see `table_frame`."""
        return table_frame(self._table)

    def to_latex(self) -> str:
        """The parameter table for a paper: a `tabular` with the rules of the package booktabs."""
        return printed_table(self._table).latex()

    def convergence(self) -> Verdict:
        """Whether the result can be trusted, in plain words, with evidence and remedies."""
        return self._verdict

    def predictions(self) -> pd.DataFrame:
        """Observed and predicted values, one row per observation; see `predictions`."""
        return self._predictions.copy()

    @cached_property
    def _predictions(self) -> pd.DataFrame:
        return predictions(self.translation, self.draws)

    def curves(self, points: int = 120) -> pd.DataFrame:
        """Predicted profiles of every subject on a dense time grid; see `curves`."""
        if points not in self._curves:
            self._curves[points] = curves(self.model, self.data, self.draws, points=points, edit=self.edit)
        return self._curves[points].copy()

    @cached_property
    def _curves(self) -> dict[int, pd.DataFrame]:
        return {}

    def save(self, path: str | Path) -> Path:
        """Write everything to one file, from which `load` gives back an equal result; see `save`."""
        from bayes_nlmem.learning.storage import save

        return save(self, path)  # type: ignore[arg-type]
