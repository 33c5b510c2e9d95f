"""Code on disk is loaded without what numba needs to compile, which is set up when something is compiled."""

import subprocess
import sys

FRESH = """
from numba.core.cpu import CPUContext
set_up, register = [], CPUContext.load_additional_registries
CPUContext.load_additional_registries = lambda context: (set_up.append(True), register(context))
from bayes_nlmem.engine.kernel import kernel
assert kernel(1).cache_hits == 1 and not set_up
import numpy as np
from numba import njit
compiled = njit(lambda x: np.linalg.norm(x) + x.sum())
assert compiled(np.array([3.0, 4.0])) == 12.0 and set_up
"""


def test_code_on_disk_is_loaded_by_itself_and_compiling_works_after():
    from bayes_nlmem.engine.kernel import kernel

    kernel(1)  # now it is on disk
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
