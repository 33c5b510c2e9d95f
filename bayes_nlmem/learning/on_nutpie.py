"""A compiled log-density as a model that nutpie samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.marginal.compiled import Compiled

_POINT = "unconstrained"


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
        logp_func=density.function,
        expand_func=None,
        reparameterized_names=[],
    )
