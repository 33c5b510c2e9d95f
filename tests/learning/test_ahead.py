"""The second process compiles what the first will ask for, and is never waited for in vain."""

import sys

import numpy as np
import pytest

import bayes_nlmem as bn
from bayes_nlmem.learning.ahead import Ahead, ahead_of, functions_of_sampler
from bayes_nlmem.learning.moves import Moves
from bayes_nlmem.learning.starts import Starts
from bayes_nlmem.marginal import compiled
from bayes_nlmem.marginal.compiled import compile_density, compile_named
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.fingerprint import fingerprint
from bayes_nlmem.marginal.laplace_em import LaplaceFit
from bayes_nlmem.translation.graph import translate


@pytest.fixture(scope="module")
def study():
    return bn.zoo.load("theophylline")


def test_the_same_code_is_made_ahead_and_asked_for(study, monkeypatch):
    translation = translate(study.model, study.data, geometry="centred")
    conditional = Conditional(translation)
    theta = conditional.population.join(conditional.population.start)
    effects = np.linspace(-0.1, 0.1, conditional.n_effects)
    precise = np.repeat(0.1 * np.eye(3)[None], 12, axis=0)
    fit = LaplaceFit(theta, effects, precise, 1, True, np.zeros(0, int))
    moves = Moves(Starts(translation, conditional, fit, whitened=True))
    monkeypatch.setattr(
        compiled, "machine_code", lambda inputs, outputs, make, about: (fingerprint(inputs, outputs), about)
    )
    asked = [
        function(translation.graph, moves.change).jitted for function in (compile_density, compile_named)
    ]
    made = [found.jitted for found in functions_of_sampler(study.model, study.data, None)]
    assert asked == made
    assert all(key is not None for key, _ in made)


def test_a_process_that_fails_is_not_waited_for(study):
    ahead = Ahead(study.model, "no data", None)
    ahead.start()
    ahead.wait()
    ahead.wait()
    ahead.stop()


def test_what_cannot_be_sent_is_compiled_here(study):
    ahead = Ahead(study.model, study.data, sys._getframe())
    ahead.start()
    assert ahead._process is None
    ahead.wait()
    ahead.stop()


def test_one_core_has_no_second_process(study):
    with ahead_of(study.model, study.data, None, 1) as ahead:
        assert ahead is None
