"""Fixtures that every test may ask for."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
REFERENCE = Path(os.environ.get("BAYES_NLMEM_REFERENCE", REPOSITORY.parent / "shared" / "reference"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source checkout."""
    return REPOSITORY


@pytest.fixture
def shared_reference(request: pytest.FixtureRequest) -> Path:
    """The folder of reference values that are too large, or not free enough, to be kept in the repository."""
    if not REFERENCE.is_dir():
        pytest.skip(f"{request.node.name}: no reference values at {REFERENCE} (set BAYES_NLMEM_REFERENCE)")
    return REFERENCE
