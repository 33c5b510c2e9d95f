"""The table by which the kernels know a model: its sizes, the solver, and the addresses of its functions."""

from __future__ import annotations

# Sensitivities stand in blocks of this many columns.
LANES = 4
# Doublings of the unit of time of a linear system that are kept.
MOST_LEVELS = 32
# Terms of the Taylor series of a linear lead: |A| t is at most 1, and 1/18! is 2e-16.
LEAD_ORDER = 18

FUNCTIONS = (
    "prepare", "rates", "sensitivities", "jacobian", "output", "output_slopes", "initial", "initial_slopes",
    "second", "time_slopes", "prepare_input", "input_rate", "input_slopes", "input_bends", "growth",
    "explicit", "stiff", "series", "matrix", "bounds", "product", "apply", "lead_matrix", "lead_places",
    "lead_next", "lead_stages",
)  # fmt: skip

# AUTONOMOUS: nothing depends on the time itself. LINEAR: constant coefficients between events. N_RATES: input
# rates; N_KEPT: expressions of parameters that they keep. N_WORK: doubles that a step needs. N_LEAD:
# compartments of the linear lead (see `leading`). CHOSEN: the solver that was chosen by timing, -1 before.
(
    N, N_PARAMETERS, PAD, N_HOISTED, N_SECOND, N_OUTPUTS, AUTONOMOUS, LINEAR, N_RATES, N_KEPT, N_WORK,
    N_LEAD, CHOSEN, FIRST_FUNCTION,
) = range(14)  # fmt: skip
TABLE_SIZE = FIRST_FUNCTION + len(FUNCTIONS)
