"""Ready-made studies with their models: `list()` names them, `load(name)` returns one."""

from bayes_nlmem.zoo.shelf import Study, list, load

__all__ = ["Study", "list", "load"]
