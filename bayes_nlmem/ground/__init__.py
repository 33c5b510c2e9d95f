"""Ground floor: messages, the frozen mapping, priors and scales."""
