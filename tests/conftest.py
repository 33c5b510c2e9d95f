"""Fixtures that every test may ask for."""

import os
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))  # so that tests may import one another
REFERENCE = Path(os.environ.get("BAYES_NLMEM_REFERENCE", REPOSITORY.parent / "shared" / "reference"))


# Tests that solve equations run in one process, so that the solver is compiled once.
EQUATIONS = (
    "tests/data/test_interpolation.py",
    "tests/engine/ode/",
    "tests/engine/test_second_derivatives.py",
    "tests/learning/test_solver_notes.py",
    "tests/structures/",
    "tests/zoo/test_contract.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """The tests of a file run in one process (`--dist loadfile`), and those of equations in one."""
    from xdist.scheduler import LoadFileScheduling

    class ByCompiler(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "equations" if file.startswith(EQUATIONS) else file

    return ByCompiler(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source checkout."""
    return REPOSITORY


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--agreements FILE`: keep what the tests compared with reference values."""
    parser.addoption("--agreements", metavar="FILE", help="merge comparisons with reference values into FILE")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the comparisons, also those of other workers."""
    from tests.agreement import write

    if path := config.getoption("--agreements"):
        reports = [report for found in terminalreporter.stats.values() for report in found]
        terminalreporter.write_line(f"{write(path, reports)} comparisons with reference values in {path}")


@pytest.fixture
def agree(request: pytest.FixtureRequest):
    """Compare with a reference value: `agree("-2LL", ours, theirs, source="exact", within=0.01)`."""
    from tests.agreement import recorder

    return recorder(request)


@pytest.fixture
def shared_reference(request: pytest.FixtureRequest) -> Path:
    """The folder of reference values that are too large, or not free enough, to be kept in the repository."""
    if not REFERENCE.is_dir():
        pytest.skip(f"{request.node.name}: no reference values at {REFERENCE} (set BAYES_NLMEM_REFERENCE)")
    return REFERENCE


@pytest.fixture
def published(shared_reference: Path):
    """Takes a study of the zoo with its published data, which are not shipped."""
    import bayes_nlmem as bn

    files = {"pd1": "PD1.csv"}
    return lambda name: bn.zoo.load(name, data=shared_reference / "data" / files.get(name, f"{name}.csv"))


@pytest.fixture(scope="session")
def small_fit(tmp_path_factory: pytest.TempPathFactory):
    """A short run on the theophylline study, made once for all workers: right in form, not to be trusted."""
    from filelock import FileLock

    import bayes_nlmem as bn

    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    path = shared / "small_fit"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            study = bn.zoo.load("theophylline")
            bn.fit(study.model, study.data, draws=100, tune=300, chains=2, seed=1, progress=False).save(path)
    return bn.load(path)
