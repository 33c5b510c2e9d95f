"""Fitting, and what was learnt."""
