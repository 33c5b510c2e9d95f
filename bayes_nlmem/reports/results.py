"""The results of a fit as tables that other programs read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

_README = """Results of a fit, written by bayes_nlmem.

parameters.csv   population parameters, one row each
sdtab.csv        observations and predictions as a NONMEM table (ID TIME TAD DVID DV PRED IPRED ...)
patab.csv        individual parameters and random effects: posterior means
results.json     the parameters, the verdict on convergence and the record of the run
"""


def save_results(fit: Any, folder: str | Path) -> Path:
    """Write the results of a fit as tables: parameters, predictions, individual parameters, record.

    Parameters
    ----------
    fit : Fit or SaemFit
        What was learnt.
    folder : str or pathlib.Path
        Where to; made if it is not there, files of the same names are replaced.

    Returns
    -------
    pathlib.Path
        The folder with `parameters.csv`, `sdtab.csv` (columns as xpose and ggPMX expect them),
        `patab.csv`, `results.json` and a `README.txt`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sorted(file.name for file in save_results(fit, Path(folder) / "files").iterdir())
    ['README.txt', 'parameters.csv', 'patab.csv', 'results.json', 'sdtab.csv']
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    fit.to_frame().to_csv(folder / "parameters.csv", index=False)
    sdtab(fit).to_csv(folder / "sdtab.csv", index=False)
    patab(fit).to_csv(folder / "patab.csv", index=False)
    verdict = fit.convergence()
    content = {
        "model": fit.model.name,
        "parameters": fit.summary().reset_index().to_dict(orient="records"),
        "likelihood": getattr(fit, "likelihood", None),
        "converged": verdict.ok,
        "evidence": verdict.evidence,
        "record": fit.record.to_dict(),
    }
    text = json.dumps(_finite(content), indent=2, allow_nan=False, default=str)
    (folder / "results.json").write_text(text, encoding="utf-8")
    (folder / "README.txt").write_text(_README, encoding="utf-8")
    return folder


def sdtab(fit: Any) -> pd.DataFrame:
    """Observations with predictions and residuals under the names of a NONMEM table."""
    found = fit.predictions().rename(columns={"OUTPUT": "DVID"})
    first = ["ID", "TIME", "TAD", "DVID", "DV", "PRED", "IPRED", "IRES", "IWRES"]
    return found[[*first, *(name for name in found.columns if name not in first)]]


def patab(fit: Any) -> pd.DataFrame:
    """Individual parameters and random effects, posterior means, one row per subject."""
    posterior = fit.draws["posterior"].to_dataset()
    columns: dict[str, Any] = {"ID": list(fit.data.subjects)}
    for name in fit.model.parameters:
        if name in posterior and posterior[name].dims == ("chain", "draw", "subject"):
            columns[name] = posterior[name].mean(("chain", "draw")).values
    if "eta" in posterior:
        means = posterior["eta"].mean(("chain", "draw")).transpose("subject", ...)
        if means.ndim == 2:
            for name in means["parameter"].values:
                columns[f"ETA_{name}"] = means.sel(parameter=name).values
    return pd.DataFrame(columns)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
