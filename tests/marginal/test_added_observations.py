"""Observed variables that an edit of the graph adds: one value per subject counts, others are refused."""

import numpy as np
import pymc as pm
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.translation.graph import translate

STUDY = bn.zoo.load("wang2007")


def conditional(edit=None):
    return Conditional(translate(STUDY.model, STUDY.data, geometry="centred", edit=edit))


def test_one_value_per_subject_enters_the_density_of_each_subject():
    seen = np.linspace(-1.0, -0.5, 10)

    def edit(graph):
        pm.Normal("earlier", pm.math.log(graph["k"]), 0.2, observed=seen, dims="subject")

    plain, edited = conditional(), conditional(edit)
    theta = plain.population.join(plain.population.start)
    effects = np.zeros(plain.n_effects)
    difference = edited.joint(theta, effects)[0] - plain.joint(theta, effects)[0]
    centre = float(plain.population.start["k_pop_log__"])
    assert_allclose(difference, pm.logp(pm.Normal.dist(centre, 0.2), seen).eval(), rtol=1e-9)


def test_what_no_subject_owns_is_refused():
    def edit(graph):
        pm.Normal("earlier", pm.math.log(graph["k_pop"]), 0.2, observed=0.3)

    with pytest.raises(bn.ModelError, match='dims="subject"'):
        edited = conditional(edit)
        edited.joint(edited.population.join(edited.population.start), np.zeros(edited.n_effects))
