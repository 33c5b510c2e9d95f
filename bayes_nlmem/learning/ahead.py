"""The sampler's machine code, made by a second process while this one looks for starting values.

The first fit of a model compiles the functions that find starting values, then those of the sampler. What is
compiled for the sampler depends on nothing that is found before, and numba compiles with one thread; so a
second process does it, and this one finds the code on disk. It is a matter of time only: whatever the
second process has not made, for whatever reason, is compiled here.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.learning.solver_notes import by_equations
from bayes_nlmem.marginal.compiled import Compiled
from bayes_nlmem.model.specification import Model
from bayes_nlmem.translation.graph import Edit

_OTHER = "from bayes_nlmem.learning.ahead import compile_ahead; compile_ahead()"


@dataclass(eq=False)
class Ahead:
    """A second process that compiles, once it is started.

    Parameters
    ----------
    model, data, edit
        Of the fit.
    """

    model: Model
    data: Dataset
    edit: Edit | None
    _process: subprocess.Popen | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin, where the model can be sent to another process."""
        from cloudpickle import dumps

        if self._process is not None or not sys.executable:
            return
        try:
            task = dumps((self.model, self.data, self.edit))
        except Exception:  # noqa: BLE001  (anything may be in an edit or a function of the model's)
            return
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(place for place in sys.path if place)}
        with tempfile.TemporaryFile() as file:
            file.write(task)
            file.seek(0)
            self._process = subprocess.Popen(
                [sys.executable, "-c", _OTHER],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
            )

    def wait(self) -> None:
        """Until the next of the sampler's functions is on disk, or never will be."""
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.readline()

    def stop(self) -> None:
        """End the process, if it has not ended."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()


@contextmanager
def ahead_of(model: Model, data: Dataset, edit: Edit | None, cores: int) -> Iterator[Ahead | None]:
    """The second process of a fit; None where one would not be of use.

    Solvers of equations take longer to compile than the sampler's functions, which cannot be had without.
    """
    if min(cores, os.cpu_count() or 1) < 2 or by_equations(model.structure):
        yield None
        return
    found = Ahead(model, data, edit)
    try:
        yield found
    finally:
        found.stop()


def compile_ahead() -> None:
    """What the second process does: compile, and say so after each function.

    The functions call the kernel of the structure, which the first process compiles: here another address
    has its name, since nothing is run.
    """
    import pickle

    from llvmlite import binding

    from bayes_nlmem.engine.kernel import symbol

    nothing = ctypes.cast(ctypes.pythonapi.Py_IsInitialized, ctypes.c_void_p).value
    for n in (1, 2, 3):
        binding.add_symbol(symbol(n), nothing)
    task: tuple[Any, ...] = pickle.load(sys.stdin.buffer)
    for _ in functions_of_sampler(*task):
        print(flush=True)


def functions_of_sampler(model: Model, data: Dataset, edit: Edit | None) -> Iterator[Compiled]:
    """The log-density in whitened coordinates, then the named quantities, without data on the whitening."""
    from bayes_nlmem.learning.moves import change_of
    from bayes_nlmem.learning.whitening import form_of_whitening
    from bayes_nlmem.marginal.compiled import compile_density, compile_named
    from bayes_nlmem.marginal.conditional import Conditional
    from bayes_nlmem.translation.graph import translate

    translation = translate(model, data, geometry="centred", edit=edit)
    change, _, _ = change_of(translation, form_of_whitening(Conditional(translation)))
    yield compile_density(translation.graph, change)
    yield compile_named(translation.graph, change)
