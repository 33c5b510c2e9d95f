"""Structures: what the drug does in the body, as frozen records the engine can solve."""
