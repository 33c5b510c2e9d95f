"""Subjects one by one: their densities given the population, their modes, their likelihoods."""
