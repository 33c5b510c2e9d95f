"""Where the studies of the zoo are kept, and how one is taken from there."""

from __future__ import annotations

import importlib.util
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import BayesNlmemError, closest, explain

if TYPE_CHECKING:
    from bayes_nlmem.data.dataset import Dataset
    from bayes_nlmem.model.specification import Model


@dataclass(frozen=True)
class Study:
    """Data that were published, with a model for them.

    Parameters
    ----------
    name : str
        Name in the zoo.
    title, description : str
        First line and the rest of what the study says about itself.
    data : Dataset
        What was seen.
    model : Model
        What is assumed.
    citation : str
        Where the data come from.
    reference : FrozenMapping
        Graph name -> value found by others or by another method; see the comment in the study's `model.py`.
    folder : pathlib.Path
        Where its files are.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> study.reference["CL_pop"]
    2.754
    """

    name: str
    title: str
    description: str
    data: Dataset
    model: Model
    citation: str
    reference: FrozenMapping[str, float]
    folder: Path

    def __repr__(self) -> str:
        return f"Study({self.name!r}: {self.title})\n{self.description}\n{self.citation}"


def shelf() -> Path:
    """The folder of the studies: inside an installed package, or `model_zoo` of a source checkout.

    Examples
    --------
    >>> (shelf() / "theophylline" / "model.py").exists()
    True
    """
    package = Path(__file__).parent
    installed, checkout = package / "models", package.parents[1] / "model_zoo"
    return installed if installed.is_dir() else checkout


def list() -> tuple[str, ...]:
    """Names of the studies in the zoo.

    Returns
    -------
    tuple of str
        In alphabetical order.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> "theophylline" in bn.zoo.list()
    True
    """
    return tuple(sorted(file.parent.name for file in shelf().glob("*/model.py")))


def load(name: str) -> Study:
    """Take a study from the zoo: its data, read and checked, and a model for them.

    Parameters
    ----------
    name : str
        One of `bn.zoo.list()`.

    Returns
    -------
    Study

    Raises
    ------
    BayesNlmemError
        If there is no such study; the message lists those that exist.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> study.title
    'Theophylline after one oral dose'
    >>> len(study.data.subjects)
    12
    """
    known = list()
    if name not in known:
        expected = f"one of the studies {', '.join(known)}"
        raise BayesNlmemError(explain(expected=expected, got=repr(name), remedy=closest(name, known)))
    folder = shelf() / name
    spec = importlib.util.spec_from_file_location(f"bayes_nlmem_zoo_{name}", folder / "model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    title, _, description = inspect.cleandoc(module.__doc__ or name).partition("\n")
    return Study(
        name=name,
        title=title.rstrip("."),
        description=description.strip(),
        data=module.data,
        model=module.model,
        citation=module.citation,
        reference=FrozenMapping(module.reference),
        folder=folder,
    )
