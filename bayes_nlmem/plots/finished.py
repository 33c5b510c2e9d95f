"""What a picture is drawn from: something computed before, or computed now with the options given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bayes_nlmem.ground.messages import ModelError, explain


def finished_or_made(
    given: Any, kinds: Any, make: Callable[..., Any], options: Mapping[str, Any], *, what: str
) -> Any:
    """What was given if it is finished, else what `make` computes from it.

    Parameters
    ----------
    given : object
        Something finished, or what was learnt.
    kinds : type or union of types
        Of what is finished.
    make : callable
        Computes it from what was learnt, with the options.
    options : mapping of str to object
        They would change nothing of what is finished, and are refused beside it.
    what : str
        Words for it in the message.

    Raises
    ------
    ModelError
        Options beside something finished.
    """
    if not isinstance(given, kinds):
        return make(given, **options)
    if options:
        raise ModelError(explain(expected=f"no options beside {what}", got=", ".join(options)))
    return given
