"""Ready-made studies with their models: `list()` names them, `load(name)` returns one."""
