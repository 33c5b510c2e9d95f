"""Exact likelihoods and short fits of published studies without dosing, against other programs' results."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn

pytestmark = pytest.mark.slow


def reference(folder, name):
    return json.loads((folder / name).read_text())


def minus_two(study, at, model=None):
    return bn.log_likelihood(model or study.model, study.data, at=at, method="quadrature").minus_twice


def correlation(matrix):
    return matrix[0][1] / np.sqrt(matrix[0][0] * matrix[1][1])


def test_toenail(shared_reference, published):
    """Own adaptive quadrature elsewhere: 1250.871."""
    x = reference(shared_reference, "exact_ml/toenail_random_intercept.json")
    mle = x["mle"]
    at = {f"{name}_pop": mle[name] for name in ("alpha", "beta")}
    at |= {"beta_treatment": mle["beta_treatment"], "omega_alpha": mle["omega2_alpha"] ** 0.5}
    assert_allclose(minus_two(published("toenail"), at), x["m2ll"], atol=0.02)


def test_oxboys(shared_reference, published):
    """The linear mixed model has an exact answer (nlme)."""
    x = reference(shared_reference, "nlme/oxboys_lme_ML.json")
    omega = x["omega"]["Subject"]
    at = dict(zip(("base_pop", "slope_pop"), x["fixed"]["Value"], strict=True))
    at |= {"omega_base": omega[0][0] ** 0.5, "omega_slope": omega[1][1] ** 0.5}
    at |= {"corr_base_slope": correlation(omega), "sigma_height_add": x["sigma"]}
    assert_allclose(minus_two(published("oxboys"), at), x["m2ll"], atol=0.01)


def test_orange(shared_reference):
    """The random asymptote is linear, so nlme's answer is exact."""
    x = reference(shared_reference, "nlme/orange_logistic.json")
    at = dict(zip(("Asym_pop", "xmid_pop", "scal_pop"), x["fixed"]["Value"], strict=True))
    at |= {"omega_Asym": x["omega"]["Tree"][0][0] ** 0.5, "sigma_circumference_add": x["sigma"]}
    assert_allclose(minus_two(bn.zoo.load("orange"), at), x["m2ll"], atol=0.01)


def test_emax(shared_reference, published):
    """Own adaptive quadrature elsewhere: 2466.284 (+-0.02)."""
    x = reference(shared_reference, "exact_ml/PD1_nocov.json")
    mle = x["mle"]
    names = ("E0", "Emax", "EC50")
    at = {f"{name}_pop": mle[name] for name in names} | {
        f"omega_{n}": mle[f"omega2_{n}"] ** 0.5 for n in names
    }
    at["corr_Emax_EC50"] = mle["cov_Emax_EC50"] / (mle["omega2_Emax"] * mle["omega2_EC50"]) ** 0.5
    at["sigma_response_add"] = mle["a"]
    assert_allclose(minus_two(published("pd1"), at), x["m2ll"], atol=0.05)


def test_lung(shared_reference, published):
    """Importance sampling of saemix (spread 0.1)."""
    x = reference(shared_reference, "saemix/lung_tte_weibull.json")["runs"][1]
    fixed = x["fixed_effects"]
    at = {"Te_pop": fixed["lambda"], "scale_shape": fixed["beta"], "omega_Te": x["omega"][0][0] ** 0.5}
    study = published("lung")
    varying = study.model.with_parameter("Te", iiv=bn.HalfNormal(1))
    assert_allclose(minus_two(study, at, varying), x["m2ll_is"], atol=0.3)


def test_rapi(shared_reference, published):
    """Plain adaptive quadrature, 40 x 40 nodes per student: 21476.625; saemix samples it 1.5 higher."""
    x = reference(shared_reference, "saemix/rapi_poisson.json")["runs"][0]
    at = {f"{name}_pop": value for name, value in x["fixed_effects"].items()}
    at |= {"omega_intercept": x["omega"][0][0] ** 0.5, "omega_slope": x["omega"][1][1] ** 0.5}
    at["corr_intercept_slope"] = correlation(x["omega"])
    found = minus_two(published("rapi"), at)
    assert_allclose(found, 21476.625, atol=0.05)
    assert_allclose(found, x["m2ll_is"], atol=2.5)


def fitted(study, draws):
    fit = bn.fit(study.model, study.data, draws=draws, tune=300, chains=2, seed=1, progress=False)
    return fit, fit.draws["posterior"].to_dataset()


def test_posterior_means_of_toenail_are_near_maximum_likelihood(shared_reference, published):
    x = reference(shared_reference, "exact_ml/toenail_random_intercept.json")
    _, posterior = fitted(published("toenail"), 400)
    for name, key in (("alpha_pop", "alpha"), ("beta_pop", "beta"), ("beta_treatment", "beta_treatment")):
        assert abs(float(posterior[name].mean()) - x["mle"][key]) < 2 * x["se_observed_information"][key]
    assert abs(float((posterior["omega_alpha"] ** 2).mean()) - 16.04) < 2 * 3.04


def test_posterior_means_of_lung_are_near_maximum_likelihood(published):
    """Without random effect: the Weibull maximum likelihood of the same 225 patients, found here."""
    from scipy.optimize import minimize
    from scipy.stats import weibull_min

    study = published("lung")
    table = study.data.table[study.data.table.TIME > 0]
    time, event = table.TIME.to_numpy(), table.DV.to_numpy() == 1

    def minus(x):
        law = weibull_min(np.exp(x[0]), scale=np.exp(x[1]))
        return -np.where(event, law.logpdf(time), law.logsf(time)).sum()

    best = minimize(minus, [0.0, 6.0])
    se = np.sqrt(np.diag(best.hess_inv))
    _, posterior = fitted(study, 400)
    found = [np.log(posterior["scale_shape"]).mean(), np.log(posterior["Te_pop"]).mean()]
    assert_allclose(found, best.x, atol=0.5 * se.max())


def test_epilepsy_and_everything_above_its_draws(tmp_path):
    """Poisson estimates as published: log baseline about 1, fourth visit -0.16."""
    fit, posterior = fitted(bn.zoo.load("epilepsy"), 200)
    assert abs(float(posterior["fourth_effect_pop"].mean()) + 0.16) < 0.05
    assert abs(float(posterior["intercept_log_base"].mean()) - 1.0) < 0.2
    seen = fit.predictions()
    assert abs(seen.DV.mean() / seen.IPRED.mean() - 1) < 0.05
    assert bn.load(fit.save(tmp_path / "epilepsy")).summary().equals(fit.summary())
