"""Covariates: search, selection, effects on exposure."""
