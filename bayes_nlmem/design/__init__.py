"""Optimal design: what a planned study will teach, and when to sample."""
