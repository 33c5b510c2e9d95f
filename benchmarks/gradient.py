"""A log-density with its gradient beside its kernel: `python benchmarks/gradient.py [STUDY ...]`.

Both are called in one loop of machine code, as a sampler calls them, in the whitened coordinates and in
turn: microseconds of CPU (smallest of 15 batches), their ratio (median of 15), and the number of nodes of the
graph. A study is a case of the NUTS benchmark (A, B, C or R) or a name of the zoo with a linear structure.
With `--all` the nodes are listed.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pymc as pm
import pytensor
from numba import njit
from nuts_models.cases import case
from nuts_models.in_bayes_nlmem import model_and_data
from pytensor.graph.traversal import toposort

import bayes_nlmem as bn
from bayes_nlmem.engine.op import LinearWalk
from bayes_nlmem.learning.moves import change_of
from bayes_nlmem.learning.whitening import form_of_whitening
from bayes_nlmem.marginal import compiled, machine_code
from bayes_nlmem.marginal.conditional import Conditional
from bayes_nlmem.translation.graph import translate

_BATCHES, _SECONDS = 15, 0.05


def density_of(name: str) -> tuple[compiled.Compiled, int, tuple[list, list]]:
    """The sampler's density of a study, the nodes of its graph when compiled, and the graph before that."""
    if name in "ABCR":
        model, data = model_and_data(case(name))
    else:
        study = bn.zoo.load(name)
        model, data = study.model, study.data
    translation = translate(model, data, geometry="centred")
    change, _, _ = change_of(translation, form_of_whitening(Conditional(translation)))
    made, compile_as_before = [], pm.pytensorf.compile

    def keep(inputs, outputs, **options):
        made.append((compile_as_before(inputs, outputs, **options), inputs, outputs))
        return made[-1][0]

    compiled.machine_code = lambda inputs, outputs, make, about: make()  # none from disk: its graph is wanted
    pm.pytensorf.compile = keep
    try:
        density = compiled.compile_density(translation.graph, change)
    finally:
        pm.pytensorf.compile, compiled.machine_code = compile_as_before, machine_code.machine_code
    [(function, inputs, outputs)] = made
    jitted = compiled.Compiled(density.flat, density.data, function.vm.jit_fn)
    if "--all" in sys.argv:
        print(*(node.op for node in function.maker.fgraph.toposort()), sep="\n")
    return jitted, len(function.maker.fgraph.apply_nodes), (inputs, outputs)


def kernel_alone(inputs: list, outputs: list, values: tuple[np.ndarray, ...]):
    """The walk's machine code, and the arguments that it has at some values of the inputs."""
    walk = next(node for node in toposort(outputs[:1]) if isinstance(node.op, LinearWalk))
    arguments = pytensor.function(inputs, walk.inputs, mode="FAST_COMPILE", on_unused_input="ignore")(*values)
    own = [x.type() for x in walk.inputs]
    alone = pytensor.function(own, walk.op(*own, return_list=True), mode="NUMBA", trust_input=True)
    return alone.vm.jit_fn, arguments


def batch(call, arguments, times: int) -> float:
    """Microseconds of CPU of one call, of so many."""
    began = time.process_time_ns()
    call(times, *arguments)
    return (time.process_time_ns() - began) / 1e3 / times


def looped(function, n: int):
    """A loop of calls in machine code."""
    names = ", ".join(f"x{k}" for k in range(n))
    source = f"def loop(times, {names}):\n    for _ in range(times):\n        function({names})\n"
    space = {"function": function}
    exec(source, space)
    return njit(space["loop"])


def main() -> None:
    """Measure and print."""
    names = [name for name in sys.argv[1:] if not name.startswith("-")] or ["A", "C", "theophylline"]
    print(f"{'study':<16}{'gradient':>10}{'kernel':>10}{'ratio':>8}{'nodes':>8}")
    for name in names:
        density, nodes, graph = density_of(name)
        point = 0.01 * np.random.default_rng(1).normal(size=density.flat.size)
        whole = (point, density.data.float_values, density.data.int_values)
        kernel, arguments = kernel_alone(*graph, whole)
        calls = [(looped(density.jitted, 3), whole), (looped(kernel, len(arguments)), arguments)]
        for call in calls:
            batch(*call, 1)  # compiles the loop
        times = [max(1, int(1e6 * _SECONDS / batch(*call, 20))) for call in calls]
        costs = np.array(
            [[batch(*call, n) for call, n in zip(calls, times, strict=True)] for _ in range(_BATCHES)]
        )
        least, ratio = costs.min(axis=0), np.median(costs[:, 0] / costs[:, 1])
        print(f"{name:<16}{least[0]:>10.1f}{least[1]:>10.1f}{ratio:>8.2f}{nodes:>8}")


if __name__ == "__main__":
    main()
