"""Comparisons with values that nobody here wrote: asserted by the tests, and kept for the validation page."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

PROPERTY = "agreement"


@dataclass(frozen=True)
class Agreement:
    """One comparison; of arrays the place of the largest difference is shown."""

    what: str
    source: str
    ours: float
    theirs: float
    difference: float
    within: float
    relative: bool
    values: int
    test: str

    @property
    def holds(self) -> bool:
        """Whether the largest difference lies within the tolerance."""
        return self.difference <= self.within


def agreement(
    what: str, ours, theirs, *, source: str, within: float, relative: bool = False, test: str = ""
) -> Agreement:
    """Compare numbers or arrays of one shape, absolutely or relative to the reference; two NaNs agree."""
    found, wanted = np.broadcast_arrays(np.asarray(ours, float).ravel(), np.asarray(theirs, float).ravel())
    away = np.abs(found - wanted) / (np.abs(wanted) if relative else 1.0)
    away = np.where(np.isnan(found) & np.isnan(wanted), 0.0, np.where(np.isnan(away), np.inf, away))
    worst = int(np.argmax(away))
    return Agreement(
        what,
        source,
        float(found[worst]),
        float(wanted[worst]),
        float(away[worst]),
        within,
        relative,
        len(found),
        test,
    )


def recorder(request) -> Callable[..., None]:
    """The fixture `agree`: compare, keep the comparison with the test's report, fail if it does not hold."""

    def agree(what: str, ours, theirs, *, source: str, within: float, relative: bool = False) -> None:
        found = agreement(
            what, ours, theirs, source=source, within=within, relative=relative, test=request.node.nodeid
        )
        request.node.user_properties.append((PROPERTY, json.dumps(asdict(found))))
        assert found.holds, found

    return agree


def kept(reports) -> list[dict]:
    """The comparisons of all reports, in the order of their tests."""
    found = [
        json.loads(value)
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == PROPERTY
    ]
    return sorted(found, key=lambda one: (one["test"].split("::")[0], one["what"]))


def write(path: str, reports) -> int:
    """Merge the comparisons of this run into a file; those of tests that did not run stay."""
    target, new = Path(path), kept(reports)
    ran = {one["test"] for one in new}
    old = json.loads(target.read_text()) if target.exists() else []
    both = [one for one in old if one["test"] not in ran] + new
    both.sort(key=lambda one: (one["test"].split("::")[0], one["what"]))
    target.write_text(json.dumps(both, indent=1, ensure_ascii=False) + "\n")
    return len(new)
