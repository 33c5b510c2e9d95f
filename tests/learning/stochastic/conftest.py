"""The theophylline study as the maximum-likelihood reference has it."""

import pytest

import bayes_nlmem as bn


@pytest.fixture(scope="session")
def theophylline():
    """Model with wide priors, additive error, no weight; data without the records at time 0."""
    study = bn.zoo.load("theophylline")
    frame = study.data.to_frame()
    data = bn.read(frame[(frame["EVID"] == 1) | (frame["TIME"] > 0)].reset_index(drop=True))
    model = bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={
            name: bn.Parameter(bn.LogNormal(median, sigma=1.0), iiv=bn.HalfNormal(2.0))
            for name, median in {"KA": 1.0, "CL": 3.0, "V": 25.0}.items()
        },
        residuals={"cp": bn.Additive(bn.HalfNormal(5.0))},
    )
    return model, data


@pytest.fixture(scope="session")
def estimated(theophylline):
    """The study, estimated once."""
    return bn.saem(*theophylline, seed=1, progress=False)


@pytest.fixture(scope="session")
def smaller(theophylline):
    """The same study without variability of V."""
    model, data = theophylline
    return bn.saem(model.with_parameter("V", iiv=None), data, seed=1, progress=False)
