"""Wang's ten subjects with two samples each.

A bolus into a volume of 1, observed right after the dose and one time unit later: the example by which the
objective functions of NONMEM are derived by hand. Volume and residual error are known; the elimination rate
constant and its variability are learnt.
"""

from pathlib import Path

import bayes_nlmem as bn

data = bn.read(Path(__file__).with_name("wang2007.csv"))

# The variance 0.1 of the proportional error is the published, fixed one. With so much error the data hardly
# show the variability of k: a half-normal prior lets omega_k go to 0, where the sampler meets divergences.
model = bn.Model(
    structure=bn.OneCompartment(parameterisation="rate constants"),
    parameters={
        "k": bn.Parameter(
            bn.LogNormal(0.5, cv=0.5), iiv=bn.LogNormal(0.2, cv=0.5), label="elimination rate constant"
        ),
        "V": bn.Parameter(1.0, label="volume of distribution"),
    },
    residuals={"cp": bn.Proportional(0.1**0.5)},
    name="Wang 2007",
)

citation = (
    "Data: table 1 of Wang, Derivation of various NONMEM estimation methods, J Pharmacokinet Pharmacodyn "
    "2007, 34:575-593, doi:10.1007/s10928-007-9060-6."
)

# The values at which the paper evaluates the objective functions (all fixed there, not estimated).
reference = {
    "k_pop": 0.5,
    "omega_k": 0.2,
}
