"""Compartments, doses and equations of a Mlxtran model, from macros, pkmodel and the library's names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bayes_nlmem.exchange.mlxtran_equations import Assignment, assignments, expression, in_order
from bayes_nlmem.exchange.mlxtran_text import Line, refused, split

_CALL = re.compile(r"^(?:(.+?)\s*=\s*)?([A-Za-z]\w*)\s*\((.*)\)$")
_MACROS = (
    "pkmodel", "compartment", "peripheral", "effect", "transfer", "depot", "absorption", "oral", "iv",
    "empty", "reset", "elimination",
)  # fmt: skip
_FLOW = re.compile(r"^k_?(\d+?)_?(\d+)$")
_LIBRARY = re.compile(r"^(bolus|infusion|oral0|oral1)_([123])cpt_(MM_)?(\w+)$")
_WORDS = ("Tlag", "Tk0", "ka", "Vm", "Km", "Cl", "Q2", "Q3", "Q", "V1", "V2", "V3", "V",
          "k12", "k21", "k13", "k31", "k")  # fmt: skip


@dataclass(frozen=True)
class Door:
    """Where the doses of one administration enter.

    Parameters
    ----------
    number : int
        Line of the macro.
    state : str
        Compartment.
    inputs : dict of str to str
        Lag (ALAG), fraction (F) and duration (D) as expressions.
    jumps : bool
        Whether a dose changes a compartment that is observed at once.
    """

    number: int
    state: str
    inputs: dict[str, str]
    jumps: bool


@dataclass
class _Compartment:
    amount: str
    volume: str
    concentration: str


@dataclass
class Kinetics:
    """A structural model.

    Parameters
    ----------
    terms : dict of str to list of str
        State -> terms of its derivative.
    algebra : list of Assignment
    initial : dict of str to str
    doors : dict of int to Door
        By the number of the administration.
    start : float or None
        t_0.
    compartments : dict of int to compartment
        Those of macros.
    eliminations, flows : list
        (compartment, word, expression), (from, to, expression) of the macros.
    """

    terms: dict[str, list[str]] = field(default_factory=dict)
    algebra: list[Assignment] = field(default_factory=list)
    initial: dict[str, str] = field(default_factory=dict)
    doors: dict[int, Door] = field(default_factory=dict)
    start: float | None = None
    compartments: dict[int, _Compartment] = field(default_factory=dict)
    eliminations: list[tuple[int, str, str]] = field(default_factory=list)
    flows: list[tuple[int, int, str]] = field(default_factory=list)
    plain: bool = True  # one macro compartment, peripherals, doors; nothing else

    @property
    def rates(self) -> dict[str, str]:
        """State -> derivative."""
        return {name: " + ".join(terms) or "0" for name, terms in self.terms.items()}


def library(name: str, number: int) -> tuple[list[str], list[Line]]:
    """Inputs and statements of a model of the library, by what its name says.

    Raises
    ------
    ModelError
        A name that does not say one model.

    Examples
    --------
    >>> library("oral1_2cpt_TlagkaClV1QV2", 1)[1][0].text
    'Cc = pkmodel(Tlag, ka, V=V1, Cl, k12=Q/V1, k21=Q/V2)'
    """
    expected = "a closed form of the library: bolus, infusion, oral0 or oral1, 1 to 3 compartments"
    remedy = "Save the model's text beside the project and name that file."
    match = _LIBRARY.match(re.sub(r"\.txt$", "", name))
    if match is None:
        raise refused(number, f"lib:{name}", expected, remedy)
    route, n, saturable, rest = match[1], int(match[2]), match[3], match[4]
    words = re.findall("|".join(_WORDS), rest)
    absorbed = {"oral0": {"Tk0"}, "oral1": {"ka"}}.get(route, set())
    volume = "V" if n == 1 or "V" in words else "V1"
    one = {"Vm", "Km"} if saturable else ({"Cl"} if "Cl" in words else {"k"})
    by_rates = {"k12", "k21"} if n == 2 else {"k12", "k21", "k13", "k31"}
    by_flows = {"Q", "V2"} if n == 2 else {"Q2", "V2", "Q3", "V3"}
    sides = set() if n == 1 else (by_rates if "k12" in words else by_flows)
    wanted = {*absorbed, volume, *one, *sides}
    if "".join(words) != rest or len(set(words)) != len(words) or set(words) - {"Tlag"} != wanted:
        raise refused(number, f"lib:{name}", expected, remedy)
    arguments = [w for w in ("Tlag", "Tk0", "ka") if w in words]
    arguments += ["V" if volume == "V" else f"V={volume}", *sorted(one)]
    if "k12" in words:
        arguments += sorted(sides)
    elif n == 2:
        arguments += [f"k12=Q/{volume}", "k21=Q/V2"]
    elif n == 3:
        arguments += [f"k12=Q2/{volume}", "k21=Q2/V2", f"k13=Q3/{volume}", "k31=Q3/V3"]
    return words, [Line(number, f"Cc = pkmodel({', '.join(arguments)})")]


def kinetics_of(lines: Iterable[Line]) -> Kinetics:
    """The model of the lines of PK: and EQUATION:.

    Raises
    ------
    ModelError
        Macros and words that have no counterpart.
    """
    found = Kinetics()
    equations, later = [], []
    for line in lines:
        match = _CALL.match(line.text)
        if match and match[2] in _MACROS:
            if match[2] == "depot":
                later.append((line, match))
            else:
                _macro(found, line, match)
        else:
            equations.append(line)
    _equations(found, equations)
    for line, match in later:
        _macro(found, line, match)
    found.algebra = in_order(found.algebra)
    return found


def _equations(found: Kinetics, lines: list[Line]) -> None:
    read = assignments(lines)
    states = [one.name[4:] for one in read if one.name.startswith("ddt_")]
    for one in read:
        if one.name.startswith("ddt_"):
            if one.name[4:] in found.terms:
                raise refused(one.number, one.name, "states that no macro has")
            found.terms[one.name[4:]] = [one.right]
            found.plain = False
        elif one.name in ("t0", "t_0"):
            try:
                found.start = float(one.right)
            except ValueError:
                raise refused(one.number, f"{one.name} = {one.right}", "a number for t_0") from None
        elif one.name.endswith("_0") and one.name[:-2] in (*states, *found.terms):
            found.initial[one.name[:-2]] = one.right
            found.plain = False
        elif one.name == "odeType":
            continue
        else:
            found.algebra.append(one)


def _arguments(line: Line, match: re.Match[str], known: Iterable[str]) -> dict[str, str]:
    given = {}
    for item in split(match[3], ","):
        word, *rest = split(item, "=")
        if not word:
            continue
        if word not in known and not _FLOW.match(word):
            raise refused(line.number, f"{word} of {match[2]}", f"words among {', '.join(known)}")
        given[word] = rest[0] if rest else word
    return given


def _macro(found: Kinetics, line: Line, match: re.Match[str]) -> None:
    kind, number = match[2], line.number
    if kind == "pkmodel":
        _pkmodel(found, line, match)
        return
    words = {
        "compartment": ("cmt", "amount", "volume", "concentration"),
        "peripheral": ("amount", "volume", "concentration"),
        "elimination": ("cmt", "V", "k", "Cl", "Vm", "Km"),
        "transfer": ("from", "to", "kt"),
        "effect": ("cmt", "ke0", "concentration"),
        "depot": ("adm", "type", "target", "ka", "Tk0", "Tlag", "p"),
        "absorption": ("adm", "type", "cmt", "ka", "Tk0", "Tlag", "p"),
        "oral": ("adm", "type", "cmt", "ka", "Tk0", "Tlag", "p"),
        "iv": ("adm", "type", "cmt", "Tlag", "p"),
    }
    if kind not in words:
        raise refused(
            number, f"{kind}()", "macros without empty() and reset()", "Use EVID 3 or 4 in the data."
        )
    given = _arguments(line, match, words[kind])

    def value(word: str) -> str:
        return expression(given[word], number)

    def whole(word: str) -> int:
        try:
            return int(given.get(word, "1"))
        except ValueError:
            raise refused(number, f"{word}={given[word]}", f"a whole number for {word}") from None

    if kind == "compartment":
        _add(found, number, whole("cmt"), given)
        found.plain = found.plain and len(found.compartments) == 1
    elif kind == "peripheral":
        ends = [(_FLOW.match(word), word) for word in given if word not in words[kind]]
        if len(ends) != 2 or not all(found_in for found_in, _ in ends):
            raise refused(number, line.text, "two rates such as k12, k21")
        (out, to), (back, again) = ((tuple(map(int, m.groups())), word) for m, word in ends)  # type: ignore
        if out != back[::-1] or out[0] not in found.compartments or out[1] in found.compartments:
            raise refused(number, line.text, "rates from a compartment to a new one, and back")
        _add(found, number, out[1], given)
        _flow(found, out[0], out[1], value(to))
        _flow(found, out[1], out[0], value(again))
    elif kind == "elimination":
        _eliminate(found, line, _there(found, number, whole("cmt")), whole("cmt"), given)
    elif kind == "transfer":
        found.plain = False
        for end in ("from", "to"):
            _there(found, number, whole(end))
        _flow(found, whole("from"), whole("to"), value("kt"))
    elif kind == "effect":
        found.plain = False
        central = _there(found, number, whole("cmt"))
        if "concentration" not in given or "ke0" not in given or not central.concentration:
            raise refused(number, line.text, "ke0, concentration=..., and that of the compartment")
        found.terms[given["concentration"]] = [
            f"({value('ke0')}) * ({central.concentration} - {given['concentration']})"
        ]
    else:
        target = given.get("target") or _there(found, number, whole("cmt")).amount
        adm = whole("adm") if "adm" in given else whole("type")
        _door(found, line, adm, target, given)


def _add(found: Kinetics, number: int, cmt: int, given: Mapping[str, str]) -> None:
    amount = given.get("amount") or f"amount_{cmt}"
    if cmt in found.compartments or amount in found.terms:
        raise refused(
            number, f"compartment {cmt}, {amount}", "compartments with numbers and names of their own"
        )
    volume = expression(given.get("volume", "1"), number)
    found.compartments[cmt] = _Compartment(amount, volume, given.get("concentration", ""))
    found.terms[amount] = []
    if given.get("concentration"):
        found.algebra.append(Assignment(number, given["concentration"], f"{amount} / ({volume})"))


def _there(found: Kinetics, number: int, cmt: int) -> _Compartment:
    if cmt not in found.compartments:
        raise refused(number, f"cmt={cmt}", "compartments that are defined before they are used")
    return found.compartments[cmt]


def _flow(found: Kinetics, source: int, to: int, rate: str) -> None:
    out, into = found.compartments[source].amount, found.compartments[to].amount
    found.flows.append((source, to, rate))
    found.terms[out].append(f"-({rate}) * {out}")
    found.terms[into].append(f"({rate}) * {out}")


def _eliminate(
    found: Kinetics, line: Line, central: _Compartment, cmt: int, given: Mapping[str, str]
) -> None:
    kinds = [word for word in ("k", "Cl", "Vm") if word in given]
    if len(kinds) != 1 or ("Vm" in given) != ("Km" in given):
        raise refused(line.number, line.text, "one of k, Cl, or Vm with Km")
    volume = expression(given["V"], line.number) if "V" in given else central.volume
    found.plain = found.plain and volume == central.volume
    rate = expression(given[kinds[0]], line.number)
    found.eliminations.append((cmt, kinds[0], rate))
    amount = central.amount
    found.terms[amount].append(
        {
            "k": f"-({rate}) * {amount}",
            "Cl": f"-({rate}) / ({volume}) * {amount}",
            "Vm": f"-({rate}) * {amount} / (({expression(given.get('Km', '0'), line.number)}) * ({volume}) "
            f"+ {amount})",
        }[kinds[0]]
    )


def _door(found: Kinetics, line: Line, adm: int, target: str, given: Mapping[str, str]) -> None:
    number = line.number
    if adm in found.doors:
        raise refused(number, line.text, "one way in for each administration", "Write the model by hand.")
    if target not in found.terms:
        raise refused(number, f"target {target}", f"a state ({', '.join(found.terms)})")
    letters = {"Tlag": "ALAG", "p": "F", "Tk0": "D"}
    inputs = {letters[word]: expression(given[word], number) for word in letters if word in given}
    if "ka" in given and "Tk0" in given:
        raise refused(number, line.text, "ka or Tk0")
    state = target
    if "ka" in given:
        state = f"depot_{adm}"
        ka = expression(given["ka"], number)
        found.terms = {state: [f"-({ka}) * {state}"], **found.terms}
        found.terms[target].append(f"({ka}) * {state}")
    found.doors[adm] = Door(number, state, inputs, jumps="ka" not in given and "Tk0" not in given)


def _pkmodel(found: Kinetics, line: Line, match: re.Match[str]) -> None:
    words = ("V", "k", "Cl", "Vm", "Km", "ka", "Tk0", "Tlag", "p", "ke0")
    given = _arguments(line, match, words)
    outputs = [name for name in split((match[1] or "").strip("{} "), ",") if name]
    if found.terms or "V" not in given or len(outputs) != (2 if "ke0" in given else 1):
        raise refused(line.number, line.text, "one pkmodel() with V, alone, with one output (two with ke0)")
    flows = [word for word in given if word not in words]
    if sorted(flows) not in ([], ["k12", "k21"], ["k12", "k13", "k21", "k31"]):
        raise refused(line.number, ", ".join(flows), "k12, k21, and with them k13, k31")

    def call(kind: str, names: Iterable[str], *more: str) -> None:
        items = ", ".join([*more, *(f"{name}={given[name]}" for name in names if name in given)])
        text = f"{kind}({items})"
        _macro(found, Line(line.number, text), _CALL.match(text))  # type: ignore[arg-type]

    call("compartment", (), "cmt=1", f"volume={given['V']}", f"concentration={outputs[0]}")
    call("absorption" if {"ka", "Tk0"} & set(given) else "iv", ("ka", "Tk0", "Tlag", "p"), "cmt=1")
    call("elimination", ("k", "Cl", "Vm", "Km"), "cmt=1")
    for pair in (("k12", "k21"), ("k13", "k31")):
        if pair[0] in given:
            call("peripheral", pair)
    if "ke0" in given:
        call("effect", ("ke0",), "cmt=1", f"concentration={outputs[1]}")
