"""Mixtures and missing covariates: densities against scipy, draws, names, and what is refused."""

import json

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import logsumexp

import bayes_nlmem as bn
from bayes_nlmem.model.serialise import from_dict, to_dict
from bayes_nlmem.translation.graph import translate

TIMES = np.array([1.0, 8.0])
WEIGHT = (60.0, None, 80.0, 70.0)
HEIGHT = (1.6, 1.8, 1.9, 1.7)
SEX = ("F", "M", None, "F")
DV = np.array([[2.6, 1.4], [3.0, 0.6], [2.4, 1.9], [2.9, 1.2]])


def frame(**columns):
    rows = []
    for i in range(4):
        same = {"ID": i + 1, "WT": WEIGHT[i], "HT": HEIGHT[i], "SEX": SEX[i]}
        rows.append({**same, "TIME": 0.0, "AMT": 100.0, "DV": None})
        rows += [{**same, "TIME": t, "AMT": None, "DV": y} for t, y in zip(TIMES, DV[i], strict=True)]
    return pd.DataFrame(rows).assign(**columns)


def read(**columns):
    return bn.read(frame(**columns), covariates=["WT", "HT", "SEX"], allow=["E_COVARIATE_MISSING"])


def model(clearance, **other):
    return bn.Model(
        structure=bn.OneCompartment(),
        parameters={"CL": clearance, "V": bn.Parameter(30.0)},
        residuals={"cp": bn.Additive(0.3)},
        **other,
    )


def curve(clearance):
    return 100 / 30 * np.exp(-np.asarray(clearance)[..., None] / 30 * TIMES)


def values_of(graph, names, point):
    """Log-density of the whole graph, and some of its quantities."""
    inputs = [graph.rvs_to_values[rv] for rv in graph.free_RVs]
    outputs = [graph.logp(), *graph.replace_rvs_by_values([graph[name] for name in names])]
    function = pytensor.function(inputs, outputs, mode="FAST_COMPILE", on_unused_input="ignore")
    start = graph.initial_point()
    return function(*(np.asarray({**start, **point}[value.name], float) for value in inputs))


def finite_with_right_gradient(graph):
    log_density, slope = (f(mode="FAST_COMPILE") for f in (graph.compile_logp, graph.compile_dlogp))
    rng = np.random.default_rng(1)
    start = graph.initial_point()
    point = {name: value + 0.1 * rng.normal(size=np.shape(value)) for name, value in start.items()}
    direction = {name: rng.normal(size=np.shape(value)) for name, value in point.items()}

    def moved(step):
        return log_density({name: value + step * direction[name] for name, value in point.items()})

    h = 1e-5
    numerical = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h)
    flat = np.concatenate([np.ravel(direction[value.name]) for value in graph.value_vars])
    assert np.all(np.isfinite(slope(start)))
    assert_allclose(slope(point) @ flat, numerical, rtol=1e-6)


class TestMixtures:
    two = bn.Parameter(bn.PerClass(1.5, 6.0), iiv=0.2)

    def test_the_likelihood_is_the_average_over_the_classes(self):
        graph = bn.build(model(self.two, mixture=(0.3, 0.7)), read(), geometry="centred")
        eta = np.array([[0.1, -0.1], [-0.2, 0.3], [0.3, 0.0], [0.0, 0.2]])  # one column per class
        names = ["subject_log_likelihood", "class_probability", "scenario", "CL", "eta"]
        found = values_of(graph, names, {"eta_by_class": eta})
        total, likelihood, probability, scenario, clearance, own = found
        terms = np.stack(
            [
                np.log(p) + stats.norm.logpdf(DV, curve(c * np.exp(eta[:, k])), 0.3).sum(axis=1)
                for k, (p, c) in enumerate(((0.3, 1.5), (0.7, 6.0)))
            ],
            axis=1,
        )
        assert_allclose(likelihood, logsumexp(terms, axis=1), rtol=1e-10)
        assert_allclose(total, likelihood.sum() + stats.norm.logpdf(eta, 0, 0.2).sum(), rtol=1e-10)
        assert_allclose(probability, np.exp(terms - logsumexp(terms, axis=1)[:, None]), rtol=1e-8)
        assert_allclose(scenario, np.argmax(terms, axis=1))
        assert_allclose(own[:, 0], eta[np.arange(4), scenario.astype(int)])
        assert_allclose(clearance, np.array([1.5, 6.0])[scenario.astype(int)] * np.exp(own[:, 0]))

    def test_the_classes_ascend_by_their_priors(self):
        per_class = bn.PerClass(bn.LogNormal(2, cv=0.5), bn.LogNormal(5, cv=0.5))
        stated = model(bn.Parameter(per_class, iiv=bn.HalfNormal(0.3)), mixture=bn.Dirichlet(2, 3))
        graph = bn.build(stated, read())
        first, second, p = pm.draw(
            [graph["CL_pop_1"], graph["CL_pop_2"], graph["probability_2"]],
            draws=300,
            random_seed=1,
            mode="FAST_COMPILE",
        )
        assert np.all(second > first)
        assert abs(p.mean() - 0.6) < 4 * np.sqrt(0.6 * 0.4 / 6 / 300)
        finite_with_right_gradient(graph)
        assert from_dict(json.loads(json.dumps(to_dict(stated)))) == stated
        assert "CL_pop_class(i)" in bn.equations(stated)
        assert stated.priors().loc["CL_pop_2", "meaning"] == "typical CL in class 2"
        assert "mixture: none -> Dirichlet(2, 3)" in bn.difference(model(bn.Parameter(5.0)), stated)

    def test_new_subjects_are_drawn_from_all_classes(self):
        data = read()
        stated = model(bn.Parameter(bn.PerClass(0.5, 20.0)), mixture=(0.25, 0.75))
        graph = bn.build(stated, data)
        rows = np.flatnonzero(data.is_observation)
        explicit = translate(stated, data, predict_at={"cp": rows}, with_law=True).graph
        for either in (graph, explicit):
            y = pm.draw(either["cp_obs"], draws=400, random_seed=3, mode="FAST_COMPILE").reshape(400, 4, 2)
            slow = np.abs(y - curve(0.5)).max(axis=2) < 1.5
            fast = np.abs(y - curve(20.0)).max(axis=2) < 1.5
            assert np.all(slow ^ fast)  # all observations of a subject are of one class
            assert abs(slow.mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 1600)

    def test_a_simulation_has_one_class_per_subject_throughout(self):
        stated = model(bn.Parameter(bn.PerClass(0.5, 20.0)), mixture=(0.25, 0.75))
        simulation = bn.simulate(stated, read(), parameters={}, draws=20, seed=1)
        drawn = simulation.draws["posterior_predictive"].to_dataset().isel(chain=0)
        clearance = np.array([0.5, 20.0])[drawn["scenario"].values]
        assert_allclose(drawn["CL"].values, clearance)
        assert_allclose(drawn["cp"].values.reshape(20, 4, 2), curve(clearance))

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: bn.PerClass(2.0), "two or more values"),
            (lambda: bn.Parameter(bn.PerClass(2.0, -1.0)), "the typical value of class 2, got -1"),
            (lambda: model(bn.Parameter(bn.PerClass(1.0, 2.0))), "`mixture` beside PerClass of CL"),
            (lambda: model(bn.Parameter(1.0), mixture=(0.5, 0.5)), "a PerClass typical value"),
            (lambda: model(bn.Parameter(bn.PerClass(1.0, 2.0)), mixture=bn.Dirichlet(1, 1, 1)), "3 values"),
            (lambda: model(bn.Parameter(bn.PerClass(1.0, 2.0)), mixture=(0.5, 0.6)), "add up to 1"),
            (lambda: model(bn.Parameter(bn.PerClass(3.0, 2.0)), mixture=(0.5, 0.5)), "ascending order of CL"),
            (lambda: bn.Dirichlet(1), "two or more numbers > 0"),
        ],
    )
    def test_refused(self, make, message):
        with pytest.raises(bn.ModelError, match=message):
            make()


def with_weight(law, effect=None):
    effects = {"WT": effect or bn.Power(0.75, 70)}
    return model(bn.Parameter(3.0, iiv=0.2, covariates=effects), missing={"WT": law})


class TestMissingNumbers:
    law = bn.Imputed(
        bn.LogNormal(70, cv=0.3), sd=bn.HalfNormal(0.3), given={"HT": bn.Power(bn.Normal(2, 1), 1.7)}
    )

    def test_known_values_tell_the_law_and_missing_ones_follow_it(self):
        graph = bn.build(with_weight(self.law), read(), geometry="centred")
        point = {
            "eta": np.array([[0.1], [-0.2], [0.3], [0.0]]),
            "WT_typical_log__": np.log(72.0),
            "WT_sd_log__": np.log(0.15),
            "WT_HT": 1.8,
            "WT_score": np.array([0.7]),
        }
        total, missing, clearance = values_of(graph, ["WT_missing", "CL"], point)
        expected = np.log(72) + 1.8 * np.log(np.array(HEIGHT) / 1.7)
        weight = np.array([60, np.exp(expected[1] + 0.15 * 0.7), 80, 70])
        assert_allclose(missing, weight[1:2])
        assert_allclose(clearance, 3 * (weight / 70) ** 0.75 * np.exp(point["eta"][:, 0]))
        there = [0, 2, 3]
        density = stats.norm.logpdf(np.log(weight[there]), expected[there], 0.15).sum()
        density += stats.norm.logpdf(0.7) + stats.norm.logpdf(1.8, 2, 1)
        density += stats.norm.logpdf(np.log(72), np.log(70), np.sqrt(np.log1p(0.09)))
        density += stats.halfnorm.logpdf(0.15, scale=0.3) + np.log(0.15)
        density += stats.norm.logpdf(point["eta"], 0, 0.2).sum()
        density += stats.norm.logpdf(DV, curve(clearance), 0.3).sum()
        assert_allclose(total, density, rtol=1e-10)
        assert graph.named_vars_to_dims["WT_missing"] == ("WT_subject",)
        assert list(graph.coords["WT_subject"]) == [2]

    def test_it_is_written_saved_and_compared(self):
        stated = with_weight(self.law)
        assert "log(WT_i) ~ N(log(WT_typical) + WT_HT · log(HT_i/1.7), WT_sd²)" in bn.equations(stated)
        assert stated.priors().loc["WT_typical", "block"] == "missing covariates"
        assert from_dict(json.loads(json.dumps(to_dict(stated)))) == stated
        assert "missing WT: none -> Imputed" in bn.difference(model(bn.Parameter(5.0)), stated)

    def test_the_gradient_is_right(self):
        finite_with_right_gradient(bn.build(with_weight(self.law), read()))


class TestMissingCategories:
    effect = bn.Categorical({"F": bn.LogNormal(1, cv=0.3)}, reference="M")

    def stated(self, shares):
        law = bn.ImputedCategory(("F", "M"), shares)
        return model(bn.Parameter(3.0, iiv=0.2, covariates={"SEX": self.effect}), missing={"SEX": law})

    def test_the_likelihood_of_who_lacks_it_is_averaged(self):
        graph = bn.build(self.stated((0.4, 0.6)), read(), geometry="centred")
        eta = np.array([[0.1], [-0.2], [0.3], [0.0]])
        point = {"eta": eta, "CL_SEX_F_log__": np.log(1.6)}
        likelihood, probability = values_of(graph, ["subject_log_likelihood", "SEX_probability"], point)[1:]
        f, m = (
            stats.norm.logpdf(DV, curve(fold * 3 * np.exp(eta[:, 0])), 0.3).sum(axis=1) for fold in (1.6, 1)
        )
        both = np.array([np.log(0.4) + f[2], np.log(0.6) + m[2]])
        assert_allclose(likelihood, [f[0], m[1], logsumexp(both), f[3]], rtol=1e-10)
        assert_allclose(probability, [np.exp(both - logsumexp(both))], rtol=1e-8)

    def test_who_has_it_tells_the_shares(self):
        graph = bn.build(self.stated(bn.Dirichlet(1, 1)), read())
        finite_with_right_gradient(graph)
        [potential] = graph.potentials
        assert potential.name == "SEX_known_values"


class TestRefused:
    def test_missing_values_without_a_law_are_refused_with_their_rows(self):
        plain = model(bn.Parameter(3.0, covariates={"WT": bn.Power(0.75, 70)}))
        with pytest.raises(bn.ModelError, match=r"a value of WT.*rows 4-6.*missing=\{\"WT\": Imputed"):
            bn.build(plain, read())

    def test_reading_refuses_them_and_says_how(self):
        with pytest.raises(bn.DataError, match=r"(?s)rows 4-6.*allow=\['E_COVARIATE_MISSING'\]"):
            bn.read(frame(), covariates=["WT"])

    @pytest.mark.parametrize(
        ("columns", "law", "message"),
        [
            ({"WT": [60, 60, None, *[70] * 9]}, bn.Imputed(70.0, 0.2), "in all records of a subject"),
            ({"WT": [60, 65, 62, *[None] * 9]}, bn.Imputed(70.0, 0.2), "WT constant in every subject"),
            ({"WT": [None] * 12}, bn.Imputed(bn.about(70), 0.2), "some subjects with WT"),
            ({"WT": [-5.0] * 3 + [None] * 9}, bn.Imputed(70.0, 0.2), "WT within 0"),
            ({}, bn.Imputed(70.0, 10.0, scale=bn.Natural()), "at or below 0"),
            ({}, bn.ImputedCategory((1, 2), (0.5, 0.5)), "the levels 1, 2 of WT"),
        ],
    )
    def test_gaps_that_no_law_fills(self, columns, law, message):
        with pytest.raises(bn.ModelError, match=message):
            bn.build(with_weight(law), read(**columns))

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: bn.Imputed(-70.0, 0.2), "the typical value, got -70"),
            (lambda: bn.Imputed(70.0, 0.2, given={"HT": 2.0}), "an effect of HT"),
            (lambda: bn.Imputed(70.0, 0.2, given={"HT": bn.Power(2, 1)}, scale=bn.Natural()), "multiplies"),
            (lambda: bn.ImputedCategory("FM", (0.5, 0.5)), "two or more different levels"),
            (lambda: bn.ImputedCategory(("F", "M"), (0.5, 0.4)), "add up to 1"),
            (lambda: model(bn.Parameter(3.0), missing={"WT": bn.Imputed(70.0, 0.2)}), "would have no effect"),
            (lambda: model(bn.Parameter(3.0), missing={"WT": 70.0}), "Imputed or ImputedCategory for WT"),
        ],
    )
    def test_at_construction(self, make, message):
        with pytest.raises(bn.ModelError, match=message):
            make()
