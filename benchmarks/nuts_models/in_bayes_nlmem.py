"""The cases as models of bayes_nlmem."""

from __future__ import annotations

import bayes_nlmem as bn
from nuts_models.cases import Case


def model_and_data(case: Case):
    """The model and the study."""
    structure = bn.OneCompartment if len(case.names) == 3 else bn.TwoCompartment
    model = bn.Model(
        structure=structure(absorption="first-order"),
        parameters={
            name: bn.Parameter(bn.LogNormal(float(centre), 0.5), iiv=bn.HalfNormal(0.5))
            for name, centre in zip(case.names, case.centre, strict=True)
        },
        correlated=bn.Correlated(*case.names, prior=bn.LKJ(2.0)),
        residuals={"cp": bn.Combined(bn.HalfNormal(case.additive), bn.HalfNormal(0.3))},
    )
    return model, bn.read(case.table)
