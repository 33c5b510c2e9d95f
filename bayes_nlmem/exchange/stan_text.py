"""A model with its data as a program of Stan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.exchange.dialects import StanWriter
from bayes_nlmem.exchange.stan_checks import check_for_stan
from bayes_nlmem.exchange.stan_effects import (
    correlations,
    effects,
    factor,
    known_factor,
    pairs,
    size,
    standard,
)
from bayes_nlmem.exchange.stan_priors import declared, log_density
from bayes_nlmem.exchange.stan_records import steps_of
from bayes_nlmem.exchange.stan_structures import Motion, motion_of
from bayes_nlmem.exchange.statements import Names, check_exportable, individual, model_of, numbers_of
from bayes_nlmem.ground.priors import LKJ, Prior
from bayes_nlmem.model.levels import OCCASION, SUBJECT, Level, level_of
from bayes_nlmem.model.quantities import quantities
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.residuals import VARIANCES, Additive, Combined, Proportional
from bayes_nlmem.translation.layout import Layout, lay_out
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
    Parameters have a row for each subject, or for each occasion and each value of covariates that change.
    Random effects of subjects and occasions are written non-centred. All constants of the densities are
    kept, so that log densities, bridge sampling and LOO can be compared.

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
    ['  real<lower=0.0> CL_pop;', '    CL[i_] = CL_pop * (WT / 70.0)^CL_WT * exp(eta[i_, 2]);']
    """
    model = model_of(learnt)
    data = data if data is not None else learnt.data
    check_exportable(model, "Stan")
    check_for_stan(model, data)
    values: dict[str, float] = {}
    if not isinstance(learnt, Model):
        found, unknown = numbers_of(learnt, None), _unknown(model)
        values = {name: value for name, value in found.items() if name in unknown}
    return _Program(model, data, motion_of(model.structure, model), lay_out(model, data)).written(values)


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
    layout: Layout
    writer: StanWriter = field(default_factory=StanWriter)

    def written(self, inits: Mapping[str, float]) -> StanProgram:
        levels = [level_of(self.model, SUBJECT), level_of(self.model, OCCASION)]
        blocks_of = [(level, block) for level in levels for block in level.blocks]
        observed = observed_records(self.model, self.data)
        numbers = self._numbers(observed)
        unknown = _unknown(self.model)
        known = {q.name: float(q.value) for q in quantities(self.model) if q.known}  # type: ignore[arg-type]
        within = {pair for level, block in blocks_of for pair in pairs(level, block)}
        blocks = {
            "functions": self.motion.functions,
            "data": self._declared_data(observed, numbers),
            "transformed data": [
                *(f"real {name} = {value!r};" for name, value in known.items() if name not in within),
                *(line for level, block in blocks_of if block.known for line in known_factor(level, block)),
            ],
            "parameters": [
                *(declared(name, prior) for name, prior in unknown.items()),
                *(
                    f"cholesky_factor_corr[{len(block.names)}] {factor(level, block)};"
                    for level, block in blocks_of
                    if not block.known
                ),
                *(
                    f"matrix[{size(level)}, {len(level.names)}] {standard(level)};"
                    for level in levels
                    if level.names
                ),
            ],
            "transformed parameters": [
                *(line for level in levels for line in effects(level)),
                *self._individuals(levels),
                *self._predictions(observed, numbers),
            ],
            "model": [*self._priors(levels, unknown), *self._likelihood(observed)],
            "generated quantities": [line for level in levels for line in correlations(level)],
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
        rows = self.layout
        found: dict[str, Any] = {"n_subjects": len(self.data.subjects), "n_rows": rows.n_rows}
        found["row_subject"] = (rows.row_subject + 1).tolist()
        if self.model.occasion_effects:
            found["n_occasions"] = len(rows.occasions)
            found["row_occasion"] = (rows.row_occasion + 1).tolist()
        for name in self._covariates():
            own_values = rows.subject_covariates.get(name)
            values = rows.row_covariates[name] if own_values is None else own_values[rows.row_subject]
            found[f"of_{name}"] = np.asarray(values, float).tolist()
        place: dict[int, int] = {}
        if self.motion.moves:
            noted = np.sort(np.concatenate(list(observed.values())))
            steps = steps_of(self.data, self.model.structure, noted, rows)
            found |= steps.as_data()
            if self.motion.lag:
                found["first_step"], found["last_step"] = map(list, zip(*steps.bounds, strict=True))
            place = {record: k for k, record in enumerate(steps.records, 1)}
        for output, seen in observed.items():
            own = table.iloc[seen]
            found |= {
                f"n_{output}": len(seen),
                f"row_{output}": (rows.record_row_at[seen] + 1).tolist(),
                f"time_{output}": own["TIME"].to_numpy(float).tolist(),
                f"dv_{output}": own["DV"].to_numpy(float).tolist(),
                f"censored_{output}": own["CENS"].to_numpy(int).tolist(),
            }
            if self.motion.moves:
                found[f"record_{output}"] = [place[int(record)] for record in seen]
        return found

    def _declared_data(self, observed: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> list[str]:
        lines = ["int<lower=1> n_subjects;", "int<lower=1> n_rows;", "array[n_rows] int row_subject;"]
        if self.model.occasion_effects:
            lines += ["int<lower=1> n_occasions;", "array[n_rows] int row_occasion;"]
        lines += [f"vector[n_rows] of_{name};" for name in self._covariates()]
        if self.motion.moves:
            n = len(self.model.structure.compartments)
            steady = "step_steady" in numbers
            whole = ("row", "start", "into", "record", *(["steady"] if steady else []))
            real = ("time", "dt", "amount", *(["every", "lasting"] if steady else []))
            lines += ["int<lower=1> n_steps;", "int<lower=1> n_records;"]
            lines += [f"array[n_steps] int step_{name};" for name in whole]
            lines += [f"vector[n_steps] step_{name};" for name in real]
            if self.motion.lag:
                lines += [f"array[n_subjects] int {name}_step;" for name in ("first", "last")]
            lines.append(f"matrix[n_steps, {n}] step_rate;")
        for output in observed:
            lines.append(f"int<lower=0> n_{output};")
            integers = ["row", "censored", *(["record"] if self.motion.moves else [])]
            lines += [f"array[n_{output}] int {name}_{output};" for name in integers]
            lines += [f"vector[n_{output}] {name}_{output};" for name in ("time", "dv")]
        return lines

    # --- hierarchy and predictions -----------------------------------------------------------------------

    def _individuals(self, levels: Sequence[Level]) -> list[str]:
        columns: dict[str, list[str]] = {}
        for level in levels:
            at = f"row_{level.name}[i_]"
            if level.name == SUBJECT and self.layout.rows_are_subjects:
                at = "i_"
            for k, name in enumerate(level.names, 1):
                columns.setdefault(name, []).append(f"{level.effects}[{at}, {k}]")
        names = Names(lambda name, known: name, columns)
        lines = [f"vector[n_rows] {name};" for name in self.model.parameters]
        lines.append("for (i_ in 1:n_rows) {")
        lines += [f"  real {name} = of_{name}[i_];" for name in self._covariates()]
        lines += [
            f"  {name}[i_] = {individual(name, parameter, names, self.writer)};"
            for name, parameter in self.model.parameters.items()
        ]
        return [*lines, "}"]

    def _predictions(self, observed: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> list[str]:
        structure = self.model.structure
        lines = [f"vector[n_{output}] {output};" for output in observed]
        local = [f"real own_{name} = {name}[i_];" for name in self.model.parameters]
        lines.append("{")
        if self.motion.moves:
            n = len(structure.compartments)
            lines += [
                f"  matrix[n_records, {n}] amounts_ = rep_matrix(0.0, n_records, {n});",
                *(
                    [f"  matrix[n_steps, {n}] after_ = rep_matrix(0.0, n_steps, {n});"]
                    if self.motion.lag
                    else []
                ),
                "  {",
                f"  vector[{n}] x_ = rep_vector(0.0, {n});",
                "  for (s_ in 1:n_steps) {",
                "    int i_ = step_row[s_];",
                "    real dt_ = step_dt[s_];",
                *(f"    {line}" for line in local),
                *(f"    {line}" for line in self.motion.parameters),
                "    if (step_start[s_] == 1) {",
                *(f"      {line}" for line in self.motion.initial),
                "    }",
                "    if (dt_ > 0) {",
                f"      x_ = {self.motion.advance};",
                "    }",
                *self._dose("step_steady" in numbers),
                *(["    after_[s_] = x_';"] if self.motion.lag else []),
                "    if (step_record[s_] > 0) {",
                "      amounts_[step_record[s_]] = x_';",
                "    }",
                "  }",
                "  }",
            ]
        for output in observed:
            lines.append(f"  for (k_ in 1:n_{output}) {{")
            lines += [f"    int i_ = row_{output}[k_];", *(f"    {line}" for line in local)]
            if self.motion.lag:
                lines += [f"    {line}" for line in _looking_back(self.motion, output, n)]
            elif self.motion.moves:
                lines.append(f"    vector[{n}] x_ = amounts_[record_{output}[k_]]';")
            lines.append(f"    real t_ = time_{output}[k_];")
            lines.append(f"    {output}[k_] = {self.motion.outputs[output]};")
            lines.append("  }")
        return [*lines, "}"]

    def _dose(self, steady: bool) -> list[str]:
        plain = [
            "    if (step_amount[s_] > 0) {",
            *(f"      {line}" for line in self.motion.dose),
            "    }",
        ]
        if not steady:
            return plain
        return [
            "    if (step_steady[s_] > 0) {",
            *(f"      {line}" for line in self.motion.steady),
            f"    }} else {plain[0].strip()}",
            *plain[1:],
        ]

    # --- densities ---------------------------------------------------------------------------------------

    def _priors(self, levels: Sequence[Level], unknown: Mapping[str, Prior]) -> list[str]:
        lines = [f"target += {log_density(name, prior)};" for name, prior in unknown.items()]
        for level in levels:
            for block in level.blocks:
                if isinstance(block.prior, LKJ):
                    shape = repr(float(block.prior.eta))
                    lines.append(f"target += lkj_corr_cholesky_lpdf({factor(level, block)} | {shape});")
            if level.names:
                lines.append(f"target += std_normal_lpdf(to_vector({standard(level)}));")
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


def _looking_back(motion: Motion, output: str, n: int) -> list[str]:
    """Amounts at an observation where all doses are late alike: those without a lag, that much earlier."""
    return [
        f"real back_ = time_{output}[k_] - {motion.lag};",
        "int last_ = 0;",
        "for (m_ in first_step[i_]:last_step[i_]) {",
        "  if (step_time[m_] <= back_) {",
        "    last_ = m_;",
        "  }",
        "}",
        f"vector[{n}] x_ = rep_vector(0.0, {n});",
        "if (last_ > 0) {",
        "  int s_ = min(last_ + 1, last_step[i_]);",
        "  real dt_ = back_ - step_time[last_];",
        *(f"  {line}" for line in motion.parameters),
        "  x_ = after_[last_]';",
        f"  x_ = {motion.advance};",
        "}",
    ]


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
