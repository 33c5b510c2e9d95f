"""Questions to a model and what was learnt with it: exposure, diagnosis, calibration."""
