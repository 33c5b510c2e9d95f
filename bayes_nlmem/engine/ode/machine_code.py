"""Machine code of a system: compiled in memory, found by the key of its equations.

The kernels get one address: that of a table of integers with the sizes of the system and the addresses of its
functions. Tables and code live as long as the process. Compiled callers refer to a model by a symbol, so that
what they are compiled to can be kept on disk.
"""

from __future__ import annotations

import ctypes
import hashlib
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np

from bayes_nlmem.engine.ode.derivatives import differentiate
from bayes_nlmem.engine.ode.model_table import CHOSEN, FIRST_FUNCTION, FUNCTIONS, TABLE_SIZE
from bayes_nlmem.engine.ode.program import Program
from bayes_nlmem.engine.ode.trace import System


@dataclass(frozen=True, eq=False)
class Code:
    """Assembly of a system with its sizes: plain data that any process can compile.

    Equal if the assembly is. lead: compartments of the linear lead (see `leading`).
    """

    assembly: str = field(repr=False)
    sizes: tuple[int, ...]
    key: str
    lead: tuple[int, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Code) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def code_of(system: System) -> Code:
    """Differentiate a system and write its functions."""
    derivatives = differentiate(system)
    program = Program(system, derivatives)
    text = program.assembly()
    sizes = (
        program.n,
        program.n_parameters,
        program.pad,
        program.n_hoisted,
        program.n_second,
        len(system.outputs),
        int(derivatives.autonomous),
        int(derivatives.linear and not system.input_rates),
        len(system.input_rates),
        len(program.kept),
        program.n_work,
        program.n_lead,
    )
    key = hashlib.sha256(repr((text, sizes)).encode()).hexdigest()[:20]
    return Code(text, sizes, key, tuple(sorted(program.lead)))


_engines: dict[str, tuple[int, Any]] = {}
_lock = Lock()


def symbol_of(key: str) -> str:
    """Name under which compiled code finds the function that locates the table of a model."""
    return f"bayes_nlmem_ode_model_{key}"


def address_of(code: Code) -> int:
    """Address of the table of a model; the model is compiled at the first call in a process."""
    with _lock:
        if code.key not in _engines:
            _engines[code.key] = _compiled(code)
        return _engines[code.key][0]


def table_of(code: Code) -> np.ndarray:
    """The table of a model, as the kernels see it."""
    return _table_at(address_of(code))


def _table_at(address: int) -> np.ndarray:
    return np.ctypeslib.as_array((ctypes.c_int64 * TABLE_SIZE).from_address(address))


def _compiled(code: Code) -> tuple[int, Any]:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(code.assembly)
    module.verify()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    locate = engine.get_function_address("locate")
    address = ctypes.CFUNCTYPE(ctypes.c_int64)(locate)()
    table = _table_at(address)
    table[: len(code.sizes)] = code.sizes
    table[CHOSEN] = -1
    table[FIRST_FUNCTION:] = [engine.get_function_address(name) for name in FUNCTIONS]
    llvm.add_symbol(symbol_of(code.key), locate)
    return address, (engine, machine)
