"""One machine code for all patients of a population: as right as code of one's own, and soon done."""

import time

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bayes_nlmem as bn
from bayes_nlmem.dosing.readiness import Readiness, readiness
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.marginal.same_form import with_code_of
from bayes_nlmem.translation.graph import translate

PARAMETERS = {
    "CL": bn.Parameter(4.0, iiv=0.4, covariates={"WT": bn.Power(0.75, reference=70)}),
    "V": bn.Parameter(70.0, iiv=0.3),
}


def model(error=None, structure=None, **changes):
    parameters = {**PARAMETERS, **changes}
    return bn.Model(
        structure=structure or bn.OneCompartment(),
        parameters=parameters,
        residuals={"cp": error or bn.Proportional(0.15)},
    )


def records(times, *, doses=1, id=1, weight=70.0, grows=0.0, seed=1, cens=()):
    """A dose every 12 h and samples at some times; the weight may change from record to record."""
    rng = np.random.default_rng(seed)
    given = pd.DataFrame({"TIME": 12.0 * np.arange(doses), "AMT": 1000.0, "EVID": 1, "DV": np.nan})
    seen = pd.DataFrame({"TIME": times, "AMT": 0.0, "EVID": 0, "DV": rng.uniform(4, 12, len(times))})
    table = pd.concat([given, seen]).sort_values(["TIME", "EVID"], ascending=[True, False])
    table = table.assign(ID=id, CENS=0, WT=weight * (1 + grows * np.arange(len(table))))
    at = table["TIME"].isin(list(cens)) & (table["EVID"] == 0)
    table.loc[at, ["CENS", "DV"]] = [1, 2.0]
    table["OCC"] = 1 + (table["TIME"] // 12).astype(int)
    return bn.read(table, covariates=["WT"])


def conditional(model, data):
    return Conditional(translate(model, data, geometry="centred"), any_size=True)


LONG = [1.0, 5.0, 9.0, 13.0, 20.0, 23.0]
FORMS = {
    "other samples and doses": (model(), {}, {}),
    "a weight that changes": (model(), {"grows": 0.05}, {"grows": 0.05}),
    "a log-normal error": (model(bn.LogNormalError(0.2)), {}, {}),
    "values below the limit": (model(), {"cens": [2.0]}, {"cens": [5.0, 20.0]}),
    "a parameter without effects": (model(V=bn.Parameter(70.0)), {"grows": 0.1}, {"grows": 0.05}),
}


QUICK = "other samples and doses"
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in FORMS if name != QUICK]


@pytest.mark.parametrize("name", [QUICK, *SLOW])
def test_shared_code_gives_the_same_densities(name):
    """The first patient's code at the second patient's data against code of its own."""
    made, first, second = FORMS[name]
    known = conditional(made, records([2.0, 8.0], **first))
    own = conditional(made, records(LONG, doses=2, id=7, weight=55.0, seed=2, **second))
    shared = with_code_of(known, own)
    assert shared is not None
    rng = np.random.default_rng(4)
    effects = 0.3 * rng.normal(size=(3, own.n_effects))
    theta = own.population.join(own.population.start)
    points = np.concatenate([np.tile(theta, (3, 1)), effects], axis=1)
    for mine, fresh in zip(shared.terms_of(points), own.terms_of(points), strict=True):
        assert_allclose(mine, fresh, rtol=1e-12)
    for mine, fresh in zip(shared.joint(theta, effects[0]), own.joint(theta, effects[0]), strict=True):
        assert_allclose(mine, fresh, rtol=1e-12)
    mine, fresh = shared.individuals_of(points), own.individuals_of(points)
    assert list(mine) == list(fresh)
    for parameter in mine:
        assert_allclose(mine[parameter], fresh[parameter], rtol=1e-12)
    # and the first patient's functions are as they were
    assert len(known.terms_of(points)[1][0]) == 2


def test_other_forms_are_told_apart():
    """A limit of quantification and another occasion are other computations: no code is shared."""
    known = conditional(model(), records([2.0, 8.0]))
    assert with_code_of(known, conditional(model(), records(LONG, cens=[5.0]))) is None
    varying = model(CL=bn.Parameter(4.0, iiv=0.4, iov=0.2))  # one patient may have one occasion
    once = conditional(varying, records([2.0, 8.0]))
    assert with_code_of(once, conditional(varying, records([2.0, 8.0, 13.0]))) is None
    other = model(CL=bn.Parameter(5.0, iiv=0.4, covariates=PARAMETERS["CL"].covariates))
    assert with_code_of(known, conditional(other, records(LONG))) is None


def test_a_patient_s_posterior_does_not_depend_on_who_came_before():
    made = model()
    data = records(LONG, doses=2, weight=80.0)
    readiness.cache_clear()
    alone = bn.individualize(made, data, draws=200)
    readiness.cache_clear()
    bn.individualize(made, records([3.0], seed=5), draws=10)
    later = bn.individualize(made, data, draws=200)
    for name in ("CL", "V", "eta"):
        assert_allclose(
            later.draws["posterior"][name].values, alone.draws["posterior"][name].values, rtol=1e-9
        )
    assert_allclose(later.modes["MAP"].to_numpy(float), alone.modes["MAP"].to_numpy(float), rtol=1e-9)


def test_further_patients_take_less_than_200_ms():
    """CPU time of patients with other numbers of samples and doses, after the first."""
    made = model()
    bn.individualize(made, records([2.0, 8.0]), draws=1000)
    known = len(readiness(made).forms)
    spent = []
    for k in range(8):
        data = records(LONG[: 1 + k % 6], doses=1 + k % 3, id=k, weight=50.0 + k, seed=k)
        began = time.process_time()
        bn.individualize(made, data, draws=1000)
        spent.append(time.process_time() - began)
    assert np.median(spent) < 0.2
    assert len(readiness(made).forms) == known


def test_only_the_last_forms_are_kept(monkeypatch):
    import bayes_nlmem.dosing.readiness as module

    monkeypatch.setattr(module, "_MOST_FORMS", 1)
    ready = Readiness(model())
    ready.of(records([2.0]), ["cp"])
    ready.of(records([2.0], cens=[2.0]), ["cp"])
    assert len(ready.forms) == 1
