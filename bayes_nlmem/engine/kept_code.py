"""Functions whose machine code is kept on disk, and loaded without what numba sets up to compile.

Before numba loads code from disk it registers everything that it could compile, which takes several times as
long as loading. Code that is there needs only numba's reference counts; whatever is compiled after all
sets up the rest by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core.caching import FunctionCache
from numba.core.ccallback import CFunc
from numba.core.runtime import rtsys
from numba.core.sigutils import normalize_signature


class KeptCode(FunctionCache):
    """Numba's own files on disk, read at once."""

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The compiled function of a signature, None if it is not there."""
        rtsys.initialize(context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(signature, context)


class _KeptFunction(CFunc):
    _pyfunc: Any  # set by numba

    def enable_caching(self) -> None:
        self._cache = KeptCode(self._pyfunc)


def kept_cfunc(signature: Any, **options: Any) -> Callable[[Callable[..., Any]], CFunc]:
    """Decorator: a C function (`numba.cfunc`) that is compiled once per installation."""

    def compiled(function: Callable[..., Any]) -> CFunc:
        settings = {"nopython": True, **options}
        made = _KeptFunction(function, normalize_signature(signature), locals={}, options=settings)
        made.enable_caching()
        made.compile()
        return made

    return compiled


def keep(jitted: Any) -> Any:
    """Let a jitted function be loaded from disk, or written to it; returns the function."""
    jitted._cache = KeptCode(jitted.py_func)
    return jitted
