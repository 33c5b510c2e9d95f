"""The key of a covariate effect: the name of a covariate, or a tuple of names for an interaction."""

from __future__ import annotations

from collections.abc import Callable

CovariateKey = str | tuple[str, ...]


def members(key: CovariateKey) -> tuple[str, ...]:
    """Names of the covariates.

    Examples
    --------
    >>> members("WT"), members(("WT", "AGE"))
    (('WT',), ('WT', 'AGE'))
    """
    return key if isinstance(key, tuple) else (key,)


def spoken(key: CovariateKey) -> str:
    """The key in words.

    Examples
    --------
    >>> spoken("WT"), spoken(("WT", "AGE"))
    ('WT', 'WT × AGE')
    """
    return " × ".join(members(key))


def each[T](key: CovariateKey, of: Callable[[str], T]) -> T | tuple[T, ...]:
    """Something for the covariate, or a tuple of it for the covariates of an interaction.

    Examples
    --------
    >>> each("WT", len), each(("WT", "AGE"), len)
    (2, (2, 3))
    """
    return tuple(map(of, key)) if isinstance(key, tuple) else of(key)
