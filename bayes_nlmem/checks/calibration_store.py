"""The folder in which the replicates of a calibration are kept, one file each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bayes_nlmem.ground.messages import BayesNlmemError, explain
from bayes_nlmem.learning.record import versions

_SETTINGS = "settings.json"


def opened(folder: Path, settings: Mapping[str, Any]) -> Path:
    """The store, new or of the same calibration.

    Raises
    ------
    BayesNlmemError
        The folder holds another calibration; what differs is named.
    """
    file = folder / _SETTINGS
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write(file, {**settings, "versions": versions()})
        return folder
    before = settings_of(folder)
    if differing := [name for name in settings if before.get(name) != settings[name]]:
        raise BayesNlmemError(
            explain(
                expected=f"a store of the same calibration at {folder}",
                got=f"one that differs in {', '.join(differing)}",
                remedy="Give another folder.",
            )
        )
    return folder


def stored(folder: Path, n: int | None) -> dict[int, dict[str, Any]]:
    """The replicates in a store by number, those below `n` if it is given."""
    found = {}
    for file in sorted(folder.glob("[0-9]*.json")):
        one = json.loads(file.read_text(encoding="utf-8"))
        if n is None or one["replicate"] < n:
            found[one["replicate"]] = one
    return found


def keep(folder: Path, replicate: Mapping[str, Any]) -> None:
    """Write a replicate into the store."""
    _write(folder / f"{replicate['replicate']:05d}.json", replicate)


def settings_of(folder: Path) -> dict[str, Any]:
    """What the calibration in the store was asked for."""
    return json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))


def _write(file: Path, content: Mapping[str, Any]) -> None:
    part = file.with_suffix(".part")
    part.write_text(json.dumps(content) + "\n", encoding="utf-8")
    part.replace(file)
