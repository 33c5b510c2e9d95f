"""A compiled log-density as a model that nutpie samples."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.marginal.compiled import Compiled

_POINT = "unconstrained"


def nutpie() -> Any:
    """The package nutpie, without the plotting libraries that it would import and never use.

    It imports ArviZ as a whole for two functions of arviz_base; matplotlib and plotly come along with it,
    at several times the price of a small run. While nutpie is imported, a module with these two functions
    stands in for ArviZ; everybody else gets ArviZ itself.
    """
    if "nutpie" not in sys.modules and "arviz" not in sys.modules:
        import arviz_base

        stand_in = ModuleType("arviz")
        vars(stand_in).update(
            from_dict=arviz_base.from_dict,
            dict_to_dataset=arviz_base.dict_to_dataset,
            __getattr__=_of_arviz,
        )
        sys.modules["arviz"] = stand_in
        try:
            import nutpie
        finally:
            del sys.modules["arviz"]
    import nutpie

    return nutpie


def _of_arviz(name: str) -> Any:
    """What else nutpie may ask ArviZ for."""
    if name.startswith("__"):  # the import machinery's own questions
        raise AttributeError(name)
    import arviz

    return getattr(arviz, name)


def for_nutpie(density: Compiled, start: Callable[[int], np.ndarray]) -> Any:
    """The compiled log-density as a model that nutpie samples, called by address.

    Draws come back as one variable `unconstrained`; see `named`.

    Parameters
    ----------
    density : Compiled
        From `compile_density`.
    start : callable
        Starting point of a chain from its seed.
    """
    nutpie()
    from nutpie.compile_pymc import CompiledPyMCModel

    from bayes_nlmem.learning import callback
    from bayes_nlmem.marginal.by_address import address_of

    size = density.flat.size
    floats, ints = density.data.float_values, density.data.int_values
    user = np.array(
        [address_of(density.jitted), floats.ctypes.data, floats.size, ints.ctypes.data, ints.size],
        dtype=np.int64,
    )
    return CompiledPyMCModel(
        dims={_POINT: ("unconstrained_parameter",)},
        _n_dim=size,
        _coords={"unconstrained_parameter": pd.Index(density.flat.elements)},
        _shapes={_POINT: (size,)},
        compiled_logp_func=callback.log_density,
        compiled_expand_func=callback.unconstrained,
        initial_point_func=start,
        shared_data={"floats": floats, "ints": ints},
        shared_var_keys={},
        user_data=user,
        n_expanded=size,
        shape_info=([_POINT], [slice(0, size)], [(size,)]),
        logp_func=density.jitted,
        expand_func=None,
        reparameterized_names=[],
    )
