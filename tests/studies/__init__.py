"""Published studies without dosing as models and data: `model(...)` and `data(reference)` in every module.

The parametrisation is that of the reference values (`exact_ml`, `saemix`, `nlme` in the reference folder);
the priors are weak, so that posterior means may be held against maximum likelihood.
"""
