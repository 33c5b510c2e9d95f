"""Structures: what happens to a drug and what it does, between events."""

from importlib import import_module
from typing import Any

# Public name -> module below this package.
_EXPORTS = {
    "antibody_pbpk": "library.physiology",
    "as_equations": "composition",
    "direct_response": "library.effects",
    "double_absorption": "library.absorption",
    "drives": "composition",
    "effect_compartment": "library.effects",
    "enterohepatic_recirculation": "library.absorption",
    "extended": "extension",
    "indirect_response": "library.effects",
    "input_rate_absorption": "library.absorption",
    "michaelis_menten": "library.disposition",
    "minimal_model": "library.disease",
    "mixed_absorption": "library.absorption",
    "myelosuppression": "library.effects",
    "parent_metabolite": "library.disposition",
    "tmdd": "library.binding",
    "tolerance": "library.effects",
    "transit_absorption": "library.absorption",
    "tumour_growth": "library.disease",
    "viral_dynamics": "library.disease",
    "whole_body_pbpk": "library.physiology",
    "zero_order_absorption": "library.absorption",
}

__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
