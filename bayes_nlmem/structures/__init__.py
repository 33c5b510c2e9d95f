"""Structures: what happens to a drug and what it does, between events."""

from importlib import import_module
from typing import Any

# Public name -> module below this package.
_EXPORTS = {
    "as_equations": "composition",
    "drives": "composition",
    "effect_compartment": "library.effects",
    "indirect_response": "library.effects",
    "michaelis_menten": "library.disposition",
    "minimal_model": "library.disease",
    "myelosuppression": "library.effects",
    "parent_metabolite": "library.disposition",
    "tmdd": "library.binding",
    "transit_absorption": "library.disposition",
    "tumour_growth": "library.disease",
    "viral_dynamics": "library.disease",
}

__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
