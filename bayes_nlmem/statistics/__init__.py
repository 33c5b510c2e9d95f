"""Statistical vocabulary: covariate effects and residual error."""
