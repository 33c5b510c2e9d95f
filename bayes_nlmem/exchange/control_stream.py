"""A NONMEM control stream as Pharmpy reads it: statements, equations, parameters and random effects."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from bayes_nlmem.exchange.prior_records import StreamPriors, priors_of
from bayes_nlmem.ground.messages import ModelError, explain

# Records that say what the model is; the others say what to do with it, or are refused.
MODEL_RECORDS = (
    "PROBLEM", "INPUT", "DATA", "SUBROUTINES", "MODEL", "PK", "PRED", "DES", "ERROR", "THETA", "OMEGA",
    "SIGMA", "ABBREVIATED", "SIZES", "LEVEL",
)  # fmt: skip
TASK_RECORDS = (
    "ESTIMATION", "ESTM", "COVARIANCE", "TABLE", "SIMULATION", "DESIGN", "SCATTERPLOT", "WARNINGS", "MSFI",
    "ETAS", "PHIS", "RCOV", "RCOVI", "CHAIN", "SCATTERGRAM", "OMIT", "FORMAT",
)  # fmt: skip
PRIOR_RECORDS = ("PRIOR", "THETAPV", "THETAP", "THETAI", "OMEGAPD", "OMEGAP", "SIGMAPD", "SIGMAP", "THETAR")
_RECORD = re.compile(r"^[ \t]*\$(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Theta:
    """A number of the control stream: an element of THETA, OMEGA or SIGMA."""

    value: float
    lower: float
    upper: float
    fixed: bool


@dataclass(frozen=True)
class Block:
    """Random effects with one covariance matrix.

    Parameters
    ----------
    names : tuple of str
    numbers : tuple of tuple of str
        Name of the number in each cell of the covariance matrix, "0" for none.
    """

    names: tuple[str, ...]
    numbers: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, eq=False)
class ControlStream:
    """What a control stream says, as symbols of SymPy.

    Parameters
    ----------
    problem : str
    before, after : list of (str, expression)
        Assignments of $PK or $PRED, and of $ERROR (after the equations), in order.
    rates : dict of str to expression or None
        Compartment -> derivative; amounts are the symbols ``@NAME``. None: no compartments.
    initial : dict of str to expression
        Compartment -> amount at the start.
    dose, observe : str
        Compartment of doses and observations without CMT.
    numbers : dict of str to Theta
    etas, epsilons : tuple of Block
    levels : dict of str to str
        Random effect -> column of the data, of $LEVEL.
    columns : tuple of str
        Columns of the data that may be used.
    frame : DataFrame or None
        The data after IGNORE and ACCEPT; without the dropped columns.
    listed : tuple of str
        What the stream says besides the model.
    priors : StreamPriors
        Of $PRIOR NWPRI.
    """

    problem: str
    before: list[tuple[str, Any]]
    after: list[tuple[str, Any]]
    rates: dict[str, Any] | None
    initial: dict[str, Any]
    dose: str
    observe: str
    numbers: dict[str, Theta]
    etas: tuple[Block, ...]
    epsilons: tuple[Block, ...]
    levels: dict[str, str]
    columns: tuple[str, ...]
    frame: pd.DataFrame
    listed: tuple[str, ...]
    priors: StreamPriors = field(default_factory=StreamPriors)


def read_stream(
    path: str | Path, data: str | Path | pd.DataFrame | None = None, estimates: str | Path | None = None
) -> ControlStream:
    """Read a control stream with Pharmpy.

    Parameters
    ----------
    path : path
        The control stream.
    data : path or DataFrame, optional
        Data in the place of those that $DATA names.
    estimates : path, optional
        The .ext file of a run: its final estimates in the place of the initial values.

    Raises
    ------
    ModelError
        Pharmpy is not installed or cannot read the stream, or the stream has a record that changes the model
        and is not understood.
    """
    text = _text(Path(path))
    kinds = [_full_name(name) for name in _RECORD.findall(text)]
    if kinds.count("PROBLEM") > 1:
        remedy = "Keep one problem."
        raise ModelError(explain(expected="one $PROBLEM", got=str(kinds.count("PROBLEM")), remedy=remedy))
    known = (*MODEL_RECORDS, *TASK_RECORDS, *PRIOR_RECORDS)
    if strange := sorted({kind for kind in kinds if kind not in known}):
        raise ModelError(
            explain(
                expected=f"records among {', '.join('$' + kind for kind in MODEL_RECORDS)}",
                got=", ".join("$" + kind for kind in strange),
                remedy="What they say would change the model: write that part of the model by hand.",
            )
        )
    priors = priors_of(piece for piece in _pieces(text) if piece[0] in PRIOR_RECORDS)
    text = _without(text, (*PRIOR_RECORDS, *TASK_RECORDS))
    text, levels = _levels(text)
    text = _repeated(_abbreviated(text))
    with TemporaryDirectory() as folder:
        text = _with_data(text, Path(path), data, Path(folder))
        stream = replace(_translated(_parsed(text), levels, tuple(priors.listed)), priors=priors)
    return stream if estimates is None else _estimated(stream, Path(estimates))


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ModelError(explain(expected="a control stream", got=str(error))) from error
    if not _RECORD.search(text):
        raise ModelError(explain(expected="a control stream with $PROBLEM, $INPUT, ...", got=str(path)))
    return re.sub(r"(?im)^\s*include\s.*$", "", text) + "\n"


def _full_name(written: str) -> str:
    short = written.upper()
    if short in ("EST", "ESTM", "ESTIM"):
        return "ESTIMATION"
    for name in sorted((*MODEL_RECORDS, *TASK_RECORDS, *PRIOR_RECORDS), key=len):
        if name == short or (len(short) >= 3 and name.startswith(short) and short not in PRIOR_RECORDS):
            return name
    return short


def _pieces(text: str) -> list[tuple[str, str]]:
    """Each record with its kind; what stands before the first has the kind ""."""
    starts = [match.start() for match in _RECORD.finditer(text)]
    bounds = [0, *starts, len(text)]
    pieces = [text[a:b] for a, b in zip(bounds, bounds[1:], strict=False)]
    return [
        (_full_name(match[1]) if (match := _RECORD.match(piece)) else "", piece) for piece in pieces if piece
    ]


def _without(text: str, kinds: Sequence[str]) -> str:
    return "".join(piece for kind, piece in _pieces(text) if kind not in kinds)


def _levels(text: str) -> tuple[str, dict[str, str]]:
    """`$LEVEL SID=(3[1],4[2])` as {"3": "SID", "4": "SID"}."""
    found: dict[str, str] = {}
    for kind, piece in _pieces(text):
        if kind == "LEVEL":
            for column, effects in re.findall(r"(\w+)\s*=\s*\(([^)]*)\)", piece):
                found |= {number: column for number in re.findall(r"(\d+)\s*\[", effects)}
    return _without(text, ("LEVEL",)), found


def _abbreviated(text: str) -> str:
    """`$ABBR REPLACE ETA(OCC_CL)=ETA(5,7,9)` written out: the effect of the value of OCC, 1, 2, 3."""
    added, kept = [], []
    for kind, piece in _pieces(text):
        match = re.search(
            r"REPLACE\s+(ETA|THETA)\((\w+?)_(\w+)\)\s*=\s*(?:ETA|THETA)\(([\d,\s]+)\)", piece, re.IGNORECASE
        )
        if kind != "ABBREVIATED" or match is None:
            kept.append((kind, piece))
            continue
        what, column, rest, numbers = match[1].upper(), match[2], match[3], match[4].split(",")
        name = f"{what}{column}{rest}".upper()
        cases = [f"{name} = 0"] + [
            f"IF ({column}.EQ.{k}) {name} = {what}({number.strip()})" for k, number in enumerate(numbers, 1)
        ]
        added.append((f"{what}({column}_{rest})", name, "\n".join(cases)))
    if not added:
        return text
    out = []
    for kind, piece in kept:
        if kind in ("PK", "PRED"):
            head, _, body = piece.partition("\n")
            for written, name, lines in added:
                body = re.sub(re.escape(written), name, body, flags=re.IGNORECASE)
                head += "\n" + lines
            piece = head + "\n" + body
        out.append(piece)
    return "".join(out)


def _repeated(text: str) -> str:
    """`BLOCK(2) SAME(3)` written out as three records."""
    return re.sub(
        r"(?im)^[ \t]*(\$OMEGA\s+BLOCK\s*\(\d+\)\s+SAME)\s*\((\d+)\).*$",
        lambda match: "\n".join([match[1]] * int(match[2])),
        text,
    )


def _with_data(text: str, path: Path, data: Any, folder: Path) -> str:
    """The stream with the whole path of its data, so that it can be read from anywhere."""
    if isinstance(data, pd.DataFrame):
        file = folder / "data.csv"
        data.to_csv(file, index=False, na_rep=".")
        columns = " ".join(map(str, data.columns))
        own = {"INPUT": f"$INPUT {columns}\n", "DATA": f"$DATA '{file}' IGNORE=@\n"}
        return "".join(own.get(kind, piece) for kind, piece in _pieces(text))

    def whole(match: re.Match[str]) -> str:
        name = match[2].strip("'\"")
        full = Path(data) if data is not None else (path.parent / name)
        if not full.exists():
            remedy = "Give the data: from_nonmem(path, data=...)."
            raise ModelError(explain(expected="the data of $DATA", got=f"no file {full}", remedy=remedy))
        return f"{match[1]}'{full.resolve()}'"

    return re.sub(r"(?im)^([ \t]*\$DAT\w*\s+)('[^']+'|\"[^\"]+\"|\S+)", whole, text, count=1)


def _parsed(text: str) -> Any:
    try:
        from pharmpy.modeling import read_model_from_string
    except ImportError as error:
        remedy = "Install it: pip install 'bayes-nlmem[nonmem]'."
        raise ModelError(explain(expected="Pharmpy", got="it is not installed", remedy=remedy)) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = read_model_from_string(text)
            _ = model.dataset
            return model
        except Exception as error:  # whatever stops another program's reader is said to the user
            got = f"{type(error).__name__}: {error}"
            remedy = "It may use what Pharmpy does not know: write the model by hand."
            expected = "a control stream and data that Pharmpy can read"
            raise ModelError(explain(expected=expected, got=got[:400], remedy=remedy)) from error


def _translated(model: Any, levels: Mapping[str, str], listed: tuple[str, ...]) -> ControlStream:
    import sympy

    statements = model.statements
    system = statements.ode_system
    amounts: dict[Any, Any] = {}
    initial: dict[str, Any] = {}
    rates, order = None, []
    if system is not None:
        order = _order(model, system)
        t = sympy.Symbol("t")
        for name in order:
            amounts[sympy.Function(f"A_{name}")(t)] = sympy.Symbol(f"@{name}")
        rates = {}
        for equation in system.eqs:
            left, right = sympy.sympify(equation.lhs), sympy.sympify(equation.rhs)
            rates[str(left.args[0].func)[2:]] = right.xreplace(amounts)
        rates = {name: rates[name] for name in order}

    def plain(expression: Any) -> Any:
        return _plain(sympy.sympify(expression).xreplace(amounts))

    def listed_of(part: Any) -> list[tuple[str, Any]]:
        found = []
        for s in part:
            if (match := re.fullmatch(r"A_(\w+)\(0\)", str(s.symbol))) is not None:
                initial[match[1]] = plain(s.expression)
            else:
                found.append((str(s.symbol), plain(s.expression)))
        return found

    if system is None:
        before, after = listed_of(statements), []
    else:
        before, after = listed_of(statements.before_odes), listed_of(statements.after_odes)
    numbers = {
        p.name: Theta(float(p.init), float(p.lower), float(p.upper), bool(p.fix)) for p in model.parameters
    }
    etas, epsilons = _blocks(model.random_variables.etas), _blocks(model.random_variables.epsilons)
    order_of_etas = [name for block in etas for name in block.names]
    frame = model.dataset
    kept = [c.name for c in model.datainfo if not c.drop]
    frame = frame[[c for c in kept if c in frame.columns]]
    dose, observe = _defaults(model, order)
    return ControlStream(
        problem=" ".join(str(model.description or "").split()),
        before=before,
        after=after,
        rates=None if rates is None else {name: _plain(value) for name, value in rates.items()},
        initial=initial,
        dose=dose,
        observe=observe,
        numbers=numbers,
        etas=etas,
        epsilons=epsilons,
        levels={order_of_etas[int(number) - 1]: column for number, column in levels.items()},
        columns=tuple(kept),
        frame=frame,
        listed=listed,
    )


def _plain(expression: Any) -> Any:
    """Decimal numbers as fractions, so that forms can be compared: to SymPy 1.0 is not 1."""
    import sympy

    return expression.replace(
        lambda e: isinstance(e, sympy.Float) and e.is_finite, lambda e: sympy.Rational(repr(float(e)))
    )


def _order(model: Any, system: Any) -> list[str]:
    """Compartments by their number."""
    there = list(system.compartment_names)
    numbered = getattr(model.internals, "compartment_map", None) or {}
    if numbered:
        return sorted((name for name in there if name in numbered), key=lambda name: numbered[name])
    return there


def _defaults(model: Any, order: Sequence[str]) -> tuple[str, str]:
    """Compartments of doses and of observations without CMT."""
    if not order:
        return "", ""
    dose = next((name for name in order if name == "DEPOT"), order[0])
    observe = next((name for name in order if name == "CENTRAL"), order[0])
    for record in model.internals.control_stream.get_records("MODEL"):
        for name, options in record.compartments():
            flags = {str(option).upper() for option in options}
            dose = name if any(flag.startswith("DEFD") for flag in flags) else dose
            observe = name if any(flag.startswith("DEFO") for flag in flags) else observe
    return dose, observe


def _blocks(distributions: Any) -> tuple[Block, ...]:
    blocks = []
    for one in distributions:
        n = len(one.names)
        cells = tuple(
            tuple(str(one.variance[i, j] if n > 1 else one.variance) for j in range(n)) for i in range(n)
        )
        blocks.append(Block(tuple(one.names), cells))
    return tuple(blocks)


def _estimated(stream: ControlStream, path: Path) -> ControlStream:
    """The stream with the final estimates of an .ext file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    heads = [line.split() for line in lines if line.strip().startswith("ITERATION")]
    finals = [line.split() for line in lines if line.strip().startswith("-1000000000 ")]
    if not heads or not finals:
        remedy = "Give the .ext file of a run that has ended."
        raise ModelError(
            explain(expected="final estimates (ITERATION -1000000000)", got=str(path), remedy=remedy)
        )
    final = dict(zip(heads[-1], map(float, finals[-1]), strict=True))
    variances = {cell for block in (*stream.etas, *stream.epsilons) for row in block.numbers for cell in row}
    places = {
        name: f"THETA{k}" for k, name in enumerate((n for n in stream.numbers if n not in variances), 1)
    }
    for word, blocks in (("OMEGA", stream.etas), ("SIGMA", stream.epsilons)):
        first = 1
        for block in blocks:
            for i, row in enumerate(block.numbers):
                for j, cell in enumerate(row[: i + 1]):
                    places.setdefault(cell, f"{word}({first + i},{first + j})")
            first += len(block.names)
    if missing := [n for n in stream.numbers if places.get(n) not in final]:
        raise ModelError(explain(expected=f"an estimate of {', '.join(missing)}", got=f"none in {path}",
                                 remedy="Give the .ext file of this control stream."))  # fmt: skip
    numbers = {name: replace(theta, value=final[places[name]]) for name, theta in stream.numbers.items()}
    return replace(stream, numbers=numbers)
