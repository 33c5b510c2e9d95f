"""Effects of covariates in the graph of a small study."""

import numpy as np
import pandas as pd
import pytest

import bayes_nlmem as bn


class Clearance:
    """One compartment, three subjects; the clearance, 5 L/h, depends on covariates."""

    def study(self, **columns):
        """One bolus and two observations each; columns have nine values, or three (one per subject)."""
        frame = pd.DataFrame(
            {
                "ID": np.repeat([1, 2, 3], 3),
                "TIME": [0.0, 1.0, 8.0] * 3,
                "AMT": [100.0, None, None] * 3,
                "DV": [None, 4.0, 2.0] * 3,
            }
        )
        for name, values in columns.items():
            frame[name] = values if len(values) == 9 else np.repeat(values, 3)
        return bn.read(frame, covariates=list(columns))

    def model(self, covariates, scale):
        return bn.Model(
            structure=bn.OneCompartment(),
            parameters={
                "CL": bn.Parameter(5.0, covariates=covariates, scale=scale),
                "V": bn.Parameter(bn.LogNormal(20, cv=0.5)),
            },
            residuals={"cp": bn.Proportional(0.1)},
        )

    def values(self, covariates, data, *, scale=None, **unknowns):
        """Clearances in the graph where its unknowns have these values."""
        import pytensor

        graph = bn.build(self.model(covariates, scale or bn.Log()), data)
        inputs = [graph[name] for name in unknowns]
        return pytensor.function(inputs, graph["CL"], mode="FAST_COMPILE")(*unknowns.values())

    def gradient(self, covariates, data):
        """Gradient of the log-density at the initial point."""
        graph = bn.build(self.model(covariates, bn.Log()), data)
        return graph.compile_dlogp(mode="FAST_COMPILE")(graph.initial_point())

    def equation(self, covariates, scale=None, form="text"):
        """The line of the clearance."""
        written = bn.equations(self.model(covariates, scale or bn.Log()), form)
        return next(line.strip() for line in written.splitlines() if "CL_i" in line or "mathrm{CL}" in line)


@pytest.fixture
def clearance():
    return Clearance()
