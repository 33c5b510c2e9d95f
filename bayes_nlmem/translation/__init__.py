"""From specification and data to a PyMC graph."""
