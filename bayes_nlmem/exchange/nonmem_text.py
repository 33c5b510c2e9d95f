"""A model as a NONMEM control stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bayes_nlmem.data.dataset import Dataset
from bayes_nlmem.exchange.dialects import Writer, equation_lines
from bayes_nlmem.exchange.statements import Names, check_exportable, individual, model_of, numbers_of
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.priors import Prior
from bayes_nlmem.model.levels import OCCASION, SUBJECT, level_of
from bayes_nlmem.model.specification import Model
from bayes_nlmem.statistics.residuals import VARIANCES, Additive, Combined, Proportional

_CLEARANCES = {
    (1, False): ("ADVAN1 TRANS2", {"CL": "CL", "V": "V"}),
    (1, True): ("ADVAN2 TRANS2", {"CL": "CL", "V": "V", "KA": "KA"}),
    (2, False): ("ADVAN3 TRANS4", {"CL": "CL", "V1": "V1", "Q": "Q", "V2": "V2"}),
    (2, True): ("ADVAN4 TRANS4", {"CL": "CL", "V1": "V2", "Q": "Q", "V2": "V3", "KA": "KA"}),
    (3, False): ("ADVAN11 TRANS4", {n: n for n in ("CL", "V1", "Q2", "V2", "Q3", "V3")}),
    (3, True): (
        "ADVAN12 TRANS4",
        {"CL": "CL", "V1": "V2", "Q2": "Q3", "V2": "V3", "Q3": "Q4", "V3": "V4", "KA": "KA"},
    ),
}  # fmt: skip
_CONSTANTS = {
    (1, False): ("ADVAN1 TRANS1", {"k": "K", "V": "VC"}),
    (1, True): ("ADVAN2 TRANS1", {"k": "K", "V": "VC", "KA": "KA"}),
    (2, False): ("ADVAN3 TRANS1", {"k": "K", "k12": "K12", "k21": "K21", "V1": "VC"}),
    (2, True): ("ADVAN4 TRANS1", {"k": "K", "k12": "K23", "k21": "K32", "V1": "VC", "KA": "KA"}),
    (3, False): (
        "ADVAN11 TRANS1",
        {"k": "K", "k12": "K12", "k21": "K21", "k13": "K13", "k31": "K31", "V1": "VC"},
    ),
    (3, True): (
        "ADVAN12 TRANS1",
        {"k": "K", "k12": "K23", "k21": "K32", "k13": "K24", "k31": "K42", "V1": "VC", "KA": "KA"},
    ),
}  # fmt: skip
_COLUMNS = ("ID", "TIME", "EVID", "AMT", "RATE", "II", "ADDL", "SS", "CMT", "DV", "MDV", "DVID", "OCC")
_INPUT_WORDS = {"F": "F", "f": "F", "alag": "ALAG", "ALAG": "ALAG", "lag": "ALAG", "dur": "D", "D": "D",
                "rate": "R", "R": "R"}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Exported:
    """A model in the words of another program, and the data it reads.

    Parameters
    ----------
    text : str
    table : DataFrame
        Write it with ``table.to_csv(file, index=False)``.

    Examples
    --------
    >>> import pandas as pd
    >>> print(Exported("$PROBLEM growth", pd.DataFrame({"ID": [1], "DV": [2.0]})))
    $PROBLEM growth
    """

    text: str
    table: pd.DataFrame

    def __str__(self) -> str:
        return self.text


def to_nonmem(
    learnt: Any,
    data: Dataset | None = None,
    *,
    values: Mapping[str, float] | None = None,
    file: str = "data.csv",
) -> Exported:
    """A NONMEM control stream of a model, with estimates as initial values, and its data.

    Unknown numbers are estimated there too, known ones are FIX. Priors are not written.

    Parameters
    ----------
    learnt : Fit, SaemFit or Model
        What was learnt: the posterior medians or the estimates are the initial values.
    data : Dataset, optional
        By default those of the fit.
    values : mapping, optional
        Of a bare model: name in the graph -> value of every unknown.
    file : str
        Name of the data in $DATA.

    Returns
    -------
    Exported

    Raises
    ------
    ModelError
        NONMEM cannot say the model exactly; with every reason.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> study = bn.zoo.load("theophylline")
    >>> model = study.model
    >>> known = bn.Model(
    ...     structure=model.structure,
    ...     parameters={name: bn.Parameter(2.0, iiv=0.3) for name in ("KA", "CL", "V")},
    ...     residuals={"cp": bn.Additive(0.7)},
    ... )
    >>> print(bn.to_nonmem(known, study.data).text.splitlines()[3])
    $SUBROUTINES ADVAN2 TRANS2
    """
    model = model_of(learnt)
    data = data if data is not None else learnt.data
    check_exportable(model, "NONMEM")
    return _Stream(model, data, numbers_of(learnt, values), file).exported()


@dataclass
class _Stream:
    model: Model
    data: Dataset
    numbers: Mapping[str, float]
    file: str
    thetas: dict[str, tuple[float, bool]] = field(default_factory=dict)
    sigmas: list[tuple[float, bool]] = field(default_factory=list)

    def exported(self) -> Exported:
        table = self._table()
        omegas, effects, occasions, levels = self._effects()
        writer = Writer(fortran=True)
        names = Names(self._theta, effects)
        subroutine, model_record, renamed, inputs, des, outputs = self._structure(table)
        lines = [*occasions]
        written = {}
        for name, parameter in self.model.parameters.items():
            own = renamed.get(name, name)
            right = individual(name, parameter, names, writer)
            lines += writer.lines
            writer = Writer(fortran=True, prefix=f"CASE{len(lines)}X")
            lines.append(f"{own} = {right}")
            written[own] = right
        _check_names([*written, *self.data.covariates])
        error = self._error(outputs, effects)
        parts = [f"$PROBLEM {self.model.name or 'exported from bayes_nlmem'}"]
        parts += [f"$INPUT {' '.join(table.columns)}", f"$DATA {self.file} IGNORE=@"]
        if subroutine:
            parts += [
                f"$SUBROUTINES {subroutine}",
                *model_record,
                "$PK",
                *lines,
                *inputs,
                *des,
                "$ERROR",
                *error,
            ]
        else:
            parts += ["$PRED", *lines, *error]
        for name, (value, known) in self.thetas.items():
            parts.append(f"$THETA {value!r}{' FIX' if known else ''} ; {name}")
        parts += omegas
        parts += [f"$SIGMA {value!r}{' FIX' if known else ''}" for value, known in self.sigmas]
        parts += levels
        parts.append("$ESTIMATION METHOD=1 INTERACTION MAXEVAL=9999")
        return Exported("\n".join(map(_folded, parts)) + "\n", table)

    # --- numbers -----------------------------------------------------------------------------------------

    def _theta(self, name: str, known: bool) -> str:
        self.thetas.setdefault(name, (self.numbers[name], known))
        return f"THETA({list(self.thetas).index(name) + 1})"

    def _effects(self) -> tuple[list[str], dict[str, list[str]], list[str], list[str]]:
        """$OMEGA, the effects of every parameter, the lines of the occasions, $LEVEL."""
        omegas: list[str] = []
        effects: dict[str, list[str]] = {}
        lines: list[str] = []
        levels: dict[str, list[str]] = {}
        count = 0
        subject_number: dict[str, int] = {}
        occasions = sorted(set(self.data.table["OCC"]), key=str) if self.model.occasion_effects else []
        for level_name in (SUBJECT, *self.model.groups, OCCASION):
            level = level_of(self.model, level_name)
            blocked = [block.names for block in level.blocks]
            single = [(n,) for n in level.names if not any(n in block for block in blocked)]
            for block in (*blocked, *single):
                omegas += self._omega(level, block)
                repeats = len(occasions) if level_name == OCCASION else 1
                omegas += [f"$OMEGA BLOCK({len(block)}) SAME"] * (repeats - 1)
                for k, name in enumerate(block):
                    at = [count + k + 1 + r * len(block) for r in range(repeats)]
                    if level_name == OCCASION:
                        own = f"IOV{name}"
                        lines.append(f"{own} = 0")
                        lines += [
                            f"IF (OCC.EQ.{label}) {own} = ETA({n})"
                            for label, n in zip(occasions, at, strict=True)
                        ]
                        effects.setdefault(name, []).append(own)
                    else:
                        effects.setdefault(name, []).append(f"ETA({at[0]})")
                        if level_name == SUBJECT:
                            subject_number[name] = at[0]
                        else:
                            nested = subject_number.get(name)
                            if nested is None:
                                got = f"{name} with an effect of {level_name} and none of the subject"
                                raise ModelError(explain(expected="$LEVEL above a subject's effect", got=got,
                                                         remedy="Give it iiv."))  # fmt: skip
                            levels.setdefault(level_name, []).append(f"{at[0]}[{nested}]")
                count += len(block) * repeats
        record = (
            [f"$LEVEL {' '.join(f'{n}=({",".join(each)})' for n, each in levels.items())}"] if levels else []
        )
        return omegas, effects, lines, record

    def _omega(self, level: Any, block: tuple[str, ...]) -> list[str]:
        sd = [self.numbers[level.deviation(name)] for name in block]
        known = (
            all(not isinstance(level.values[name], Prior) for name in block)
            if hasattr(level, "values")
            else False
        )
        if len(block) == 1:
            return [f"$OMEGA BLOCK(1) {sd[0] ** 2!r}{' FIX' if known else ''} ; {level.deviation(block[0])}"]
        rows = []
        for i, one in enumerate(block):
            cells = [
                self.numbers[level.correlation(block[j], one)] * sd[i] * sd[j] if j != i else sd[i] ** 2
                for j in range(i + 1)
            ]
            rows.append(" " + " ".join(map(repr, cells)))
        known = known and all(one.known for one in level.blocks if one.names == block)
        return [f"$OMEGA BLOCK({len(block)}){' FIX' if known else ''}", *rows]

    # --- structure ---------------------------------------------------------------------------------------

    def _structure(self, table: pd.DataFrame) -> Any:
        from bayes_nlmem.structures.compartments import _Compartments
        from bayes_nlmem.structures.function import Function
        from bayes_nlmem.structures.ode import ODE

        structure = self.model.structure
        if isinstance(structure, _Compartments):
            return self._closed(structure, table)
        if isinstance(structure, ODE):
            return self._equations(structure)
        if isinstance(structure, Function):
            writer = Writer(fortran=True, prefix="OUT")
            outputs: dict[str, Any] = {}
            for left, right in equation_lines(str(structure)).items():
                outputs[left] = (writer, right, {"t": "TIME", "time": "TIME"})
            return "", [], {}, [], [], outputs
        got = type(structure).__name__
        remedy = "Write its equations there by hand."
        raise ModelError(explain(expected="compartments, ODE or Function", got=got, remedy=remedy))

    def _closed(self, structure: Any, table: pd.DataFrame) -> Any:
        clearances = structure.parameterisation == "clearances"
        subroutine, renamed = (_CLEARANCES if clearances else _CONSTANTS)[structure.n, structure.depot]
        renamed = dict(renamed)
        central = 2 if structure.depot else 1
        inputs = [f"S{central} = {renamed[structure.volume]}"]
        doses = self.data.is_dose
        used = sorted({int(c) or 1 for c in self.data.table["CMT"][doses]})
        for name in self.model.parameters:
            letter, _, compartment = name.partition("_")
            if name in renamed or letter not in ("F", "ALAG", "D", "R"):
                continue
            if compartment:
                renamed[name] = f"{letter}{structure.compartments.index(compartment) + 1}"
            else:
                renamed[name] = f"{letter}ALL"
                inputs += [f"{letter}{k} = {renamed[name]}" for k in used]
        if structure.absorption == "zero-order":
            infused = doses & (table["RATE"] == 0).to_numpy()
            table.loc[infused, "RATE"] = -2.0
        outputs = {"cp": "F"} | {f"A_{c}": f"A({k})" for k, c in enumerate(structure.compartments, 1)}
        return subroutine, [], renamed, inputs, [], {o: (None, text, {}) for o, text in outputs.items()}

    def _equations(self, structure: Any) -> Any:
        numbers = {c: f"A({k})" for k, c in enumerate(structure.compartments, 1)}
        number_of = {c: k for k, c in enumerate(structure.compartments, 1)}
        flags = {structure.dose: ",DEFDOSE", structure.observe: ",DEFOBS"}
        if structure.dose == structure.observe:
            flags = {structure.dose: ",DEFDOSE,DEFOBS"}
        record = ["$MODEL " + " ".join(f"COMP=(C{k}{flags.get(c, '')})" for c, k in number_of.items())]
        inside, inputs, des = Writer(fortran=True, prefix="DCASE"), [], []
        outputs: dict[str, Any] = {}
        start = Writer(fortran=True, prefix="PCASE")
        for left, right in equation_lines(structure.rates).items():
            word, _, rest = left.partition("(")
            inner = rest.rstrip(") ").strip()
            if left.startswith("d/dt"):
                des.append(f"DADT({number_of[inner]}) = {inside.text(right, {**numbers, 't': 'T'})}")
            elif word.strip() in _INPUT_WORDS and inner in number_of:
                inputs.append(f"{_INPUT_WORDS[word.strip()]}{number_of[inner]} = {start.text(right, {})}")
            elif inner == "0" and word.strip() in number_of:
                inputs.append(f"A_0({number_of[word.strip()]}) = {start.text(right, {})}")
            elif left.isidentifier():
                outputs[left] = (Writer(fortran=True, prefix=f"O{len(outputs) + 1}CASE"), right,
                                 {**numbers, "t": "TIME"})  # fmt: skip
            else:
                got = f"the line {left} = ..."
                raise ModelError(explain(expected="equations that NONMEM can say exactly", got=got,
                                         remedy="Write it there by hand."))  # fmt: skip
        outputs |= {f"A_{c}": (None, text, {}) for c, text in numbers.items()}
        des = ["$DES", *inside.lines, *des]
        return "ADVAN13 TRANS1 TOL=9", record, {}, [*start.lines, *inputs], des, outputs

    # --- errors ------------------------------------------------------------------------------------------

    def _error(self, outputs: Mapping[str, Any], effects: Mapping[str, list[str]]) -> list[str]:
        lines: list[str] = []
        several = bool(self.model.endpoints)
        if not several and len(self.model.residuals) > 1:
            remedy = 'Name them: Model(..., endpoints={"cp": 1, "pca": 2}).'
            raise ModelError(explain(expected="numbers for the endpoints", got="names", remedy=remedy))
        for output, error in self.model.residuals.items():
            writer, expression, names = outputs[output]
            text = expression if writer is None else writer.text(expression, names)
            own = [] if writer is None else list(writer.lines)
            own += [f"IPRED = {text}", *self._sd(output, error, effects)]
            if several:
                label = self.model.endpoints[output]
                column = self.model.endpoints_in
                own = [f"IF ({column}.EQ.{label}) THEN", *(f"  {line}" for line in own), "ENDIF"]
            lines += own
        return lines

    def _sd(self, output: str, error: Any, effects: Mapping[str, list[str]]) -> list[str]:
        base = getattr(error, "residual", error)
        factor = f"*EXP({effects[f'sigma_{output}'][0]})" if getattr(error, "iiv", None) is not None else ""

        def of(suffix: str) -> tuple[float, bool]:
            return self.numbers[f"sigma_{output}_{suffix}"], not isinstance(base.unknowns()[suffix], Prior)

        def eps(suffix: str) -> str:
            value, known = of(suffix)
            self.sigmas.append((value**2, known))
            return f"EPS({len(self.sigmas)})"

        match base:
            case Additive():
                return [f"Y = IPRED + {eps('add')}{factor}"]
            case Proportional():
                return [f"Y = IPRED + IPRED*{eps('prop')}{factor}"]
            case Combined(add=how) if how == VARIANCES:
                return [f"Y = IPRED + {eps('add')}{factor} + IPRED*{eps('prop')}{factor}"]
        add, prop = (self._theta(f"sigma_{output}_{s}", of(s)[1]) for s in ("add", "prop"))
        self.sigmas.append((1.0, True))
        return [f"W = {add} + {prop}*IPRED", f"Y = IPRED + W*EPS({len(self.sigmas)}){factor}"]

    # --- data --------------------------------------------------------------------------------------------

    def _table(self) -> pd.DataFrame:
        table = self.data.table
        if (table["CENS"] != 0).any():
            raise ModelError(explain(expected="observations without censoring", got="CENS in the data",
                                     remedy="Write M3 there by hand, with F_FLAG."))  # fmt: skip
        wanted = [c for c in _COLUMNS if c in table.columns]
        unused = {"DVID": self.model.endpoints_in == "DVID" and bool(self.model.endpoints),
                  "OCC": bool(self.model.occasion_effects)}  # fmt: skip
        found = table[[c for c in wanted if unused.get(c, True)]].copy()
        found["DV"] = found["DV"].fillna(0.0)
        for name in (*self.model.covariates, *self.model.groups):
            values = self.data.covariate(name) if name in self.data.covariates else table[name].to_numpy()
            found[name] = pd.to_numeric(pd.Series(values, index=found.index))
        numbered = found["ID"]
        if not pd.api.types.is_numeric_dtype(numbered):
            found["ID"] = pd.to_numeric(numbered, errors="coerce").fillna(table["SUBJECT"] + 1)
        return found


def _check_names(names: list[str]) -> None:
    upper = [name.upper() for name in names]
    wrong = [name for name in names if len(name) > 20 or not name.replace("_", "").isalnum()]
    wrong += [name for name in names if upper.count(name.upper()) > 1]
    if wrong:
        raise ModelError(
            explain(
                expected="names of at most 20 letters, figures and _, that differ not only in capitals",
                got=", ".join(dict.fromkeys(wrong)),
                remedy="Rename them in the model.",
            )
        )


def _folded(line: str) -> str:
    """Long lines go on after &."""
    if len(line) <= 150 or line.startswith("$"):
        return line
    words, out, current = line.split(" "), [], ""
    for word in words:
        if len(current) + len(word) > 140:
            out.append(current + " &")
            current = " "
        current += (" " if current.strip() else "") + word
    return "\n".join([*out, current])
