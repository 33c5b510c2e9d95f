"""How a command ends: exit codes, and faults that are said without a traceback."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from bayes_nlmem.cli.options import as_options
from bayes_nlmem.cli.said import note
from bayes_nlmem.ground.messages import BayesNlmemError, DataError

USAGE_ERROR: Any = typer.BadParameter.__base__  # of click, or of Typer's own copy of it
OK, FAULT, USAGE, DOUBTFUL, INTERRUPTED = 0, 1, 2, 3, 130
EXIT_CODES = (
    "Exit codes: 0 done; 1 a fault in data, model or settings; 2 wrong use of the command line; "
    "3 done, but not to be trusted yet (not converged); 130 interrupted."
)


class _FlagsWithoutType:
    """Switches are shown by their name alone: they take no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All options and arguments."""
        found: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for one in found:
            if getattr(one, "is_flag", False) and one.metavar is None:
                one.metavar = ""
        return found


class Group(_FlagsWithoutType, TyperGroup):
    """Several commands."""


class Command(_FlagsWithoutType, TyperCommand):
    """A command whose faults are told as expected, got, remedy, and end with exit code 1."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        """Read the words; with --json wrong use is told as JSON, too."""
        as_json = "--json" in args
        try:
            return super().make_context(info_name, args, *rest, **extra)
        except USAGE_ERROR as error:
            if not as_json:
                raise
            _as_json("UsageError", error.format_message())
            raise typer.Exit(USAGE) from None

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with warnings.catch_warnings():
            setattr(warnings, "showwarning", _noted)  # noqa: B010 (another signature than the one it has)
            try:
                return super().invoke(ctx)
            except (BayesNlmemError, OSError) as error:
                _tell(error, as_json=bool(ctx.params.get("as_json")))
                raise typer.Exit(FAULT) from None
            except USAGE_ERROR as error:
                if not ctx.params.get("as_json"):
                    raise
                _as_json("UsageError", error.format_message())
                raise typer.Exit(USAGE) from None
            except KeyboardInterrupt:
                note("interrupted")
                raise typer.Exit(INTERRUPTED) from None


def _noted(message: Any, category: Any, filename: str, lineno: int, *rest: Any) -> None:
    if not issubclass(category, DeprecationWarning | PendingDeprecationWarning):
        note(as_options(f"warning: {message}"))


def _tell(error: Exception, *, as_json: bool) -> None:
    if not as_json:
        note(as_options(str(error)), style="red")
        return
    faults = [_plain(vars(fault)) for fault in error.faults] if isinstance(error, DataError) else None
    _as_json(type(error).__name__, as_options(str(error)), **({} if faults is None else {"faults": faults}))


def _as_json(kind: str, message: str, **more: Any) -> None:
    json.dump({"error": {"kind": kind, "message": message, **more}}, sys.stdout, indent=2)
    sys.stdout.write("\n")


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [str(v) if not isinstance(v, int) else v for v in value]
        if isinstance(value, tuple)
        else as_options(value)
        for name, value in values.items()
    }
