"""The table by which the kernels know a model: its sizes, the solver, and the addresses of its functions."""

from __future__ import annotations

FUNCTIONS = (
    "prepare", "rates", "sensitivities", "jacobian", "output", "output_slopes", "initial", "initial_slopes",
    "second", "apply_second", "time_slopes",
)  # fmt: skip

# CHOSEN: the solver that was chosen by timing, -1 before.
N, N_PARAMETERS, PAD, N_HOISTED, N_SECOND, N_OUTPUTS, AUTONOMOUS, LINEAR, CHOSEN, FIRST_FUNCTION = range(10)
TABLE_SIZE = FIRST_FUNCTION + len(FUNCTIONS)
