"""Structures of the field as equations: each a function that returns an `ODE`, with its source."""
