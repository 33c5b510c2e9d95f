"""The benchmark of NUTS: simulated studies, and the same model written for several samplers."""
