"""One run of one sampler on one case, in a process of its own; prints what it measured as JSON."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from nuts_models.cases import case

warnings.filterwarnings("ignore")


def ess(groups: dict[str, np.ndarray]) -> dict[str, float]:
    """Bulk ESS of every population parameter; arrays (chain, draw, ...)."""
    import arviz_stats.base as base

    found = {}
    for name, values in groups.items():
        flat = values.reshape(*values.shape[:2], -1)
        for k in range(flat.shape[2]):
            found[f"{name}[{k}]"] = float(base.array_stats.ess(flat[:, :, k], chain_axis=0, draw_axis=1))
    return found


def below(correlations: np.ndarray) -> np.ndarray:
    """The entries below the diagonal."""
    i, j = np.tril_indices(correlations.shape[-1], -1)
    return correlations[..., i, j]


class Counting:
    """nutpie.sample that adds up its CPU time and the gradients of warm-up and sampling."""

    def __init__(self, sample) -> None:
        self.sample = sample
        self.cpu, self.gradients, self.divergences = 0.0, 0, 0

    def __call__(self, *arguments, **options):
        """Sample."""
        began = time.process_time()
        found = self.sample(*arguments, **{**options, "save_warmup": True})
        self.cpu += time.process_time() - began
        stats, warm = (found[g].to_dataset() for g in ("sample_stats", "warmup_sample_stats"))
        self.gradients += int(stats["n_steps"].sum() + warm["n_steps"].sum())
        self.divergences = int(stats["diverging"].sum())  # of the last part
        return found


def by_bayes_nlmem(name: str, settings: dict) -> dict:
    """`fit` in the coordinates that it chooses."""
    import bayes_nlmem as bn
    from bayes_nlmem.learning.on_nutpie import nutpie
    from nuts_models.in_bayes_nlmem import model_and_data

    counting = nutpie().sample = Counting(nutpie().sample)
    model, data = model_and_data(case(name))
    fit = bn.fit(model, data, **settings, progress=False)
    posterior = fit.draws["posterior"].to_dataset()
    p = model.parameters
    wanted = [f"{k}_pop" for k in p] + [f"omega_{k}" for k in p] + ["sigma_cp_add", "sigma_cp_prop"]
    wanted += [k for k in posterior if k.startswith("corr_")]
    return {
        "ess": ess({k: posterior[k].values for k in wanted}),
        "cpu": counting.cpu,
        "gradients": counting.gradients,
        "divergences": counting.divergences,
        "means": {k: float(posterior[k].mean()) for k in wanted},
    }


def by_pymc(name: str, settings: dict) -> dict:
    """Plain PyMC, non-centred, sampled by nutpie."""
    import nutpie

    from nuts_models.in_pymc import graph

    model = graph(case(name))
    compiled = nutpie.compile_pymc_model(model)
    counting = Counting(nutpie.sample)
    found = counting(compiled, **settings, progress_bar=False)
    posterior = found["posterior"].to_dataset()
    groups = {k: posterior[k].values for k in ("typical", "chol_stds", "add", "prop")}
    groups["chol_corr"] = below(posterior["chol_corr"].values)
    return {
        "ess": ess(groups),
        "cpu": counting.cpu,
        "gradients": counting.gradients,
        "divergences": counting.divergences,
        "means": {k: np.mean(v, axis=(0, 1)).tolist() for k, v in groups.items()},
    }


def by_stan(name: str, settings: dict) -> dict:
    """Stan through PyStan (its own process for every chain), started at the priors' centres."""
    import stan

    study = case(name)
    table, width = study.table, len(study.names)
    n = int(table.ID.max())
    dose = table.EVID.to_numpy() == 1
    row = np.zeros(len(table), int)
    row[~dose] = 1 + np.arange((~dose).sum())
    step = np.diff(table.TIME.to_numpy(), prepend=0.0)
    first = np.searchsorted(table.ID.to_numpy(), np.arange(1, n + 2))
    step[first[:-1]] = 0.0
    data = {
        "N": n, "K": width, "n_events": len(table), "n_obs": int((~dose).sum()),
        "first": (first + 1).tolist(), "dt": step.tolist(), "amt": table.AMT.tolist(), "row": row.tolist(),
        "y": table.DV[~dose].tolist(), "centre": np.log(study.centre).tolist(), "add_scale": study.additive,
    }  # fmt: skip
    source = Path(__file__).with_name("in_stan.stan").read_text()
    built = stan.build(source, data=data, random_seed=settings["seed"])
    rng = np.random.default_rng(settings["seed"])
    starts = [
        {
            "typical": np.log(study.centre).tolist(), "omega": [0.3] * width, "L": np.eye(width).tolist(),
            "z": rng.normal(0, 0.3, (width, n)).tolist(), "add": study.additive / 3, "prop": 0.2,
        }
        for _ in range(settings["chains"])
    ]  # fmt: skip
    began = _cpu()
    fit = built.sample(
        num_chains=settings["chains"], num_samples=settings["draws"], num_warmup=settings["tune"],
        init=starts, delta=settings["target_accept"], save_warmup=True,
    )  # fmt: skip
    cpu = _cpu() - began
    kept = slice(settings["tune"], None)

    def chains_first(values):
        """(..., draw x chain) as PyStan gives them -> (chain, draw, ...)."""
        shaped = np.asarray(values)
        shaped = shaped.reshape(*shaped.shape[:-1], -1, settings["chains"])
        return np.moveaxis(np.moveaxis(shaped, -1, 0), -1, 1)[:, kept]

    groups = {k: chains_first(fit[k]) for k in ("typical", "omega", "add", "prop")}
    groups["R"] = below(chains_first(fit["R"]))
    return {
        "ess": ess(groups),
        "cpu": cpu,
        "gradients": int(np.sum(fit["n_leapfrog__"])),
        "divergences": int(np.sum(chains_first(fit["divergent__"]))),
        "means": {k: np.mean(v, axis=(0, 1)).tolist() for k, v in groups.items()},
    }


def _cpu() -> float:
    """CPU seconds of this process and of its children, those that still wait for work too (Linux)."""
    ended = sum(resource.getrusage(who).ru_utime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    ticks = 0
    for child in multiprocessing.active_children():
        ticks += int(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[11])
    return ended + ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """`runs.py sampler case settings-as-JSON`."""
    sampler, name, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    found = {"bayes_nlmem": by_bayes_nlmem, "PyMC": by_pymc, "Stan": by_stan}[sampler](name, settings)
    found["total_cpu"] = time.process_time()
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("RESULT" + json.dumps(found))


if __name__ == "__main__":
    main()
