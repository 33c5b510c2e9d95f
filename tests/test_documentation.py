"""Every public name is documented, and every example in a docstring runs."""

import ast
import dataclasses
import doctest
import importlib
import inspect
from pathlib import Path

import pytest

import bayes_nlmem

PACKAGE = Path(bayes_nlmem.__file__).parent
MODULES = sorted(
    ".".join(("bayes_nlmem", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    for file in PACKAGE.rglob("*.py")
    if file.name != "__main__.py" and "models" not in file.parts
)
PUBLIC = sorted(name for name, module in bayes_nlmem._EXPORTS.items() if name != module)


OPTIONAL = ("blackjax", "jax", "numpyro")


# Modules whose examples sample, or compile graphs of their own: make test-all runs them.
LONG = (
    "checks.covariate_ratios",
    "checks.identification",
    "checks.loss_of_spread",
    "checks.weighted",
    "criteria.averaging",
    "criteria.comparison",
    "criteria.evidence",
    "criteria.leave_one_out",
    "design.allocation",
    "design.one_more",
    "design.optimum",
    "design.precision",
    "dosing.averaging",
    "dosing.choice",
    "dosing.forecasts",
    "dosing.individual",
    "exchange.nonmem",
    "exchange.nonmem_text",
    "learning.nuts",
    "learning.resuming",
    "learning.results",
    "learning.stochastic.estimation",
    "marginal.information",
    "marginal.linearised",
    "plots.bedside",
    "plots.comparison",
    "plots.forecasting",
    "plots.one_patient",
    "plots.sampling_times",
)
RUN = [
    pytest.param(name, marks=pytest.mark.slow) if name.removeprefix("bayes_nlmem.") in LONG else name
    for name in MODULES
]


def imported(name: str):
    """The module; skips the test where it needs an extra that is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] in OPTIONAL:
            pytest.skip(f"{name} needs {error.name}, which is not installed")
        raise


def own_parameters(thing: object) -> list[str]:
    if dataclasses.is_dataclass(thing):
        names = [field.name for field in dataclasses.fields(thing) if field.init]
    elif inspect.isfunction(thing):
        names = [*inspect.signature(thing).parameters]
    else:
        names = []
    return [name for name in names if not name.startswith("_")]


def takes_a_fit(source: str) -> bool:
    """Whether an example uses `fit`, which stands for a fit of the theophylline study in all of them."""
    return any(isinstance(node, ast.Name) and node.id == "fit" for node in ast.walk(ast.parse(source)))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_documented(name):
    thing = getattr(bayes_nlmem, name)
    text = inspect.getdoc(thing) or ""
    first = text.split("\n\n")[0]
    assert first.rstrip().endswith((".", ":")), f"{name}: begin with one sentence, got {first!r}"
    missing = [parameter for parameter in own_parameters(thing) if parameter not in text]
    assert not missing, f"{name}: the docstring does not mention {missing}"


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_shows_an_example(name):
    thing = getattr(bayes_nlmem, name)
    if inspect.isclass(thing) and issubclass(thing, Exception):
        pytest.skip("an error is shown by what raises it")
    if inspect.isclass(thing) and getattr(thing, "_is_protocol", False):
        pytest.skip("a protocol is shown by what meets it")
    assert ">>> " in (inspect.getdoc(thing) or ""), f"{name}: the docstring has no example"


@pytest.mark.parametrize("name", RUN)
def test_every_example_runs(name, request):
    module = imported(name)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    report: list[str] = []
    for example in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        if any(takes_a_fit(line.source) for line in example.examples):
            example.globs["fit"] = request.getfixturevalue("small_fit")
        runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is(name):
    first = (inspect.getdoc(imported(name)) or "").split("\n\n")[0]
    assert first.rstrip().endswith((".", ":")), f"{name}: begin with one sentence, got {first!r}"
