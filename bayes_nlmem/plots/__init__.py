"""Pictures of fits: individual curves, goodness of fit, random effects, priors; in one visual style."""
