"""PD1: responses to three doses, Emax model, simulated by Girard & Mentre 2004."""

from pathlib import Path

import bayes_nlmem as bn


def response(dose, E0, Emax, EC50):
    return E0 + Emax * dose / (EC50 + dose)


def model() -> bn.Model:
    """Log-normal E0, Emax, EC50; Emax and EC50 correlated; additive error."""
    return bn.Model(
        structure=bn.Function(response, columns=("dose",)),
        parameters={
            "E0": bn.Parameter(bn.LogNormal(25, cv=1.0), iiv=bn.HalfNormal(1)),
            "Emax": bn.Parameter(bn.LogNormal(100, cv=1.0), iiv=bn.HalfNormal(1)),
            "EC50": bn.Parameter(bn.LogNormal(15, cv=1.0), iiv=bn.HalfNormal(1)),
        },
        correlated=[bn.Correlated("Emax", "EC50", prior=bn.LKJ(1))],
        residuals={"response": bn.Additive(bn.HalfNormal(20))},
        name="PD1",
    )


def data(reference: Path) -> bn.Dataset:
    """100 subjects, three doses each; there is no time, so the records are counted."""
    columns = {"ID": "subject", "TIME": None, "DV": "response"}
    return bn.read(reference / "data" / "PD1.csv", columns=columns, covariates=["dose", "gender"])
