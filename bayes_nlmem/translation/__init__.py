"""Floor 4: from specification and data to a PyMC graph."""
