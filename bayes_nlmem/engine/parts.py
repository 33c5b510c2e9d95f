"""How the parts of a kernel are compiled: once, together with the kernel that they end up in.

Numba optimises every function together with all that it calls and makes machine code of it, although
what is called is optimised again inside each of its callers: for a kernel of thirty nested functions most
of the time to compile goes there. A part is only translated; machine code is made of what Python or C can
call, which is optimised once, with all its parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba import njit
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.environment import lookup_environment
from numba.core.registry import cpu_target


class _NotRun:
    """What a function needs at run time is given to what is run, not to its parts."""

    @staticmethod
    def set_env(name: str, environment: Any) -> None:
        pass


class _Later(JITCodeLibrary):
    """Code that is optimised and made ready to run when somebody asks for the address of a function of it."""

    _ready = False

    @property
    def codegen(self) -> Any:
        return self._codegen if self._ready else _NotRun

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        if self._object_caching_enabled and self._compiled_object is not None:  # from disk
            self._ready = True
            super()._finalize_final_module()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        if not self._ready:
            if not any(function.name == name for function in self.get_defined_functions()):
                return 0  # numba's word for a function that cannot be called from outside
            self._make_ready()
        return super().get_pointer_to_function(name)

    def _get_compiled_object(self) -> bytes:
        if not self._ready:
            self._make_ready()
        return super()._get_compiled_object()

    def _make_ready(self) -> None:
        self._ready = True
        super()._optimize_final_module()
        self._final_module.verify()
        super()._finalize_final_module()
        for variable in self._final_module.global_variables:  # as numba does for code from disk
            environment = lookup_environment(variable.name)
            if environment is not None:
                self._codegen.set_env(variable.name, environment)


class _Part(Compiler):
    def __init__(self, typing, target, library, *settings):
        super().__init__(typing, target, library or _Later(target.codegen(), "part"), *settings)


OPTIONS: dict[str, Any] = {
    "error_model": "numpy", "nogil": True, "_nrt": False, "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}  # fmt: skip
_AS_PART: dict[str, Any] = {**OPTIONS, "pipeline_class": _Part}
part = njit(**_AS_PART)
# Laid out where it is called.
inner_part = njit(forceinline=True, **_AS_PART)
# Arrays made from addresses want numba's reference counts.
part_making_arrays = njit(**{**_AS_PART, "_nrt": True})


@contextmanager
def everything_a_part() -> Iterator[None]:
    """All that numba compiles in this block is a part of what can be called from outside."""
    with global_compiler_lock:
        codegen = cpu_target.target_context.codegen()
        before = codegen._library_class
        codegen._library_class = _Later
        try:
            yield
        finally:
            codegen._library_class = before
