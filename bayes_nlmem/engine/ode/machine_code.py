"""Machine code of a system: compiled in memory, found by the key of its equations.

The kernels get one address: that of a table of integers with the sizes of the system and the addresses of its
functions. Tables and code live as long as the process.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np

from bayes_nlmem.engine.ode.derivatives import differentiate
from bayes_nlmem.engine.ode.program import FUNCTIONS, Program
from bayes_nlmem.engine.ode.trace import System

# The table of a system: sizes, then addresses of the functions in their order.
N, N_PARAMETERS, PAD, N_HOISTED, N_SECOND, N_OUTPUTS, AUTONOMOUS, LINEAR, SOLVER, FIRST_FUNCTION = range(10)
TABLE_SIZE = FIRST_FUNCTION + len(FUNCTIONS)

# What SOLVER may say.
EXPLICIT, STIFF, UNDECIDED = 0, 1, -1


@dataclass(frozen=True, eq=False)
class Code:
    """Assembly of a system with its sizes: plain data that any process can compile.

    Equal if the assembly is.
    """

    assembly: str = field(repr=False)
    sizes: tuple[int, ...]
    key: str

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
        int(derivatives.linear),
    )
    return Code(text, sizes, hashlib.sha256(repr((text, sizes)).encode()).hexdigest()[:20])


_tables: dict[str, tuple[np.ndarray, Any]] = {}
_codes: dict[str, Code] = {}
_lock = Lock()


def remember(code: Code) -> str:
    """Make a code known by its key."""
    _codes.setdefault(code.key, code)
    return code.key


def table_of(key: str) -> np.ndarray:
    """Table of integers of a code that is known; compiled at the first call."""
    with _lock:
        if key not in _tables:
            _tables[key] = _compiled(_codes[key])
        return _tables[key][0]


def address_of(key: str) -> int:
    """Address of the table of a code that is known."""
    return table_of(key).ctypes.data


def _compiled(code: Code) -> tuple[np.ndarray, Any]:
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
    table = np.empty(TABLE_SIZE, np.int64)
    table[: len(code.sizes)] = code.sizes
    table[SOLVER] = UNDECIDED
    table[FIRST_FUNCTION:] = [engine.get_function_address(name) for name in FUNCTIONS]
    return table, (engine, machine, module)
