"""Which observations belong to which output, and what is refused when they do not fit."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import bayes_nlmem as bn
from bayes_nlmem.ground.messages import ModelError
from bayes_nlmem.translation.meeting import check_learnable, check_meeting, observed_records


def study(dvid=(1, 2, 1, 2), cmt=(2, 1, 2, 1)):
    frame = pd.DataFrame({"ID": 1, "TIME": [0.0, 1, 2, 3, 4], "AMT": [100.0, 0, 0, 0, 0]})
    frame["DV"] = [None, 2.0, 20.0, 1.5, 15.0]
    frame["DVID"], frame["CMT"] = [dvid[0], *dvid], [1, *cmt]
    return bn.read(frame)


def model(**options):
    parameters = {"KA": bn.Parameter(1.0), "CL": bn.Parameter(bn.about(5.0)), "V": bn.Parameter(40.0)}
    return bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters=parameters,
        residuals={"cp": bn.Additive(0.5), "A_depot": bn.Proportional(0.2)},
        **options,
    )


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        ({"endpoints": {"cp": 1, "A_depot": 2}}, {}),
        ({"endpoints": {"A_depot": "2", "cp": "1"}}, {}),
        ({"endpoints": {"cp": "blood", "A_depot": "gut"}}, {"dvid": ("blood", "gut", "blood", "gut")}),
        ({"endpoints": {"cp": 2, "A_depot": 1}, "endpoints_in": "CMT"}, {"dvid": (1, 1, 1, 1)}),
        ({}, {"dvid": ("cp", "A_depot", "cp", "A_depot")}),
    ],
)
def test_observations_find_their_output(options, labels):
    data = study(**labels)
    found = observed_records(model(**options), data)
    check_meeting(model(**options), data)
    assert list(found) == ["cp", "A_depot"]
    assert_array_equal(found["cp"], [1, 3])
    assert_array_equal(found["A_depot"], [2, 4])


def test_the_graph_has_a_likelihood_per_endpoint():
    graph = bn.build(model(endpoints={"cp": 1, "A_depot": 2}), study())
    assert {rv.name for rv in graph.observed_RVs} == {"cp_obs", "A_depot_obs"}
    assert_array_equal(graph.coords["cp_row"], [2, 4])
    assert np.isfinite(graph.compile_logp(mode="FAST_COMPILE")(graph.initial_point()))


def test_a_single_output_may_have_a_label_too():
    parameters = {"CL": bn.Parameter(5.0), "V": bn.Parameter(40.0)}
    residuals = {"cp": bn.Additive(0.5)}
    alone = bn.Model(
        structure=bn.OneCompartment(), parameters=parameters, residuals=residuals, endpoints={"cp": 1}
    )
    assert_array_equal(observed_records(alone, study())["cp"], [1, 3])
    with pytest.raises(ModelError, match="DVID among 1 for 'cp', got 2 in rows 3, 5"):
        check_meeting(alone, study())


def test_labels_that_do_not_meet_are_reported_both_ways_in_one_message():
    with pytest.raises(
        ModelError, match=r"(?s)2 points.*got 2 in rows 3, 5.*observations of 'A_depot'.*DVID = 3"
    ):
        check_meeting(model(endpoints={"cp": 1, "A_depot": 3}), study())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"endpoints": {"cp": 1}}, "a label for 'A_depot' in endpoints"),
        ({"endpoints": {"cp": 1, "A_depot": 1}}, "one output per label"),
        ({"endpoints": {"cp": 1, "A_depot": 2, "A_dep": 3}}, "Did you mean 'A_depot'"),
        ({"endpoints": {"cp": 1.5, "A_depot": 2}}, "a number or text for 'cp'"),
        ({"endpoints": [1, 2]}, "a mapping of output to label"),
        ({"endpoints_in": "dvid"}, "endpoints_in one of DVID, CMT"),
        ({"endpoints": {"A_dep": 1}, "endpoints_in": "FLAG"}, "4 problems"),
    ],
)
def test_endpoints_are_checked_with_the_model(options, message):
    with pytest.raises(ModelError, match=message):
        model(**options)


def test_endpoints_survive_saving_and_show_in_differences():
    labelled = model(endpoints={"cp": 1, "A_depot": 2})
    from bayes_nlmem.model.serialise import from_dict, to_dict

    assert from_dict(to_dict(labelled)) == labelled
    assert bn.difference(model(), labelled) == "endpoints: none -> cp = 1, A_depot = 2"
    changed = labelled.with_residual("cp", bn.Additive(1.0), endpoint=7)
    assert changed.endpoints["cp"] == 7


def weighed(*weights, sex=("F", "F")):
    rows = [
        {"ID": i, "TIME": t, "AMT": 0 if t else 100.0, "DV": 2.0 if t else None, "WT": weight, "SEX": sex[i]}
        for i, weight in enumerate(weights)
        for t in (0.0, 1.0)
    ]
    return bn.read(pd.DataFrame(rows), covariates=["WT", "SEX"])


@pytest.mark.parametrize("learn", [bn.fit, bn.saem])
def test_the_effect_of_a_covariate_that_never_changes_is_not_learnt(learn):
    women = bn.Categorical({"M": bn.about(1.2)}, reference="F")
    size = bn.Power(bn.Normal(0.75, 0.2), reference=70)
    clearance = bn.Parameter(bn.about(5.0), iiv=bn.about(0.3), covariates={"WT": size, "SEX": women})
    stated = bn.Model(
        structure=bn.OneCompartment(),
        parameters={"CL": clearance, "V": bn.Parameter(40.0)},
        residuals={"cp": bn.Additive(0.5)},
    )
    with pytest.raises(ModelError, match=r"(?s)2 points.*WT = 60.*every row.*without_covariate.*SEX = F"):
        learn(stated, weighed(60.0, 60.0))
    check_learnable(stated, weighed(60.0, 70.0, sex=("F", "M")))
    known = bn.Parameter(bn.about(5.0), covariates={"WT": bn.Power(0.75, reference=70)})
    check_learnable(stated.with_parameter("CL", known), weighed(60.0, 60.0))
