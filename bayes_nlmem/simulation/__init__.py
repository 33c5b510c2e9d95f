"""Floor 7: predictions for given parameters."""
