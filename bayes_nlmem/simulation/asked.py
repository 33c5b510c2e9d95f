"""Which records of a study are simulated, for which outputs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.planned import Arm, Design
from bayes_nlmem.data.reader import read
from bayes_nlmem.ground.messages import DataError, explain
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.meeting import check_covariates, observed_records

# A design needs no observations; subjects without dose have a baseline.
_ALLOWED = ("E_SUBJECT_NO_DOSE", "E_SUBJECT_NO_OBSERVATION", "E_DUPLICATED_RECORD")


def design_of(model: Model, data: Dataset | Design | Arm | pd.DataFrame, seed: int | None = None) -> Dataset:
    """A study or a design; a DataFrame is read with the covariates of the model.

    The seed is for covariates that a design draws from a distribution.

    Raises
    ------
    ModelError
        The data lack a covariate of the model.
    TypeError
        None of these.
    """
    if isinstance(data, Arm):
        data = Design((data,))
    if isinstance(data, Design):
        data = data.dataset(seed)
    if isinstance(data, pd.DataFrame):
        present = [name for name in model.covariates if name in data.columns]
        data = read(data, covariates=present, observations_required=False, allow=_ALLOWED)
    if not isinstance(data, Dataset):
        raise TypeError(
            explain(expected="a Dataset (bn.read), a Design, an Arm or a DataFrame", got=type(data).__name__)
        )
    check_covariates(model, data)
    return data


def asked(model: Model, data: Dataset) -> dict[str, np.ndarray]:
    """Positions of the records to simulate, by output.

    The observations of every output; in a design without observations the records with EVID = 0 whose DV is
    missing, or else those with EVID = 2, for every output, or for the output that their label names.

    Raises
    ------
    DataError
        There are only doses.
    """
    observed = {output: at for output, at in observed_records(model, data).items() if len(at)}
    if observed:
        return observed
    table = data.table
    for evid in (0, 2):
        at = np.flatnonzero(table["EVID"] == evid)
        if len(at):
            return _labelled(model, table, at)
    raise DataError(
        explain(
            expected="records at the times to be simulated",
            got="doses only",
            remedy="Add rows with EVID = 0 and an empty DV at these times.",
        )
    )


def _labelled(model: Model, table: pd.DataFrame, at: np.ndarray) -> dict[str, np.ndarray]:
    outputs = list(model.residuals)
    label = table[model.endpoints_in].to_numpy()[at].astype(str)
    names = {output: str(model.endpoints.get(output, output)) for output in outputs}
    if len(outputs) == 1 or not set(label) & set(names.values()):
        return dict.fromkeys(outputs, at)
    return {output: at[label == name] for output, name in names.items() if (label == name).any()}
