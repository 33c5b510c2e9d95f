"""What a command is given: MODEL (a file, or a study of the zoo), DATA, RUN."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayes_nlmem.cli.foreign import is_foreign, translate
from bayes_nlmem.cli.said import note
from bayes_nlmem.ground.messages import BayesNlmemError, FitError, closest, explain

if TYPE_CHECKING:
    from bayes_nlmem.data.dataset import Dataset
    from bayes_nlmem.exchange.imported import Imported
    from bayes_nlmem.model.specification import Model


@dataclass(frozen=True)
class Stated:
    """A model and what was stated beside it.

    Parameters
    ----------
    name : str
        Name of the file without its ending, or of the study.
    model : Model
        What is assumed.
    data : Dataset or None
        The data of the study, or the object `data` of the file.
    design : object or None
        The object `design` of the file.
    imported : Imported or None
        What a control stream or a project was translated into.
    """

    name: str
    model: Model
    data: Dataset | None = None
    design: Any = None
    imported: Imported | None = None


def find_model(given: str, data: str | None = None) -> Stated:
    """The model that a word of the command line names.

    Parameters
    ----------
    given : str
        `file.py` with an object `model`, `file.py:name` for an object of another name, a control stream of
        NONMEM, a project of Monolix, or a study of the zoo.
    data : str, optional
        Of a control stream or project: a file in the place of its own.

    Raises
    ------
    BayesNlmemError
        No such file or study, a file that fails, a file without a model.

    Examples
    --------
    >>> find_model("theophylline").model.random_effects
    ('KA', 'CL', 'V')
    """
    import bayes_nlmem as bn

    if is_foreign(given):
        found = translate(given, data)
        return Stated(Path(given).stem, found.model, found.data, imported=found)
    path, _, wanted = given.partition(":") if ".py:" in given else (given, "", "")
    if Path(path).suffix == ".py" or Path(path).is_file():
        return _from_file(Path(path), wanted or "model")
    if given in bn.zoo.list():
        study = bn.zoo.load(given)
        return Stated(given, study.model, study.data)
    raise BayesNlmemError(
        explain(
            expected="a Python file that defines `model`, a control stream, a project, or a study of the zoo",
            got=repr(given),
            remedy=f"{closest(given, bn.zoo.list())} The studies are listed by: bayes-nlmem zoo list".strip(),
        )
    )


def _from_file(path: Path, wanted: str) -> Stated:
    import bayes_nlmem as bn

    if not path.is_file():
        raise BayesNlmemError(explain(expected="a Python file", got=f"no file {str(path)!r}"))
    found = _run(path)
    model = found.get(wanted)
    if not isinstance(model, bn.Model):
        others = [name for name, value in found.items() if isinstance(value, bn.Model)]
        what = f"{type(model).__name__} {wanted!r}" if wanted in found else f"no {wanted!r}"
        there = f"; models there: {', '.join(others)}" if others else "; no bn.Model at all"
        raise BayesNlmemError(
            explain(
                expected=f"an object `{wanted}` of class bn.Model in {path}",
                got=what + there,
                remedy=f"Write {path}:{others[0]}." if others else "Define model = bn.Model(...) there.",
            )
        )
    data = found.get("data")
    return Stated(path.stem, model, data if isinstance(data, bn.Dataset) else None, found.get("design"))


def _run(path: Path) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location(f"model_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise BayesNlmemError(explain(expected="a Python file", got=repr(str(path))))
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BayesNlmemError as error:
        raise BayesNlmemError(f"{path}, line {_line(error, path)}: {error}") from None
    except Exception as error:
        raise BayesNlmemError(
            explain(
                expected=f"{path} to run",
                got=f"{type(error).__name__} in line {_line(error, path)}: {getattr(error, 'msg', error)}",
                remedy=f"Try it alone: python {path}",
            )
        ) from None
    finally:
        sys.path.remove(folder)
    return vars(module)


def _line(error: Exception, path: Path) -> int:
    if isinstance(error, SyntaxError) and error.lineno:
        return error.lineno
    lines = [
        f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path.resolve()
    ]
    lines += [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path]
    return lines[-1] or 0 if lines else 0


def is_run(given: str) -> bool:
    """Whether a word of the command line is the path of a run, and not a model."""
    path = Path(given)
    return path.exists() and path.suffix != ".py" and not is_foreign(given)


def find_run(path: Path) -> Any:
    """The fit of a run: a folder that `fit` made, or a file written by `fit.save`.

    A run that is not finished is looked at as it is, and said to be so.

    Raises
    ------
    FitError
        Neither, or not one draw yet.
    """
    import bayes_nlmem as bn

    if not path.exists():
        near = closest(path.name, [found.name for found in path.parent.glob("*")])
        raise FitError(
            explain(
                expected="the folder of a run (bayes-nlmem fit makes it) or a saved fit",
                got=f"nothing at {str(path)!r}",
                remedy=near or "Check the path.",
            )
        )
    if not path.is_dir():
        return bn.load(path)
    if (path / "fit.zip").exists():
        return bn.load(path / "fit.zip")
    if not (path / "run.json").exists():
        raise FitError(
            explain(
                expected="the folder of a run (bayes-nlmem fit makes it) or a saved fit",
                got=f"{str(path)!r}, a folder without either",
            )
        )
    found = bn.peek(path)
    sizes = found.draws["posterior"].sizes
    note(f"{path} is not finished: {sizes['draw']} draws of {sizes['chain']} chains so far", style="yellow")
    return found
