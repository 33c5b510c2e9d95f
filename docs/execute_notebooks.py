"""Execute the notebooks: `python docs/execute_notebooks.py [NAME...]`; `make notebooks` does all of them.

The executed copies go to build/notebooks, from where the documentation site takes outputs and figures; the
notebooks themselves stay as they are, without outputs.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "notebooks"
EXECUTED = ROOT / "build" / "notebooks"

# Warnings are errors, as in the tests. The two that are let through are those of pyproject.toml.
STRICT = """
import warnings
warnings.filterwarnings("error", category=UserWarning)
warnings.filterwarnings("error", category=RuntimeWarning)
warnings.filterwarnings("error", category=FutureWarning)
warnings.filterwarnings("error", category=DeprecationWarning, module="__main__")
warnings.filterwarnings("ignore", message="PyTensor could not link to a BLAS installation")
warnings.filterwarnings("ignore", message="np.dot.. is faster on contiguous arrays")
"""


def execute(notebook: Path, *, folder: Path, limit: int = 1800) -> nbformat.NotebookNode:
    """Run a notebook in an empty folder, warnings as errors; returns it with its outputs."""
    made = nbformat.read(notebook, as_version=4)
    made.cells.insert(0, nbformat.v4.new_code_cell(STRICT))
    try:
        NotebookClient(made, timeout=limit, resources={"metadata": {"path": str(folder)}}).execute()
    finally:
        del made.cells[0]
    return made


def main(names: Sequence[str]) -> int:
    """Execute the notebooks named, all by default; the number of those that failed."""
    EXECUTED.mkdir(parents=True, exist_ok=True)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    failed = 0
    for notebook in sorted(SOURCE.glob("*.ipynb")):
        if names and not any(notebook.stem.startswith(name) for name in names):
            continue
        begin = time.perf_counter()
        try:
            made = execute(notebook, folder=EXECUTED)
        except CellExecutionError as error:
            failed += 1
            print(f"{notebook.stem}: {error}", file=sys.stderr)
            continue
        nbformat.write(made, EXECUTED / notebook.name)
        print(f"{notebook.stem}: {time.perf_counter() - begin:.0f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
