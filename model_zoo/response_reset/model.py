"""An indirect response in two periods, each from its own baseline.

Sixteen simulated volunteers take a low and a high oral dose in two periods; the second begins with a reset
(EVID 4): amounts are taken out and the response starts from its baseline, which differs between the periods.
"""

from pathlib import Path

import bayes_nlmem as bn

data = bn.read(Path(__file__).with_name("response_reset.csv"), units={"TIME": "h", "AMT": "mg"})

response = bn.structures.indirect_response("inhibits production")
structure = bn.OneCompartment(absorption="first-order").drives(response)

model = bn.Model(
    structure=structure,
    parameters={
        "CL": bn.Parameter(bn.LogNormal(3.0, cv=0.5), iiv=bn.HalfNormal(0.5), unit="L/h", label="clearance"),
        "V": bn.Parameter(bn.LogNormal(30.0, cv=0.5), iiv=bn.HalfNormal(0.5), unit="L", label="volume"),
        "KA": bn.Parameter(bn.LogNormal(1.0, cv=0.5), unit="1/h", label="absorption rate constant"),
        "KIN": bn.Parameter(
            bn.LogNormal(5.0, cv=0.5),
            iiv=bn.HalfNormal(0.3),
            iov=bn.HalfNormal(0.3),
            unit="1/h",
            label="production of the response",
        ),
        "KOUT": bn.Parameter(bn.LogNormal(0.25, cv=0.5), unit="1/h", label="loss of the response"),
        "IMAX": bn.Parameter(1.0, label="largest inhibition"),
        "IC50": bn.Parameter(
            bn.LogNormal(0.6, cv=0.7),
            iiv=bn.HalfNormal(0.5),
            unit="mg/L",
            label="half-inhibiting concentration",
        ),
    },
    residuals={"cp": bn.Proportional(bn.HalfNormal(0.3)), "A_response": bn.Additive(bn.HalfNormal(2.0))},
    endpoints={"cp": 1, "A_response": 2},
    name="indirect response, two periods",
)

citation = (
    "Simulated (simulate.py) with model I of Dayneka, Garg & Jusko, J Pharmacokinet Biopharm 1993, "
    "21:457-478, doi:10.1007/BF01061691."
)

# The values that were simulated.
reference = {
    "CL_pop": 3.0,
    "V_pop": 30.0,
    "KA_pop": 1.0,
    "KIN_pop": 5.0,
    "KOUT_pop": 0.25,
    "IC50_pop": 0.6,
    "omega_CL": 0.25,
    "omega_V": 0.2,
    "omega_KIN": 0.15,
    "omega_IC50": 0.3,
    "gamma_KIN": 0.1,
    "sigma_cp_prop": 0.15,
    "sigma_A_response_add": 0.8,
}
