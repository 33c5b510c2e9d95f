"""`Calibration`: what simulation-based calibration found, and whether it is as it should be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.checks.calibration_store import settings_of, stored
from bayes_nlmem.checks.rank_bands import simultaneous_band, uniformity
from bayes_nlmem.checks.replication import PROBABILITIES
from bayes_nlmem.ground.messages import BayesNlmemError, explain, names_text
from bayes_nlmem.ground.tables import notebook, printed

_COLUMNS = ("truth", "rank", "mean", "sd")
# Effective draws of the slowest quantity below which a chain did not mix, and its ranks say nothing.
_FEW = 10
_CENTRAL = {50: (0.25, 0.75), 80: (0.1, 0.9), 90: (0.05, 0.95), 95: (0.025, 0.975)}


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """What simulation-based calibration found, replicate by replicate.

    Parameters
    ----------
    settings : dict
        Model, data, seed and sampler settings.
    replicates : tuple of dict
        See `checks.replication.replicate`; those that failed are kept.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> found = {"truth": 1.0, "rank": 3, "mean": 1.1, "sd": 0.2, "quantiles": [1.1] * 9}
    >>> one = {"replicate": 0, "status": "ok", "quantities": {"CL_pop": found}, "divergences": 0}
    >>> found = bn.Calibration({"model": "m", "ranks": 9}, (one,))
    >>> int(found.table().loc["CL_pop", "n"])
    1
    """

    settings: Mapping[str, Any]
    replicates: tuple[Mapping[str, Any], ...]

    @property
    def succeeded(self) -> tuple[Mapping[str, Any], ...]:
        """The replicates that gave draws."""
        return tuple(one for one in self.replicates if one["status"] == "ok")

    @property
    def failed(self) -> tuple[Mapping[str, Any], ...]:
        """The replicates that did not."""
        return tuple(one for one in self.replicates if one["status"] != "ok")

    @property
    def unmixed(self) -> tuple[Mapping[str, Any], ...]:
        """Those among the succeeded whose slowest quantity has fewer than 10 effective draws."""
        return tuple(one for one in self.succeeded if one.get("ess") is not None and one["ess"] < _FEW)

    @property
    def levels(self) -> int:
        """Number of values that a rank can have."""
        return int(self.settings["ranks"]) + 1

    @property
    def names(self) -> tuple[str, ...]:
        """The quantities that were ranked."""
        return tuple(dict.fromkeys(name for one in self.succeeded for name in one["quantities"]))

    def ranks(self, name: str) -> np.ndarray:
        """Ranks of the true values of a quantity, from 0."""
        return np.array([one["rank"] for one in self._of(name)], dtype=int)

    def table(self) -> pd.DataFrame:
        """Whether the ranks are uniform, and how wide the posteriors are.

        Returns
        -------
        DataFrame
            Index quantity; `n` replicates; `p_value` of uniform ranks (small is bad, see
            `checks.rank_bands.uniformity`); `coverage_50` ... `coverage_95` (share of central intervals that
            hold the truth, in %); `z_mean` and `z_sd` of (posterior mean - truth) / posterior SD, near 0 and
            1; `contraction` = 1 - (posterior width / width of the true values)^2, widths being interquartile
            ranges (of logarithms where all values are positive): near 0 the data say nothing, near 1
            everything.
        """
        rows = {}
        for name in self.names:
            found = self._of(name)
            truth, mean, sd = (
                np.array([one[key] for one in found], float) for key in ("truth", "mean", "sd")
            )
            quantiles = np.array([one["quantiles"] for one in found], float)
            z = (mean - truth) / sd
            row: dict[str, float] = {"n": len(found), "p_value": uniformity(self.ranks(name), self.levels)}
            for percent, bounds in _CENTRAL.items():
                low, high = (quantiles[:, PROBABILITIES.index(p)] for p in bounds)
                row[f"coverage_{percent}"] = 100 * float(np.mean((truth >= low) & (truth <= high)))
            row |= {"z_mean": float(z.mean()), "z_sd": float(z.std(ddof=1)) if len(z) > 1 else np.nan}
            row["contraction"] = _contraction(truth, quantiles)
            rows[name] = row
        if not rows:  # all replicates failed
            return pd.DataFrame(columns=["n", "p_value", "z_mean", "z_sd", "contraction"])
        return pd.DataFrame.from_dict(rows, orient="index").astype({"n": int})

    def recovery(self) -> pd.DataFrame:
        """How well the truth is found again.

        Returns
        -------
        DataFrame
            Index quantity; `bias` and `rmse` of the posterior median, `bias_percent` and `rmse_percent` of
            the true value (NaN where a true value is 0 or signs differ), `coverage_90` [%].
        """
        rows = {}
        middle, low, high = (PROBABILITIES.index(p) for p in (0.5, 0.05, 0.95))
        for name in self.names:
            found = self._of(name)
            truth = np.array([one["truth"] for one in found], float)
            quantiles = np.array([one["quantiles"] for one in found], float)
            error = quantiles[:, middle] - truth
            relative = 100 * error / truth if np.all(truth > 0) or np.all(truth < 0) else error * np.nan
            rows[name] = {
                "bias": float(error.mean()),
                "rmse": float(np.sqrt(np.mean(error**2))),
                "bias_percent": float(relative.mean()),
                "rmse_percent": float(np.sqrt(np.mean(relative**2))),
                "coverage_90": 100
                * float(np.mean((truth >= quantiles[:, low]) & (truth <= quantiles[:, high]))),
            }
        return pd.DataFrame.from_dict(rows, orient="index")

    def estimates(self, name: str) -> pd.DataFrame:
        """True value, posterior median and central 90 % interval of a quantity in every replicate."""
        found = self._of(name)
        quantiles = np.array([one["quantiles"] for one in found], float)
        columns = {"TRUTH": np.array([one["truth"] for one in found], float)}
        for label, p in (("MEDIAN", 0.5), ("LOWER", 0.05), ("UPPER", 0.95)):
            columns[label] = quantiles[:, PROBABILITIES.index(p)]
        return pd.DataFrame(columns)

    def band(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Simultaneous band of the ranks' distribution function, see `rank_bands.simultaneous_band`."""
        return simultaneous_band(len(self.succeeded), self.levels, level)

    def save(self, path: str | Path, command: str = "") -> Path:
        """Write everything to one JSON file, from which `load_calibration` reads it again."""
        path = Path(path)
        rows = [
            {**one, "quantities": {name: _packed(found) for name, found in one["quantities"].items()}}
            if "quantities" in one
            else dict(one)
            for one in self.replicates
        ]
        head = {"command": command, "columns": [*_COLUMNS, "quantiles"], "probabilities": list(PROBABILITIES)}
        whole = _rounded({**head, "settings": dict(self.settings), "replicates": rows})
        path.write_text(json.dumps(whole, separators=(",", ":")) + "\n", encoding="utf-8")
        return path

    def _of(self, name: str) -> list[Mapping[str, Any]]:
        if name not in self.names:
            raise BayesNlmemError(
                explain(expected=f"a quantity among {', '.join(self.names) or 'none'}", got=repr(name))
            )
        return [one["quantities"][name] for one in self.succeeded if name in one["quantities"]]

    def __repr__(self) -> str:
        n, failed = len(self.replicates), self.failed
        head = (
            f"Calibration of {self.settings.get('model') or 'a model'}: {n} replicates, {len(failed)} failed"
        )
        lines = [head]
        for status in dict.fromkeys(one["status"] for one in failed):
            which = [one["replicate"] for one in failed if one["status"] == status]
            lines.append(f"  replicates {names_text(which)}: {status}")
        if not self.succeeded:
            return "\n".join(lines)
        table = self.table()
        divergent = sum(bool(one.get("divergences")) for one in self.succeeded)
        if divergent:
            lines.append(f"  divergent transitions in {divergent} replicates")
        lines += self._mixing()
        worst, smallest = table["p_value"].idxmin(), table["p_value"].min()
        wanted = 0.05 / len(table)
        told = "none leaves" if smallest >= wanted else f"{(table['p_value'] < wanted).sum()} leave"
        lines.append(
            f"  {told} the band that holds all {len(table)} uniform quantities with 95 % probability "
            f"(smallest p {smallest:.3g}, {worst}; limit {wanted:.2g})"
        )
        return "\n".join([*lines, printed(table, digits=3).text()])

    def _mixing(self) -> list[str]:
        """Effective draws of the slowest quantity, in words; nothing where they were not kept."""
        known = [one["ess"] for one in self.succeeded if one.get("ess") is not None]
        if not known:
            return []
        median, least = np.median(known), min(known)
        told = f"  effective draws of the slowest quantity: median {median:.0f}, least {least:.0f}"
        if not self.unmixed:
            return [told]
        which = names_text([one["replicate"] for one in self.unmixed])
        return [
            told,
            f"  fewer than {_FEW} in replicates {which}: these chains did not mix, ask for more draws",
        ]

    def _repr_html_(self) -> str:
        head, *_ = repr(self).split("\n")
        return notebook(head, *([printed(self.table(), digits=3)] if self.succeeded else []))


def load_calibration(path: str | Path) -> Calibration:
    """Read a calibration from the file of `Calibration.save` or the folder of a store.

    Parameters
    ----------
    path : path
        File or folder.

    Returns
    -------
    Calibration

    Examples
    --------
    >>> import tempfile
    >>> import bayes_nlmem as bn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = bn.Calibration({"model": "m", "ranks": 9}, ()).save(f"{folder}/sbc.json")
    ...     bn.load_calibration(path)
    Calibration of m: 0 replicates, 0 failed
    """
    path = Path(path)
    if path.is_dir():
        settings = settings_of(path)
        done = stored(path, None)
        return Calibration(settings, tuple(done[k] for k in sorted(done)))
    whole = json.loads(path.read_text(encoding="utf-8"))
    for one in whole["replicates"]:
        if "quantities" in one:
            one["quantities"] = {name: _unpacked(row) for name, row in one["quantities"].items()}
    return Calibration(whole["settings"], tuple(whole["replicates"]))


def _contraction(truth: np.ndarray, quantiles: np.ndarray) -> float:
    """1 - (typical posterior width / width of the true values)^2."""
    widths = quantiles[:, [PROBABILITIES.index(0.25), PROBABILITIES.index(0.75)]]
    if np.all(truth > 0) and np.all(widths > 0):
        truth, widths = np.log(truth), np.log(widths)
    spread = float(np.subtract(*np.quantile(truth, [0.75, 0.25])))
    return 1 - (float(np.median(np.diff(widths, axis=1))) / spread) ** 2 if spread > 0 else np.nan


def _packed(found: Mapping[str, Any]) -> list[Any]:
    return [*(found[name] for name in _COLUMNS), found["quantiles"]]


def _unpacked(row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip((*_COLUMNS, "quantiles"), row, strict=True))


def _rounded(value: Any) -> Any:
    """Four digits are enough for a stored result."""
    if isinstance(value, float):
        return float(f"{value:.4g}") if np.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
