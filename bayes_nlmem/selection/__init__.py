"""Which covariates matter: stepwise search, joint Bayesian selection, and what an effect does to exposure."""
