"""How a command ends: exit codes, and faults that are said without a traceback."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperCommand

from bayes_nlmem.cli.said import note
from bayes_nlmem.ground.messages import BayesNlmemError, DataError

OK, FAULT, USAGE, DOUBTFUL, INTERRUPTED = 0, 1, 2, 3, 130
EXIT_CODES = (
    "Exit codes: 0 done; 1 a fault in data, model or settings; 2 wrong use of the command line; "
    "3 done, but not to be trusted yet (not converged); 130 interrupted."
)


class Command(TyperCommand):
    """A command whose faults are told as expected, got, remedy, and end with exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with warnings.catch_warnings():
            setattr(warnings, "showwarning", _noted)  # noqa: B010 (another signature than the one it has)
            try:
                return super().invoke(ctx)
            except (BayesNlmemError, OSError) as error:
                _tell(error, as_json=bool(ctx.params.get("as_json")))
                raise typer.Exit(FAULT) from None
            except KeyboardInterrupt:
                note("interrupted")
                raise typer.Exit(INTERRUPTED) from None


def _noted(message: Any, category: Any, filename: str, lineno: int, *rest: Any) -> None:
    if not issubclass(category, DeprecationWarning | PendingDeprecationWarning):
        note(f"warning: {message}")


def _tell(error: Exception, *, as_json: bool) -> None:
    if not as_json:
        note(str(error), style="red")
        return
    told: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, DataError):
        told["faults"] = [_plain(vars(fault)) for fault in error.faults]
    json.dump({"error": told}, sys.stdout, indent=2)
    sys.stdout.write("\n")


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [str(v) if not isinstance(v, int) else v for v in value] if isinstance(value, tuple) else value
        for name, value in values.items()
    }
