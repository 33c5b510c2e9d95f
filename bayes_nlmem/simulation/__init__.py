"""Predictions for given parameters."""
