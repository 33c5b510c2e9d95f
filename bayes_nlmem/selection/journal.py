"""What a search has already computed, one line per submodel, so that it goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bayes_nlmem.ground.messages import FitError, explain
from bayes_nlmem.selection.submodels import Submodel


@dataclass(frozen=True)
class Journal:
    """A file of JSON lines: first what it belongs to, then one submodel per line.

    Parameters
    ----------
    path : Path or None
        The file; None keeps nothing.
    key : str
        What identifies the study, the model, the candidates and the settings.
    """

    path: Path | None
    key: str

    def read(self) -> dict[tuple[str, ...], Submodel]:
        """The submodels in the file.

        Raises
        ------
        FitError
            The file belongs to another search.
        """
        if self.path is None or not self.path.exists() or not self.path.stat().st_size:
            return {}
        lines = self._lines()
        head = next(lines, None)
        if head is None or head.get("key") != self.key:
            raise FitError(
                explain(
                    expected=f"the journal of this search in {self.path}",
                    got="that of another model, study, set of candidates, method or seed",
                    remedy="Give another file, or remove this one.",
                )
            )
        found = {}
        for line in lines:
            line["included"] = tuple(line["included"])
            line["theta"], line["effects"] = tuple(line["theta"]), tuple(line["effects"])
            submodel = Submodel(**line)
            found[submodel.included] = submodel
        return found

    def write(self, submodel: Submodel) -> None:
        """Add a submodel at once."""
        if self.path is None:
            return
        new = not self.path.exists() or not self.path.stat().st_size
        with self.path.open("a", encoding="utf-8") as file:
            if new:
                file.write(json.dumps({"key": self.key}) + "\n")
            file.write(json.dumps(asdict(submodel)) + "\n")

    def _lines(self) -> Iterator[dict]:
        assert self.path is not None
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):  # a line cut off by a crash is computed again
                    yield json.loads(line)
