"""A simulated replicate as a data set, to be learnt from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.data.planned import PLANNED
from bayes_nlmem.simulation.simulated import GROUP, Simulation


def replicate_as_data(simulation: Simulation, replicate: int) -> Dataset:
    """The study or design of a simulation with the observations of one replicate.

    Parameters
    ----------
    simulation : Simulation
        With residual error.
    replicate : int
        Which one, from 0.

    Returns
    -------
    Dataset
        DV is the simulated value, CENS says where it is beyond a limit (then DV is the limit); every
        simulated record is an observation (EVID 0, MDV 0).

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> simulation = bn.simulate(study.model, study.data, draws=2, seed=1)
    >>> made = replicate_as_data(simulation, 1)
    >>> made.n_observations, bool((made.table["DV"][1] == simulation.values("cp")[1, 0]).all())
    (132, True)
    """
    table = simulation.data.table.copy()
    dv, cens = table["DV"].to_numpy(float).copy(), table["CENS"].to_numpy(int).copy()
    evid, mdv = table["EVID"].to_numpy(int).copy(), table["MDV"].to_numpy(int).copy()
    limit = table["LIMIT"].to_numpy(float).copy()
    group = simulation.draws[GROUP].to_dataset()
    for output in simulation.outputs:
        at = simulation.records(output)
        dv[at] = simulation.values(output)[replicate]
        code = group[f"{output}_cens"].values.reshape(-1, len(at)) if f"{output}_cens" in group else None
        cens[at] = 0 if code is None else code[replicate]
        limit[at] = np.where(cens[at] == table["CENS"].to_numpy(int)[at], limit[at], np.nan)
        evid[at], mdv[at] = 0, 0
    filled = table.assign(DV=dv, CENS=cens, EVID=evid, MDV=mdv, LIMIT=limit)
    notes = (*(note for note in simulation.data.notes if note != PLANNED), "simulated observations")
    return replace(simulation.data, table=filled, notes=notes)
