"""Target-mediated drug disposition: full, and its approximations."""

from __future__ import annotations

from typing import Any

import numpy as np

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.structures.ode import ODE

_FORMS = ("full", "quasi-steady-state", "quasi-equilibrium", "michaelis-menten")


def tmdd(form: str = "full") -> ODE:
    r"""A drug (ligand L) that binds to its target R, in concentrations; doses are amounts (divided by V).

    .. math:: \dot L = -K_{el} L - K_{on} L R + K_{off} C, \quad
        \dot R = K_{syn} - K_{deg} R - K_{on} L R + K_{off} C, \quad
        \dot C = K_{on} L R - (K_{off} + K_{int}) C

    The approximations follow total drug and total target with ``L = ((D - K - T) + sqrt((D - K - T)^2 + 4 K
    D)) / 2`` where D is the total drug, T the total target and K is KSS = (KOFF + KINT) / KON or KD = KOFF /
    KON; the last one keeps only the drug, eliminated with VM and KM.

    Parameters
    ----------
    form : {"full", "quasi-steady-state", "quasi-equilibrium", "michaelis-menten"}
        Parameters KEL, KDEG, KINT, KOFF [1/time], KON [1/(concentration time)], KSYN [concentration/time],
        V [volume], KSS, KD, KM [concentration], VM [concentration/time]. Output `cp`: free drug.

    Raises
    ------
    ModelError
        An unknown `form`; the valid ones are named.

    References
    ----------
    Mager & Jusko 2001, doi:10.1023/A:1014414520282. Gibiansky et al. 2008, doi:10.1007/s10928-008-9102-8.

    Examples
    --------
    >>> tmdd().parameters
    ('KON', 'KOFF', 'KEL', 'KSYN', 'KDEG', 'KINT', 'V')
    """
    if form not in _FORMS:
        raise ModelError(explain(expected=f"form to be one of {', '.join(_FORMS)}", got=repr(form)))
    constant = {"quasi-steady-state": "KSS", "quasi-equilibrium": "KD"}.get(form, "")

    def free(y: Any, p: Any) -> Any:
        excess = y.drug - p[constant] - y.target
        return (excess + np.sqrt(excess**2 + 4 * p[constant] * y.drug)) / 2

    def rates(y: Any, p: Any) -> dict[str, Any]:
        if form == "full":
            binding = p.KON * y.drug * y.target - p.KOFF * y.complex
            return {
                "drug": -p.KEL * y.drug - binding,
                "target": p.KSYN - p.KDEG * y.target - binding,
                "complex": binding - p.KINT * y.complex,
            }
        if form == "michaelis-menten":
            return {"drug": -p.KEL * y.drug - p.VM * y.drug / (p.KM + y.drug)}
        bound = y.drug - free(y, p)
        return {
            "drug": -p.KEL * free(y, p) - p.KINT * bound,
            "target": p.KSYN - p.KDEG * (y.target - bound) - p.KINT * bound,
        }

    simple = form in ("full", "michaelis-menten")
    return ODE(
        rates,
        outputs=lambda y, p: {"cp": y.drug * 1 if simple else free(y, p)},
        initial=None if form == "michaelis-menten" else lambda p: {"target": p.KSYN / p.KDEG},
        inputs=lambda p: {"F_drug": 1 / p.V},
        name="tmdd",
    )
