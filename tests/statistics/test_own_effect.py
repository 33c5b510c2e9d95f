"""An effect written by a user, in a module of the user's, is as good as those of the package."""

import json
import math
import sys
from importlib import import_module

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.model.serialise import from_dict, to_dict

MODULE = '''
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import bayes_nlmem as bn


@dataclass(frozen=True)
class Circadian:
    """The least that an effect needs."""

    amplitude: float | bn.Prior
    peak: float | bn.Prior

    def unknowns(self):
        return {"amplitude": self.amplitude, "peak": self.peak}

    def check(self, values, scale):
        if np.any((values < 0) | (values > 24)):
            raise bn.ModelError("Expected clock times from 0 to 24 for Circadian.")

    def shift(self, coefficients, x, xp, scale):
        change = coefficients["amplitude"] * xp.cos(2 * np.pi * (x - coefficients["peak"]) / 24)
        return xp.log1p(change) if scale.ratio else change


@dataclass(frozen=True)
class SlopeInLevel:
    """All that an effect may have, of two covariates: a slope where the second is a word."""

    slope: float | bn.Prior
    level: str
    takes: ClassVar[int] = 2

    def unknowns(self):
        return {"": self.slope}

    def check(self, values, scale):
        if self.level not in values[1]:
            raise bn.ModelError(f"Expected subjects with {self.level!r}.")

    def on(self, scale):
        return self, [] if scale.ratio else ["It multiplies."]

    def shift(self, coefficients, x, xp, scale):
        return coefficients[""] * x[0] * (x[1] == self.level)

    def formula(self, coefficient, covariate, scale):
        from bayes_nlmem.ground.formulas import Call, Indicator, Product

        return Call("exp", (Product((coefficient(""), covariate[0], Indicator(covariate[1], self.level))),))

    def meaning(self, suffix, covariate):
        return f"slope in {self.level} of {covariate}"
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The user's module, imported."""
    (tmp_path / "own_effects.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_effects", raising=False)
    return import_module("own_effects")


@pytest.fixture
def rhythm(own):
    return own.Circadian(bn.Uniform(0, 1), peak=bn.Normal(14, 2))


def test_the_protocol_is_met(own, rhythm):
    assert isinstance(rhythm, bn.CovariateEffect)
    assert isinstance(own.SlopeInLevel(0.1, "F"), bn.CovariateEffect)


def test_individual_values_in_the_graph(clearance, rhythm):
    clock = [8.0, 8.0, 14.0, 2.0, 2.0, 2.0, 20.0, 20.0, 8.0]
    data = clearance.study(CLOCK=clock)
    values = clearance.values({"CLOCK": rhythm}, data, CL_CLOCK_amplitude=0.4, CL_CLOCK_peak=14.0)
    assert_allclose(values, [5.0, 7.0, 3.0, 5.0, 5.0], rtol=1e-12)
    added = clearance.values(
        {"CLOCK": rhythm}, data, scale=bn.Natural(), CL_CLOCK_amplitude=0.4, CL_CLOCK_peak=14.0
    )
    assert_allclose(added, [5.0, 5.4, 4.6, 5.0, 5.0], rtol=1e-12)


def test_the_gradient_is_finite(clearance, rhythm):
    gradient = clearance.gradient({"CLOCK": rhythm}, clearance.study(CLOCK=[2.0, 8.0, 14.0]))
    assert gradient.shape == (3,)
    assert np.all(np.isfinite(gradient))


def test_an_effect_of_two_covariates_in_the_graph(clearance, own):
    data = clearance.study(WT=[1.0, 2.0, 3.0], SEX=["F", "M", "F"])
    effect = own.SlopeInLevel(bn.Normal(0, 1), "F")
    values = clearance.values({("WT", "SEX"): effect}, data, CL_WT_SEX=0.1)
    assert_allclose(values, [5 * math.exp(0.1), 5.0, 5 * math.exp(0.3)])


@pytest.mark.parametrize("form", ["text", "latex", "html"])
def test_equations_name_it(clearance, rhythm, form):
    assert "Circadian" in bn.equations(clearance.model({"CLOCK": rhythm}, bn.Log()), form)


def test_equations_use_its_formula(clearance, own, rhythm):
    written = clearance.equation({"CLOCK": rhythm})
    assert written == "CL_i = 5 · exp(Circadian(CLOCK_i, CL_CLOCK_amplitude, CL_CLOCK_peak))"
    pair = clearance.equation({("WT", "SEX"): own.SlopeInLevel(0.1, "F")})
    assert pair == "CL_i = 5 · exp(0.1 · WT_i · [SEX_i = F])"


def test_tables_have_words_for_it(clearance, own, rhythm):
    effects = {"CLOCK": rhythm, ("WT", "SEX"): own.SlopeInLevel(0.1, "F")}
    table = bn.priors(clearance.model(effects, bn.Log()))
    assert table.loc["CL_CLOCK_peak", "meaning"] == "effect of CLOCK (peak), on CL"
    assert table.loc["CL_WT_SEX", "meaning"] == "slope in F of WT × SEX, on CL"


def test_it_is_saved_by_its_import_path(clearance, own, rhythm):
    model = clearance.model({"CLOCK": rhythm, ("WT", "SEX"): own.SlopeInLevel(0.1, "F")}, bn.Log())
    written = json.dumps(to_dict(model))
    assert '"own_effects:Circadian"' in written
    assert from_dict(json.loads(written)) == model


def test_differences_and_edits_know_it(clearance, rhythm):
    model = clearance.model({"CLOCK": rhythm}, bn.Log())
    changed = bn.difference(model.without_covariate("CL", "CLOCK"), model)
    assert changed.startswith("CL: with Circadian(amplitude Uniform(lower 0, upper 1), ")


def test_what_it_refuses_is_refused(clearance, own, rhythm):
    with pytest.raises(bn.ModelError, match="CLOCK on CL: Expected clock times from 0 to 24"):
        clearance.values({"CLOCK": rhythm}, clearance.study(CLOCK=[2.0, 8.0, 30.0]))
    with pytest.raises(bn.ModelError, match="WT × SEX: It multiplies"):
        clearance.model({("WT", "SEX"): own.SlopeInLevel(0.1, "F")}, bn.Natural())
    with pytest.raises(bn.ModelError, match="a tuple of 2 covariates for SlopeInLevel, got 'WT'"):
        clearance.model({"WT": own.SlopeInLevel(0.1, "F")}, bn.Log())
