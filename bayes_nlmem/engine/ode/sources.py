"""A key of all sources of the solvers: machine code on disk must not outlive what it was made from."""

from __future__ import annotations

import hashlib
from pathlib import Path

_HERE = Path(__file__).parent
_OWN = (
    "answers", "calls", "compiling", "desk", "elimination", "explicit", "jumps", "kernel", "lead",
    "lead_nodes", "machine", "model_table", "progress", "propagators", "exponential", "schedule",
    "spreading", "steady", "stiff",
    "tableaus", "walk",
)  # fmt: skip
_FILES = [_HERE / f"{name}.py" for name in _OWN]
_FILES += [_HERE.parent / f"{name}.py" for name in ("layout", "parts", "doses", "steady", "trains")]
SOURCE_KEY = hashlib.sha256(b"".join(file.read_bytes() for file in _FILES)).hexdigest()[:16]
