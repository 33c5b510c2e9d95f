"""Machine code kept on disk, found by the graph it was made from.

PyTensor keeps the machine code of a rewritten graph, but rewrites the graph anew in every process, which
takes far longer than loading the code. Here the graph is looked up as it is before rewriting; only a graph
that was never seen is rewritten and compiled. The data are no part of the graph, so another data set of the
same shape finds the same code.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numba
import pytensor
from numba.core.caching import NullCache
from pytensor.graph.traversal import toposort

from bayes_nlmem.engine.kept_code import keep
from bayes_nlmem.engine.kernel import SOURCE_KEY
from bayes_nlmem.engine.parts import everything_a_part
from bayes_nlmem.marginal.by_address import ARGUMENTS
from bayes_nlmem.marginal.fingerprint import fingerprint

_FORMAT = "2"
_translated: dict[tuple[str, Any], Any] = {}


def machine_code(
    inputs: Sequence[Any], outputs: Sequence[Any], compiled: Callable[[], Any], about: str = ""
) -> Any:
    """The jitted function of (point, floats, ints), from disk or by compiling.

    Parameters
    ----------
    inputs, outputs : sequence of Variable
        The graph before it is rewritten.
    compiled : callable
        Rewrites and compiles it, or what is derived from it: the PyTensor function.
    about : str
        What is derived from the graph.
    """
    with pytensor.config.change_flags(numba__fastmath=False):
        note = _note(inputs, outputs, about) if pytensor.config.numba__cache else None
        if note is not None and note.exists():
            found = _from_disk(note.read_text(), outputs)
            if found is not None:
                return found
        with everything_a_part(), _kept_in_memory():
            jitted = compiled().vm.jit_fn
            jitted.compile((ARGUMENTS,))
        if note is not None:
            _write(note, jitted)
        return jitted


@contextmanager
def _kept_in_memory() -> Iterator[None]:
    """The functions of single operations, of which PyTensor writes hundreds to disk, are kept in memory.

    Another graph with the same operation takes its translation over; on disk is what is called.
    """
    from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS
    from pytensor.link.numba.dispatch import basic

    make = basic.numba_njit

    def kept(*functions: Any, final_function: bool = False, **options: Any) -> Any:
        key = CACHED_SRC_FUNCTIONS.get(functions[0]) if functions and not final_function else None
        if key is None:
            return make(*functions, final_function=final_function, **options)
        made = make(*functions, **{**options, "cache": False})
        made._cache = _Operation(key)
        return made

    basic.numba_njit = kept
    try:
        yield
    finally:
        basic.numba_njit = make


class _Operation(NullCache):
    """The translations of one operation by the types of its arguments, as PyTensor keeps them on disk."""

    def __init__(self, key: str) -> None:
        self._key = key

    def load_overload(self, signature: Any, context: Any) -> Any:
        found = _translated.get((self._key, signature))
        if found is None:
            return None
        # Numba forgets an entry when the function goes that had it, so every function gets its own.
        entry = context.get_executable(found.library, found.fndesc, found.environment)
        return found._replace(entry_point=entry)

    def save_overload(self, signature: Any, found: Any) -> None:
        _translated[self._key, signature] = found._replace(metadata=None)


def _note(inputs: Sequence[Any], outputs: Sequence[Any], about: str = "") -> Path | None:
    """Where it is written under which key PyTensor keeps the code of a graph."""
    from pytensor.link.numba.cache import NUMBA_CACHE_PATH

    versions = [f"{name} {version(name)}" for name in ("pytensor", "pymc", "numba", "numpy")]
    key = fingerprint(inputs, outputs, _FORMAT, about, *versions, SOURCE_KEY)
    return None if key is None else Path(NUMBA_CACHE_PATH) / f"bayes_nlmem_{key}"


def _write(note: Path, jitted: Any) -> None:
    from pytensor.link.numba.cache import CACHED_SRC_FUNCTIONS

    key = CACHED_SRC_FUNCTIONS.get(jitted.py_func)
    if key is None:  # PyTensor does not keep it either
        return
    partial = note.with_name(f"{note.name}.{os.getpid()}")
    partial.write_text(f"{jitted.py_func.__name__} {key}")
    os.replace(partial, note)


def _from_disk(text: str, outputs: Sequence[Any]) -> Any:
    """The function that PyTensor keeps under a key, or None if it is not there any more."""
    from pytensor.link.numba.cache import compile_numba_function_src
    from pytensor.link.numba.dispatch.basic import numba_njit

    name, key = text.split()
    for node in toposort(outputs):
        if hasattr(node.op, "make_callable"):  # its name must be known before code that calls it is loaded
            node.op.make_callable()
    stand_in = compile_numba_function_src(
        f"def {name}(*args): return jitable_func(*args)", name, {"jitable_func": None}, {}, cache_key=key
    )
    jitted = keep(numba_njit(stand_in, final_function=True, cache=True))
    try:
        jitted.compile((ARGUMENTS,))
    except numba.errors.NumbaError:  # compiling the stand-in: nothing is on disk
        return None
    return jitted
