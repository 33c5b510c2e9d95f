"""Where a subject's random effects stand in the flat vector of all effects."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bayes_nlmem.translation.layout import Layout

SUBJECTS = ("eta", "eta_by_class")
EFFECTS = (*SUBJECTS, "kappa")


def slot_table(shapes: Mapping[str, tuple[int, ...]], layout: Layout) -> np.ndarray:
    """Position of every effect of every subject in the flat vector.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Shape of every variable of the effects that there is, rows in the order of subjects or occasions.
    layout : Layout
        Subjects and their occasions.

    Returns
    -------
    ndarray of int, shape (n_subjects, n_slots)
        -1 where a subject has fewer occasions than others.
    """
    n = len(layout.subjects)
    columns, offset = [], 0
    for shape in (shapes[name] for name in SUBJECTS if name in shapes):
        offset = int(np.prod(shape))
        columns.append(np.arange(offset).reshape(shape))
    if "kappa" in shapes:
        width = shapes["kappa"][1]
        most = np.bincount(layout.occasion_subject, minlength=n).max()
        block = np.full((n, most * width), -1)
        rank = np.zeros(n, dtype=int)
        for k, subject in enumerate(layout.occasion_subject):
            at = rank[subject] * width
            block[subject, at : at + width] = offset + k * width + np.arange(width)
            rank[subject] += 1
        columns.append(block)
    return np.concatenate(columns, axis=1) if columns else np.zeros((n, 0), dtype=int)


def gathered(flat: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """A flat vector of effects as a table (n_subjects, n_slots), zero in absent slots."""
    return np.where(slots >= 0, flat[np.maximum(slots, 0)], 0.0)


def scattered(tables: np.ndarray, slots: np.ndarray, n_effects: int) -> np.ndarray:
    """Tables (..., n_subjects, n_slots) as flat vectors (..., n_effects): the inverse of `gathered`."""
    flat = np.zeros((*tables.shape[:-2], n_effects))
    present = slots >= 0
    flat[..., slots[present]] = tables[..., present]
    return flat
