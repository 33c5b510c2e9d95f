"""Axes of the pictures for decisions carry the units of the data."""

import numpy as np
import pandas as pd

import bayes_nlmem as bn
from bayes_nlmem.dosing.forecasts import ForecastCheck

UNITS = {"TIME": "h", "DV": "mg/L", "AMT": "mg"}


def test_advice():
    curve = pd.DataFrame(
        {"TIME": [0.0, 12.0], "MEDIAN": [3.0, 2.0], "LOWER": [2.0, 1.0], "UPPER": [4.0, 3.0]}
    )
    table = pd.DataFrame({"REGIMEN": ["a", "b"], "AMOUNT": [100.0, 200.0], "PROBABILITY": [0.2, 0.7]})
    table = table.assign(TOO_LOW=[0.8, 0.2], TOO_HIGH=[0.0, 0.1])
    target = bn.Target("trough", low=1, high=3, over=(0, 12))
    history = pd.DataFrame({"TIME": [-12.0], "DV": [2.0]})
    advice = bn.Advice(table, None, target, {"a": curve, "b": curve}, {}, history, 1, "cp", UNITS)
    left, right = bn.plot_advice(advice).axes
    assert left.get_xlabel() == "Time since the new regimen's start [h]" and left.get_ylabel() == "cp [mg/L]"
    assert right.get_ylabel() == "Amount per dose [mg]"


def test_the_next_sample():
    table = pd.DataFrame({"TIME": [2.0, 8.0], "GAIN": [0.1, 0.5], "GAIN_ERROR": np.nan})
    found = bn.NextSample(table, np.nan, None, "Patient 1", "cp", "linear", "h")
    assert bn.plot_next_sample(found).axes[0].get_xlabel() == "Time of the sample [h]"


def test_forecasts():
    table = pd.DataFrame({"ID": 1, "OUTPUT": "cp", "PREVIOUS": [0, 1], "DV": [2.0, 4.0], "CENS": 0})
    table = table.assign(FORECAST=[2.0, 3.0], PIT=[0.5, 0.97], EFFECTIVE=200.0)
    right = bn.plot_forecasts(ForecastCheck(table, 400, "mg/L")).axes[2]
    assert (right.get_xlabel(), right.get_ylabel()) == ("Forecast [mg/L]", "Observed [mg/L]")
