"""A mapping that cannot change after it is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


class FrozenMapping[K, V](Mapping[K, V]):
    """A mapping that keeps its order, cannot be changed, and is hashable if its values are.

    Two frozen mappings are equal if they hold the same items, in any order.

    Parameters
    ----------
    items : mapping or iterable of pairs, optional
        What it holds.
    **named
        Further items.

    Examples
    --------
    >>> units = FrozenMapping(TIME="h", DV="mg/L")
    >>> units["DV"]
    'mg/L'
    >>> units | {"AMT": "mg"}
    FrozenMapping({'TIME': 'h', 'DV': 'mg/L', 'AMT': 'mg'})
    """

    __slots__ = ("_items",)
    _items: dict[K, V]

    def __init__(self, items: Mapping[K, V] | Iterable[tuple[K, V]] = (), /, **named: Any) -> None:
        object.__setattr__(self, "_items", dict(items, **named))

    def __getitem__(self, key: K) -> V:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __setattr__(self, name: str, value: object) -> None:
        got = f"{name} = {value!r}"
        raise TypeError(f"a FrozenMapping cannot be changed, got {got}. Use `mapping | {{...}}`.")

    def __delattr__(self, name: str) -> None:
        raise TypeError(f"a FrozenMapping cannot be changed, got del {name}. Build a new one.")

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __or__(self, other: Mapping[K, V]) -> FrozenMapping[K, V]:
        if not isinstance(other, Mapping):
            return NotImplemented
        return FrozenMapping({**self._items, **other})

    def __repr__(self) -> str:
        return f"FrozenMapping({self._items!r})"

    def __reduce__(self) -> tuple[type, tuple[dict[K, V]]]:
        return FrozenMapping, (self._items,)
