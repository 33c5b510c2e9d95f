"""Where the studies of the zoo are kept, and how one is taken from there."""

from __future__ import annotations

import importlib.util
import inspect
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import BayesNlmemError, closest, explain
from bayes_nlmem.ground.tables import notebook

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
    simulated : bool
        Whether `data` were simulated, at the values of `reference`; the folder's `simulate.py` made them.
    source : str
        Where the published data are and how the file is made that `load(name, data=...)` reads, for a study
        whose published data may not be shipped; else empty.

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
    simulated: bool = False
    source: str = ""

    def __repr__(self) -> str:
        own = f"Study({self.name!r}: {self.title})\n{self.description}\n{self.citation}"
        return f"{own}\n{self.source}" if self.source else own

    def _repr_html_(self) -> str:
        said = (self.title, self.description, self.citation, self.source)
        words = notebook(*(" ".join(part.split()) for part in said))
        return f"{words}{self.data._repr_html_()}{self.model._repr_html_()}"


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


def load(name: str, *, data: str | Path | None = None) -> Study:
    """Take a study from the zoo: its data, read and checked, and a model for them.

    Parameters
    ----------
    name : str
        One of `bn.zoo.list()`.
    data : str or Path, optional
        File of the published data, for a study that ships simulated ones because the published may not be
        shipped; its `source` says where they are. Nothing is ever fetched.

    Returns
    -------
    Study

    Raises
    ------
    BayesNlmemError
        If there is no such study (the message lists those that exist), if its published data are shipped
        already, or if there is no such file (the message says where the data are).

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
    source = inspect.cleandoc(getattr(module, "source", ""))
    title, _, description = inspect.cleandoc(module.__doc__ or name).partition("\n")
    return Study(
        name=name,
        title=title.rstrip("."),
        description=description.strip(),
        data=_read(module, folder, None if data is None else Path(data), source),
        model=module.model,
        citation=module.citation,
        reference=FrozenMapping(module.reference),
        folder=folder,
        simulated=data is None and (folder / "simulate.py").exists(),
        source=source,
    )


def _read(module: ModuleType, folder: Path, asked: Path | None, source: str) -> Dataset:
    """The study's own data, or the published ones from a file of the user."""
    if asked is None:
        return module.read(folder / f"{folder.name}.csv") if hasattr(module, "read") else module.data
    if not source:
        raise BayesNlmemError(
            explain(
                expected="data only for a study whose published data are not shipped",
                got=f"{str(asked)!r} for {folder.name}",
                remedy=f"Leave `data` out: bn.zoo.load({folder.name!r}).data is what there is.",
            )
        )
    if not asked.is_file():
        raise BayesNlmemError(
            explain(
                expected=f"a file with the published data of {folder.name}",
                got=str(asked),
                remedy=source,
            )
        )
    return module.read(asked)
