"""A model with its data as a program of Stan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.exchange.dialects import StanWriter
from bayes_nlmem.exchange.stan_checks import check_for_stan
from bayes_nlmem.exchange.stan_priors import declared, log_density
from bayes_nlmem.exchange.stan_records import steps_of
from bayes_nlmem.exchange.stan_structures import Motion, motion_of
from bayes_nlmem.exchange.statements import Names, check_exportable, individual, model_of, numbers_of
from bayes_nlmem.ground.priors import LKJ, Prior
from bayes_nlmem.model.levels import SUBJECT, Level, level_of
from bayes_nlmem.model.quantities import quantities
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.residuals import VARIANCES, Additive, Combined, Proportional
from bayes_nlmem.translation.meeting import observed_records


@dataclass(frozen=True, eq=False)
class StanProgram:
    """A model in the language of Stan, and the data it reads.

    Parameters
    ----------
    text : str
        The program.
    data : mapping
        Numbers and nested lists, for `json.dump`.
    inits : mapping of str to float
        Values of the unknown population parameters, from the fit; empty of a model.

    Examples
    --------
    >>> print(StanProgram("parameters { real x; }", {"n": 3}, {}))
    parameters { real x; }
    """

    text: str
    data: Mapping[str, Any]
    inits: Mapping[str, float]

    def __str__(self) -> str:
        return self.text


def to_stan(learnt: Any, data: Dataset | None = None) -> StanProgram:
    """A Stan program with the same posterior: the same priors, hierarchy, predictions and likelihood.

    Compartments are propagated from event to event by matrix exponentials, equations by `ode_bdf_tol`.
    Random effects are written non-centred. All constants of the densities are kept, so that log densities,
    bridge sampling and LOO can be compared.

    Parameters
    ----------
    learnt : Fit, SaemFit or Model
        Whose model is written; of a fit also the values to start from.
    data : Dataset, optional
        By default those of the fit.

    Returns
    -------
    StanProgram

    Raises
    ------
    ModelError
        What the program could not say exactly; with every reason.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> program = bn.to_stan(study.model, study.data)
    >>> [line for line in program.text.splitlines() if "CL_pop" in line][:2]
    ['  real<lower=0.0> CL_pop;', '      CL[i_] = CL_pop * (WT / 70.0)^CL_WT * exp(eta[i_, 2]);']
    """
    model = model_of(learnt)
    data = data if data is not None else learnt.data
    check_exportable(model, "Stan")
    check_for_stan(model, data)
    values: dict[str, float] = {}
    if not isinstance(learnt, Model):
        found, unknown = numbers_of(learnt, None), _unknown(model)
        values = {name: value for name, value in found.items() if name in unknown}
    return _Program(model, data, motion_of(model.structure, model)).written(values)


def _unknown(model: Model) -> dict[str, Prior]:
    """Unknowns that are parameters of the program by themselves; correlations are parts of matrices."""
    return {
        q.name: q.value
        for q in quantities(model)
        if isinstance(q.value, Prior) and not isinstance(q.value, LKJ)
    }


@dataclass
class _Program:
    model: Model
    data: Dataset
    motion: Motion
    writer: StanWriter = field(default_factory=StanWriter)

    def written(self, inits: Mapping[str, float]) -> StanProgram:
        level = level_of(self.model, SUBJECT)
        observed = observed_records(self.model, self.data)
        numbers = self._numbers(observed)
        unknown = _unknown(self.model)
        known = {q.name: float(q.value) for q in quantities(self.model) if q.known}  # type: ignore[arg-type]
        correlations = {pair for block in level.blocks for pair in _pairs(level, block)}
        blocks = {
            "functions": self.motion.functions,
            "data": self._declared_data(observed, numbers),
            "transformed data": [
                *(f"real {name} = {value!r};" for name, value in known.items() if name not in correlations),
                *(line for block in level.blocks if block.known for line in _known_factor(level, block)),
            ],
            "parameters": [
                *(declared(name, prior) for name, prior in unknown.items()),
                *(
                    f"cholesky_factor_corr[{len(block.names)}] {_factor(level, block)};"
                    for block in level.blocks
                    if not block.known
                ),
                *([f"matrix[n_subjects, {len(level.names)}] z;"] if level.names else []),
            ],
            "transformed parameters": [
                *_effects(level),
                *self._individuals(level),
                *self._predictions(observed),
            ],
            "model": [*self._priors(level, unknown), *self._likelihood(observed)],
            "generated quantities": _correlations(level),
        }
        text = "".join(
            f"{name} {{\n{''.join(f'  {line}{chr(10)}' for line in lines)}}}\n"
            for name, lines in blocks.items()
            if lines
        )
        return StanProgram(text, numbers, dict(inits))

    # --- data --------------------------------------------------------------------------------------------

    def _covariates(self) -> list[str]:
        from bayes_nlmem.statistics.covariate_names import members

        effects = [key for p in self.model.parameters.values() for key in p.covariates]
        return list(dict.fromkeys(name for key in effects for name in members(key)))

    def _numbers(self, observed: Mapping[str, np.ndarray]) -> dict[str, Any]:
        table = self.data.table.reset_index(drop=True)
        first = table.groupby("SUBJECT", sort=True).head(1).index.to_numpy()
        found: dict[str, Any] = {"n_subjects": len(self.data.subjects)}
        for name in self._covariates():
            found[f"of_{name}"] = np.asarray(self.data.covariate(name), float)[first].tolist()
        place: dict[int, int] = {}
        if self.motion.moves:
            noted = np.sort(np.concatenate(list(observed.values())))
            steps = steps_of(self.data, self.model.structure, noted)
            found |= steps.as_data()
            place = {record: k for k, record in enumerate(steps.records, 1)}
        for output, rows in observed.items():
            own = table.iloc[rows]
            found |= {
                f"n_{output}": len(rows),
                f"subject_{output}": (own["SUBJECT"].to_numpy(int) + 1).tolist(),
                f"time_{output}": own["TIME"].to_numpy(float).tolist(),
                f"dv_{output}": own["DV"].to_numpy(float).tolist(),
                f"censored_{output}": own["CENS"].to_numpy(int).tolist(),
            }
            if self.motion.moves:
                found[f"record_{output}"] = [place[int(row)] for row in rows]
        return found

    def _declared_data(self, observed: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> list[str]:
        lines = ["int<lower=1> n_subjects;"]
        lines += [f"vector[n_subjects] of_{name};" for name in self._covariates()]
        if self.motion.moves:
            n = len(self.model.structure.compartments)
            whole = ("subject", "start", "into", "record")
            lines += ["int<lower=1> n_steps;", "int<lower=1> n_records;"]
            lines += [f"array[n_steps] int step_{name};" for name in whole]
            lines += [f"vector[n_steps] step_{name};" for name in ("time", "dt", "amount")]
            lines.append(f"matrix[n_steps, {n}] step_rate;")
        for output in observed:
            lines.append(f"int<lower=0> n_{output};")
            integers = ["subject", "censored", *(["record"] if self.motion.moves else [])]
            lines += [f"array[n_{output}] int {name}_{output};" for name in integers]
            lines += [f"vector[n_{output}] {name}_{output};" for name in ("time", "dv")]
        return lines

    # --- hierarchy and predictions -----------------------------------------------------------------------

    def _individuals(self, level: Level) -> list[str]:
        columns = {name: [f"eta[i_, {k}]"] for k, name in enumerate(level.names, 1)}
        names = Names(lambda name, known: name, columns)
        lines = [f"vector[n_subjects] {name};" for name in self.model.parameters]
        lines.append("for (i_ in 1:n_subjects) {")
        lines += [f"  real {name} = of_{name}[i_];" for name in self._covariates()]
        lines += [
            f"  {name}[i_] = {individual(name, parameter, names, self.writer)};"
            for name, parameter in self.model.parameters.items()
        ]
        return [*lines, "}"]

    def _predictions(self, observed: Mapping[str, np.ndarray]) -> list[str]:
        structure = self.model.structure
        lines = [f"vector[n_{output}] {output};" for output in observed]
        local = [f"real own_{name} = {name}[i_];" for name in self.model.parameters]
        lines.append("{")
        if self.motion.moves:
            n = len(structure.compartments)
            lines += [
                f"  matrix[n_records, {n}] amounts_ = rep_matrix(0.0, n_records, {n});",
                "  {",
                f"  vector[{n}] x_ = rep_vector(0.0, {n});",
                "  for (s_ in 1:n_steps) {",
                "    int i_ = step_subject[s_];",
                *(f"    {line}" for line in local),
                *(f"    {line}" for line in self.motion.parameters),
                "    if (step_start[s_] == 1) {",
                *(f"      {line}" for line in self.motion.initial),
                "    }",
                "    if (step_dt[s_] > 0) {",
                f"      x_ = {self.motion.advance};",
                "    }",
                "    if (step_amount[s_] > 0) {",
                *(f"      {line}" for line in self.motion.dose),
                "    }",
                "    if (step_record[s_] > 0) {",
                "      amounts_[step_record[s_]] = x_';",
                "    }",
                "  }",
                "  }",
            ]
        for output in observed:
            lines.append(f"  for (k_ in 1:n_{output}) {{")
            lines += [f"    int i_ = subject_{output}[k_];", *(f"    {line}" for line in local)]
            if self.motion.moves:
                lines.append(f"    vector[{n}] x_ = amounts_[record_{output}[k_]]';")
            lines.append(f"    real t_ = time_{output}[k_];")
            lines.append(f"    {output}[k_] = {self.motion.outputs[output]};")
            lines.append("  }")
        return [*lines, "}"]

    # --- densities ---------------------------------------------------------------------------------------

    def _priors(self, level: Level, unknown: Mapping[str, Prior]) -> list[str]:
        lines = [f"target += {log_density(name, prior)};" for name, prior in unknown.items()]
        for block in level.blocks:
            if isinstance(block.prior, LKJ):
                shape = repr(float(block.prior.eta))
                lines.append(f"target += lkj_corr_cholesky_lpdf({_factor(level, block)} | {shape});")
        if level.names:
            lines.append("target += std_normal_lpdf(to_vector(z));")
        return lines

    def _likelihood(self, observed: Mapping[str, np.ndarray]) -> list[str]:
        lines = []
        for output in observed:
            sd = _deviation(output, self.model.residuals[output])
            y, f = f"dv_{output}[k_]", f"{output}[k_]"
            lines += [
                f"for (k_ in 1:n_{output}) {{",
                f"  real sd_ = {sd};",
                f"  if (censored_{output}[k_] == 1) {{",
                f"    target += normal_lcdf({y} | {f}, sd_);",
                f"  }} else if (censored_{output}[k_] == -1) {{",
                f"    target += normal_lccdf({y} | {f}, sd_);",
                "  } else {",
                f"    target += normal_lpdf({y} | {f}, sd_);",
                "  }",
                "}",
            ]
        return lines


def _factor(level: Level, block: Any) -> str:
    return f"L_{'_'.join(level.members(block))}"


def _pairs(level: Level, block: Any) -> list[str]:
    names = level.members(block)
    return [level.correlation(a, b) for k, a in enumerate(names) for b in names[k + 1 :]]


def _known_factor(level: Level, block: Any) -> list[str]:
    order = [block.names.index(name) for name in level.members(block)]
    matrix = np.asarray(block.correlation_matrix, float)[np.ix_(order, order)]
    rows = ", ".join(f"[{', '.join(map(repr, row))}]" for row in np.linalg.cholesky(matrix).tolist())
    n = len(order)
    return [f"matrix[{n}, {n}] {_factor(level, block)} = [{rows}];"]


def _effects(level: Level) -> list[str]:
    """The random effects: columns of standard normals, correlated and scaled."""
    if not level.names:
        return []
    lines = [f"matrix[n_subjects, {len(level.names)}] eta;"]
    blocked = {name for block in level.blocks for name in block.names}
    for k, name in enumerate(level.names, 1):
        if name not in blocked:
            lines.append(f"eta[, {k}] = {level.deviation(name)} * z[, {k}];")
    for block in level.blocks:
        names = level.members(block)
        at = "{" + ", ".join(str(level.names.index(name) + 1) for name in names) + "}"
        sds = ", ".join(level.deviation(name) for name in names)
        scaled = f"diag_pre_multiply([{sds}]', {_factor(level, block)})"
        lines.append(f"eta[, {at}] = z[, {at}] * {scaled}';")
    return lines


def _correlations(level: Level) -> list[str]:
    lines = []
    for block in level.blocks:
        if not block.known:
            names = level.members(block)
            for i, one in enumerate(names, 1):
                for j, other in enumerate(names[i:], i + 1):
                    factor = _factor(level, block)
                    name = level.correlation(one, other)
                    lines.append(f"real {name} = dot_product({factor}[{i}], {factor}[{j}]);")
    return lines


def _deviation(output: str, error: Any) -> str:
    add, prop, f = f"sigma_{output}_add", f"sigma_{output}_prop", f"{output}[k_]"
    match error:
        case Additive():
            return add
        case Proportional():
            return f"{prop} * abs({f})"
        case Combined(add=how) if how == VARIANCES:
            return f"sqrt(square({add}) + square({prop} * {f}))"
        case Combined():
            return f"{add} + {prop} * abs({f})"
    raise AssertionError(error)
