"""Stochastic approximation EM: simulate the effects, average what they say, update the population."""
