"""Ordinary differential equations: traced once, differentiated exactly, solved with forward sensitivities."""
