"""Shrinkage priors share what they should, and are drawn as they say."""

import numpy as np
import pymc as pm
import pytest

import bayes_nlmem as bn
from bayes_nlmem.model.serialise import from_dict, to_dict
from bayes_nlmem.translation.drawing import known_or_drawn


def drawn(*priors):
    with pm.Model() as graph:
        pm.HalfNormal("omega_CL", 0.3)
        for k, prior in enumerate(priors):
            known_or_drawn(f"c{k}", prior)
    return graph


def test_a_group_shares_its_scale_and_its_slab():
    names = set(drawn(bn.Horseshoe(0.1), bn.Horseshoe(0.1, scale=3.0)).named_vars)
    assert {"tau_covariates", "slab_covariates", "lambda_c0", "lambda_c1", "c0", "c1"} <= names
    assert {"rest_covariates", "share_c0"} <= set(drawn(bn.R2D2()).named_vars)


def test_the_spike_and_slab_is_a_mixture_of_two_normals():
    graph = drawn(bn.SpikeAndSlab(0.3, spike=0.1, slab=2.0, scale=0.5))
    x = 0.4
    density = [w * np.exp(-0.5 * (x / s) ** 2) / s / np.sqrt(2 * np.pi) for w, s in ((0.7, 0.05), (0.3, 1.0))]
    found = graph.compile_logp(vars=[graph["c0"]], mode="FAST_COMPILE")({"omega_CL_log__": 0.0, "c0": x})
    np.testing.assert_allclose(found, np.log(sum(density)))


def test_coefficients_are_measured_in_the_unit():
    graph = drawn(bn.R2D2(scale=2.0, unit="omega_CL"))
    deviation = (
        graph["c0"]
        .owner.inputs[-1]
        .eval({graph["omega_CL"]: 0.5, graph["share_c0"]: 9.0, graph["rest_covariates"]: 4.0})
    )
    np.testing.assert_allclose(deviation, 2.0 * 0.5 * 1.5)


def test_they_are_saved_and_checked():
    for prior in (bn.Horseshoe(0.1, unit="omega_V"), bn.R2D2(), bn.SpikeAndSlab()):
        assert from_dict(to_dict(prior)) == prior
    for wrong in (lambda: bn.Horseshoe(0.0), lambda: bn.SpikeAndSlab(1.0), lambda: bn.R2D2(concentration=-1)):
        with pytest.raises(bn.ModelError):
            wrong()
