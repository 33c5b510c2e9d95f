"""Parts end up in what can be called, and only that is made ready to run."""

import numpy as np
import pytest
from numba import njit, types
from numpy.testing import assert_array_equal

from bayes_nlmem.engine.parts import everything_a_part, part


@part
def _twice(x):
    return 2.0 * x


def libraries(function):
    return [result.library for result in function.overloads.values()]


def test_a_part_runs_inside_its_caller_only():
    @njit
    def caller(x):
        return _twice(x) + 1.0

    assert caller(3.0) == 7.0
    assert all(not library._ready for library in libraries(_twice))


def test_the_outermost_function_is_ready_and_its_parts_are_not():
    inner = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(lambda x: np.exp(x).cumsum())
    outer = njit(lambda x: inner(x)[::-1] * 2.0)
    with everything_a_part():
        outer.compile((types.float64[::1],))
    assert [library._ready for library in libraries(outer)] == [True]
    assert [library._ready for library in libraries(inner)] == [False]
    x = np.array([0.1, 0.5, -2.0])
    assert_array_equal(outer(x), np.exp(x).cumsum()[::-1] * 2.0)


def test_an_error_inside_a_part_reaches_python():
    def refuse(x):
        if x < 0.0:
            raise ValueError("expected x >= 0")
        return x

    inner = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(refuse)
    outer = njit(lambda x: inner(x) + 1.0)
    with everything_a_part():
        outer.compile((types.float64,))
    assert outer(1.0) == 2.0
    with pytest.raises(ValueError, match="x >= 0"):
        outer(-1.0)


def test_a_part_can_be_used_by_code_compiled_later():
    inner = njit(lambda x: x * 3.0)
    first = njit(lambda x: inner(x) + 1.0)
    with everything_a_part():
        first.compile((types.float64,))
    second = njit(lambda x: inner(x) - 1.0)
    assert (first(2.0), second(2.0), inner(2.0)) == (7.0, 5.0, 6.0)


def test_outside_the_block_numba_is_as_it_was():
    with everything_a_part():
        pass
    function = njit(lambda x: x + 1.0)
    assert function(1.0) == 2.0
    assert all(not hasattr(library, "_ready") for library in libraries(function))
