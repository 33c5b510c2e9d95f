"""Every data set of the reference shelf is read, checked, and comes back as it was."""

import json

import pandas as pd
import pytest

import bayes_nlmem as bn

KNOWN = {
    "theophylline": {"covariates": ["WT"]},
    "warfarin_pkpd": {"covariates": ["WT", "AGE", "SEX"], "categorical": ["SEX"]},
    "warfarin_pk": {"covariates": {"WT": "constant"}},
    "warfarin_pd": {"covariates": ["WT"]},
    "warfarin_monolix": {"covariates": ["WT"]},
    "phenobarbital": {"covariates": ["WT", "APGR"]},
    "phenobarbital_nonmem": {"covariates": ["WT"]},
    "indomethacin": {},
    "quinidine": {
        "covariates": {"WEIGHT": "nocb", "CREATININE": "locf", "GLYCO": "linear", "RACE": "constant"}
    },
    "remifentanil": {"covariates": ["AGE", "SEX", "LBM"], "units": {"TIME": "min"}},
    "wang2007": {},
    "mavoglurant": {"covariates": ["WT"]},
    "nimotuzumab": {"covariates": ["WGT"]},
    "bolus_2cpt": {},
    "infusion_1cpt": {},
    "oral_1cpt": {},
    "oral_2cpt": {},
    "bolus_1cptmm": {},
    "bolus_2cptmm": {},
    "infusion_2cptmm": {},
    "oral_2cptmm": {},
    "theo_saemix_form": {"columns": {"DV": "Concentration"}, "covariates": ["Dose", "Weight", "Sex"]},
    "PD1": {"columns": {"ID": "subject", "TIME": "dose", "DV": "response"}, "covariates": ["gender"]},
    "cow": {"columns": {"ID": "cow", "DV": "weight"}, "covariates": ["birthyear", "twin", "birthrank"]},
    "oxboys": {"columns": {"ID": "Subject", "TIME": "age", "DV": "height"}},
    "toenail": {"columns": {"DV": "y"}, "covariates": ["treatment"]},
    "rapi": {"columns": {"DV": "rapi"}, "covariates": ["gender"]},
    "lung": {"columns": {"DV": "status", "CENS": None}, "covariates": ["age", "sex"]},
    "epilepsy": {"columns": {"ID": "subject", "TIME": "period", "DV": "y"}, "covariates": ["trt", "lage"]},
    "orange": {"columns": {"ID": "Tree", "TIME": "age", "DV": "circumference"}},
    "co2": {"columns": {"ID": "Plant", "TIME": "conc", "DV": "uptake"}, "covariates": ["Type", "Treatment"]},
    "soybean": {"columns": {"ID": "Plot", "DV": "weight"}, "covariates": ["Variety", "Year"]},
    "moxonidine_sim": {"columns": {"OCC": "VISI"}, "covariates": ["AGE", "SEX", "WT", "CRCL"]},
    "bauer_iov_site": {"covariates": ["SITE"]},
    "bauer501": {"covariates": ["WT"]},
    "bauer402": {},
    "bauer_blq": {"lloq": -3.5},
    "viralload": {},
    "viralload_loq20": {},
}


@pytest.mark.parametrize("name", KNOWN)
def test_it_is_read_and_comes_back(shared_reference, name):
    facts = json.loads((shared_reference / "data" / "datasets.json").read_text())[name]
    source = shared_reference / facts["file"]
    if name == "mavoglurant":
        source = with_resets(pd.read_csv(source))
    data = bn.read(source, **KNOWN[name])
    assert len(data) == facts["rows"] and data.n_observations == facts["observations"]
    if facts["subjects"]:
        assert data.n_subjects == facts["subjects"]
    assert bn.read(data.to_frame(), **KNOWN[name]) == data
    if name != "mavoglurant":
        pd.testing.assert_frame_equal(data.to_frame(), pd.read_csv(source))
    assert repr(data) and data._repr_html_()


def with_resets(frame):
    """The second period of mavoglurant restarts the clock at a dose, without saying that it is a reset."""
    restarts = (frame["TIME"].diff() < 0) & (frame["ID"].diff() == 0)
    return frame.assign(EVID=frame["EVID"].mask(restarts, 4))


def test_every_set_on_the_shelf_is_tried(shared_reference):
    assert set(KNOWN) == set(json.loads((shared_reference / "data" / "datasets.json").read_text()))


def test_a_clock_that_restarts_without_reset_is_refused(shared_reference):
    with pytest.raises(bn.DataError, match="E_TIME_DECREASES") as caught:
        bn.read(shared_reference / "data" / "mavoglurant.csv")
    assert "EVID=4" in str(caught.value) and len(caught.value.faults) == 1


def test_the_event_tables_of_the_solver_scenarios_are_read(shared_reference):
    for file in sorted((shared_reference / "solver").glob("*_events.csv")):
        data = bn.read(file, observations_required=False, allow=["E_SUBJECT_NO_DOSE"])
        assert len(data) == len(pd.read_csv(file)), file.name
