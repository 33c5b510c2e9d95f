"""A model as Python text is the same model when the text is run; so are its data."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn
from bayes_nlmem.exchange.python_data import write_table
from bayes_nlmem.exchange.python_text import evaluated

RECORDS = [
    bn.Distribution("SkewNormal", mu=0.0, sigma=1.0, alpha=3.0),
    bn.LogNormal(2.0, sigma=0.3),
    bn.Truncated(bn.Normal(0, 1), lower=0.0),
    bn.Uniform(0, 1),
    bn.HalfStudentT(df=4, scale=1.0),
    bn.Correlated("CL", "V", "KA", zeros=[("CL", "KA")]),
    bn.Correlated("CL", "V", prior=((0.09, 0.01), (0.01, 0.04))),
    bn.Correlated("CL", "V", prior=bn.InverseWishart(5, [[0.2, 0.0], [0.0, 0.1]]), level="occasion"),
    bn.PerClass(bn.about(2.0), bn.about(8.0)),
    bn.Dirichlet(2, 2),
    bn.Categorical({"yes": bn.about(1.0), "it's": 2.0}, reference='say "no"'),
    bn.Parameter(
        bn.Beta(9, 1), scale=bn.Logit(0.0, 1.0), iiv=0.2, varies={"SITE": 0.1}, law=bn.BoxCoxEta(0.3)
    ),
    bn.Combined(bn.about(0.5), 0.1, add="standard deviations"),
    bn.TimeToEvent(bn.WeibullHazard(shape=bn.about(1.0))),
    bn.Function("y = a * where(t > 1, dose, 0)", columns=("dose",)),
    bn.structures.michaelis_menten(absorption="first-order"),
    {("WT", "SEX"): [1, 2.5, None, True], "limit": float("inf")},
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_the_text_makes_the_record_again(record):
    text = bn.to_python(record, name="it")
    assert evaluated(text)["it"] == record
    assert max(map(len, text.splitlines())) <= 110


@pytest.mark.parametrize("name", bn.zoo.list())
def test_every_model_and_every_data_set_of_the_zoo(name, tmp_path):
    study = bn.zoo.load(name)
    assert evaluated(bn.to_python(study.model))["model"] == study.model
    path = tmp_path / "study.csv"
    text = write_table(study.data, path, named="path")
    assert eval(text, {"bn": bn, "path": path}) == study.data


def test_it_reads_as_one_would_write_it():
    model = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            "KA": bn.Parameter(bn.about(1.5), unit="1/h"),
            "CL": bn.Parameter(2.8, iiv=0.3, covariates={"WT": bn.Power(0.75, reference=70)}),
            "V": bn.Parameter(32.0),
        },
        residuals={"cp": bn.Proportional(0.1)},
    )
    assert bn.to_python(model) == (
        "model = bn.Model(\n"
        '    structure=bn.OneCompartment(absorption="first-order"),\n'
        "    parameters={\n"
        '        "KA": bn.Parameter(bn.LogNormal(1.5, cv=1.0), unit="1/h"),\n'
        '        "CL": bn.Parameter(2.8, iiv=0.3, covariates={"WT": bn.Power(0.75, reference=70)}),\n'
        '        "V": bn.Parameter(32.0),\n'
        "    },\n"
        '    residuals={"cp": bn.Proportional(0.1)},\n'
        ")\n"
    )


@dataclasses.dataclass(frozen=True)
class Mine(bn.Additive):
    """A residual of one's own."""


def test_what_is_not_of_the_package_is_refused():
    with pytest.raises(bn.ModelError, match=r"Mine.*Write that part by hand"):
        bn.to_python(Mine(1.0))
    with pytest.raises(bn.ModelError, match="array"):
        bn.to_python({"x": np.array([1.0, 2.0])})


def test_data_that_would_be_read_otherwise_are_refused(tmp_path):
    table = pd.DataFrame({"ID": ["1", "1"], "TIME": [0.0, 1.0], "DV": [2.0, 1.0]})
    data = bn.read(table)
    if data.subjects == (1,):
        pytest.skip("text that looks like a number is one")
    with pytest.raises(bn.DataError, match="read as the same data"):
        write_table(data, tmp_path / "study.csv")


def test_accepted_faults_limits_and_categories_survive(tmp_path):
    table = pd.DataFrame(
        {
            "ID": [1, 1, 2, 2, 3],
            "TIME": [0.0, 2.0, 0.0, 2.0, 1.0],
            "AMT": [100.0, None, 100.0, None, None],
            "DV": [None, 0.05, None, 4.0, 3.0],
            "SEX": [0, 0, 1, 1, 1],
            "ARM": ["a", "a", "b b", "b b", None],
        }
    )
    data = bn.read(
        table, covariates=["SEX", "ARM"], categorical=["SEX"], lloq=0.1,
        allow=["E_SUBJECT_NO_DOSE", "E_COVARIATE_MISSING"],
    )  # fmt: skip
    text = write_table(data, tmp_path / "study.csv")
    assert 'allow=["E_COVARIATE_MISSING", "E_SUBJECT_NO_DOSE"]' in text and 'categorical=["SEX"]' in text
    assert eval(text, {"bn": bn, "path": tmp_path / "study.csv"}) == data
