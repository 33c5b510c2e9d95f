"""Imports go down only, there are no circles, and `import bayes_nlmem` loads nothing heavy."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

FLOORS = {
    "ground": 0,
    "engine": 1,
    "structures": 2,
    "statistics": 2,
    "data": 2,
    "model": 3,
    "translation": 4,
    "marginal": 5,
    "learning": 6,
    "simulation": 7,
    "checks": 8,
    "criteria": 8,
    "design": 8,
    "dosing": 8,
    "exchange": 8,
    "selection": 8,
    "plots": 9,
    "reports": 10,
    "zoo": 11,
    "cli": 12,
    "__main__": 13,
}
LIGHT_FOLDERS = ("ground", "statistics", "data", "model")
HEAVY = ("pymc", "pytensor", "numba", "arviz", "matplotlib", "nutpie", "scipy.stats")

PACKAGE = Path(__file__).resolve().parents[1] / "bayes_nlmem"
FILES = sorted(PACKAGE.rglob("*.py"))


def module_name(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def folder(module: str) -> str:
    """`ground` of `bayes_nlmem.ground.priors`; empty for the package itself."""
    return (module.split(".") + [""])[1]


def imports(file: Path, *, at_import_time: bool) -> Iterator[tuple[int, str]]:
    """(line, absolute module) of each import; `at_import_time` leaves out those inside functions."""
    package = file.relative_to(PACKAGE.parent).parts[:-1]

    def walk(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            typing_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            if at_import_time and (inside or typing_only):
                continue
            yield child
            yield from walk(child)

    for node in walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield node.lineno, source
            for alias in node.names:
                if (PACKAGE.parent / Path(*source.split("."), alias.name)).with_suffix(".py").exists():
                    yield node.lineno, f"{source}.{alias.name}"


def test_every_folder_has_a_floor():
    folders = {file.relative_to(PACKAGE).parts[0] for file in FILES if file.parent != PACKAGE}
    assert folders <= set(FLOORS), f"give these folders a floor: {sorted(folders - set(FLOORS))}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_down_only(file):
    here = folder(module_name(file))
    for line, module in imports(file, at_import_time=False):
        there = folder(module) if module.split(".")[0] == "bayes_nlmem" else here
        if there and there != here:
            assert here, f"{file.name}:{line}: the package itself imports nothing eagerly, got {module}"
            assert FLOORS[there] < FLOORS[here], (
                f"{file.relative_to(PACKAGE)}:{line} imports {module}: {here} (floor {FLOORS[here]}) "
                f"may only import floors below it, {there} is on {FLOORS[there]}"
            )


def test_modules_do_not_import_each_other_in_circles():
    known = {module_name(file) for file in FILES}
    graph = {
        module_name(file): {name for _, name in imports(file, at_import_time=True) if name in known}
        - {module_name(file)}
        for file in FILES
    }
    # A package's __init__ gathers its modules; a module that imports a sibling by its full name is no circle.
    graph = {name: needs - {name.rpartition(".")[0]} for name, needs in graph.items()}
    tuple(TopologicalSorter(graph).static_order())  # raises CycleError and names the circle


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_loads_nothing_heavy():
    loaded = modules_after("import bayes_nlmem")
    assert not loaded & {*HEAVY, "numpy", "pandas", "xarray"}
    assert {name for name in loaded if name.startswith("bayes_nlmem.")} == set()


@pytest.mark.parametrize("name", LIGHT_FOLDERS)
def test_what_is_below_the_translation_knows_no_sampler(name):
    modules = [module_name(file) for file in FILES if folder(module_name(file)) == name]
    if not modules:
        pytest.skip(f"bayes_nlmem.{name} does not exist yet")
    loaded = modules_after("import " + ", ".join(modules))
    assert not loaded & set(HEAVY)


def test_every_export_resolves():
    import bayes_nlmem

    assert [name for name in bayes_nlmem.__all__ if getattr(bayes_nlmem, name, None) is None] == []
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = bayes_nlmem.nonsense


def test_no_module_bears_the_name_of_a_public_function():
    import bayes_nlmem

    modules = {path.stem for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    exported = {name for name, module in bayes_nlmem._EXPORTS.items() if name != module}
    assert not modules & exported
