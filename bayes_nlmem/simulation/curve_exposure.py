"""Exposure of curves: area, peak, trough and half-life of many curves at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.simulation.areas import segment_areas

_TAIL = 0.1  # part of a curve at its end that shows the terminal slope


def curve_exposure(
    time: Any, value: Any, *, dose: float | None = None, tau: float | None = None
) -> dict[str, np.ndarray]:
    r"""Exposure of curves given on a dense grid of times.

    The area is linear up and logarithmic down, which is exact for exponential decline and has an error of
    order (step)^2 elsewhere. Beyond the end :math:`C_\mathrm{last}/\lambda_z` is added, :math:`\lambda_z`
    being the log slope of the last tenth of the curve: exact if the curve is in its terminal phase there.

    Parameters
    ----------
    time : array, shape (n,)
        Increasing times from the dose on.
    value : array, shape (..., n)
        Curves along the last axis: draws, subjects, ...
    dose : float, optional
        Amount; adds the clearances.
    tau : float, optional
        Dosing interval: what `time` spans is one interval in steady state.

    Returns
    -------
    dict of str to ndarray, shape (...)
        CMAX; TMAX, the time of the peak since the first time; CMIN, the smallest value from the peak on
        (with `tau`: of the interval); AUC over the grid; HALF_LIFE; without `tau` AUC_INF and with `dose`
        CL_F = dose / AUC_INF; with `tau` CAVG = AUC / tau, FLUCTUATION = 100 (CMAX - CMIN) / CAVG [%] and
        with `dose` CL_F = dose / AUC.

    Examples
    --------
    >>> time = 48 * np.linspace(0, 1, 300) ** 2  # dense at first
    >>> curve = 10 * (np.exp(-0.1 * time) - np.exp(-1.5 * time))
    >>> found = curve_exposure(time, curve, dose=320.0)
    >>> round(float(found["AUC_INF"]), 2), round(float(found["HALF_LIFE"]), 3)
    (93.33, 6.931)
    """
    time, value = np.asarray(time, float), np.asarray(value, float)
    area = segment_areas(time, value).sum(axis=-1)
    peak = np.argmax(value, axis=-1)
    found = {"CMAX": np.max(value, axis=-1), "TMAX": time[peak] - time[0], "AUC": area}
    rate = _final_rate(time, value)
    with np.errstate(divide="ignore", invalid="ignore"):
        if tau is None:
            before_peak = np.arange(len(time)) < peak[..., None]
            found["CMIN"] = np.where(before_peak, np.inf, value).min(axis=-1)
            found["AUC_INF"] = area + value[..., -1] / rate
            total = found["AUC_INF"]
        else:
            found["CMIN"], found["CAVG"] = value.min(axis=-1), area / tau
            found["FLUCTUATION"] = 100 * (found["CMAX"] - found["CMIN"]) / found["CAVG"]
            total = area
        found["HALF_LIFE"] = np.log(2) / rate
        if dose is not None:
            found["CL_F"] = dose / total
    return found


def _final_rate(time: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Least-squares log slope of the last tenth of every curve; NaN where it does not fall."""
    last = max(3, int(np.ceil(_TAIL * len(time))))
    t = time[-last:] - time[-last:].mean()
    with np.errstate(divide="ignore", invalid="ignore"):
        log_value = np.log(value[..., -last:])
        rate = -(log_value @ t) / (t @ t)
        return np.where(rate > 0, rate, np.nan)
