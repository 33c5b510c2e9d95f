"""What an import returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.model.specification import Model


@dataclass(frozen=True, eq=False)
class Imported:
    """A model of another program.

    Parameters
    ----------
    model : Model
        Unknown is what was estimated there, with its priors ($PRIOR NWPRI, MAP), or with priors about the
        values.
    data : Dataset
        The data as the other program reads them.
    values : mapping of str to float
        Name in the graph -> value there, for `simulate(model, data, parameters=values)`.
    untranslated : tuple of str
        What the text says and the model does not.
    known : Model
        The model with these values in the place of all priors.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> from bayes_nlmem.zoo import load
    >>> study = load("theophylline")
    >>> print(Imported(study.model, study.data, {"CL_pop": 2.8}, ("$COVARIANCE",), study.model).untranslated)
    ('$COVARIANCE',)
    """

    model: Model
    data: Dataset
    values: Mapping[str, float]
    untranslated: tuple[str, ...]
    known: Model

    def __str__(self) -> str:
        listed = "\n".join(f"  - {line}" for line in self.untranslated) or "  nothing"
        return f"{self.model}\n\nnot translated\n{listed}"
