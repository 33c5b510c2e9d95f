"""Formulas for printing: small trees of symbols that are written as text, LaTeX or MathML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Symbol:
    """A named quantity: `Symbol("eta", ("CL",), "i")` is eta_CL,i."""

    name: str
    parts: tuple[str, ...] = ()
    index: str = ""


@dataclass(frozen=True)
class Constant:
    """A known number."""

    value: float


@dataclass(frozen=True)
class Sum:
    """Terms added up; a negative constant is subtracted."""

    terms: tuple[Formula, ...]


@dataclass(frozen=True)
class Product:
    """Factors multiplied."""

    factors: tuple[Formula, ...]


@dataclass(frozen=True)
class Ratio:
    """`over` divided by `under`."""

    over: Formula
    under: Formula


@dataclass(frozen=True)
class Raised:
    """`base` to the power of `exponent`."""

    base: Formula
    exponent: Formula


@dataclass(frozen=True)
class Call:
    """A function of arguments; without a name a list in parentheses."""

    name: str
    arguments: tuple[Formula, ...]


@dataclass(frozen=True)
class Indicator:
    """1 where `covariate` equals `level`, else 0."""

    covariate: Formula
    level: str


@dataclass(frozen=True)
class Equation:
    """`left` equals, or is distributed as, `right`."""

    left: Formula
    right: Formula
    relation: Literal["=", "~"] = "="


Formula = Symbol | Constant | Sum | Product | Ratio | Raised | Call | Indicator

GREEK = {
    "eta": "η",
    "eta_t": "η̃",
    "kappa": "κ",
    "omega": "ω",
    "gamma": "γ",
    "sigma": "σ",
    "epsilon": "ε",
    "Omega": "Ω",
    "corr": "ρ",
}


def minus(formula: Formula, number: float) -> Formula:
    """`formula` less a number, nothing to subtract if it is 0."""
    return Sum((formula, Constant(-number))) if number else formula


def less(formula: Formula, other: Formula) -> Formula:
    """`formula` less another one.

    Examples
    --------
    >>> as_text(less(Symbol("AGE"), Symbol("b"))), as_text(less(Symbol("AGE"), Constant(12)))
    ('AGE - b', 'AGE - 12')
    """
    if isinstance(other, Constant):
        return minus(formula, other.value)
    return Sum((formula, Product((Constant(-1), other))))


def product(*factors: Formula) -> Formula:
    """Product of the factors, the factor itself if it is alone."""
    return factors[0] if len(factors) == 1 else Product(factors)


def total(*terms: Formula) -> Formula:
    """Sum of the terms, the term itself if it is alone."""
    return terms[0] if len(terms) == 1 else Sum(terms)


def logarithm(formula: Formula) -> Formula:
    """log(formula), taken through powers, products and exponentials.

    Examples
    --------
    >>> as_text(logarithm(Raised(Symbol("x"), Symbol("b"))))
    'b · log(x)'
    """
    match formula:
        case Raised(base, exponent):
            return product(exponent, logarithm(base))
        case Product(factors):
            return total(*map(logarithm, factors))
        case Call("exp", (argument,)):
            return argument
    return Call("log", (formula,))


def as_text(formula: Formula) -> str:
    """Readable line of text.

    Examples
    --------
    >>> weight = Ratio(Symbol("WT", index="i"), Constant(70))
    >>> as_text(Product((Symbol("CL", ("pop",)), Raised(weight, Constant(0.75)))))
    'CL_pop · (WT_i/70)^0.75'
    """
    match formula:
        case Symbol(name, parts, index):
            full = "_".join((name, *parts))
            return full + (("," if parts else "_") + index if index else "")
        case Constant(value):
            return f"{value:g}"
        case Sum(terms):
            return _join_terms(terms, as_text, "-")
        case Product(factors):
            return " · ".join(_bracket(factor, as_text(factor), (Sum, Ratio)) for factor in factors)
        case Ratio(over, under):
            upper, lower = (_bracket(part, as_text(part), (Sum, Product, Ratio)) for part in (over, under))
            return f"{upper}/{lower}"
        case Raised(base, exponent):
            compound = (Sum, Product, Ratio, Raised)
            inner, power = (_bracket(part, as_text(part), compound) for part in (base, exponent))
            return f"{inner}²" if power == "2" else f"{inner}^{power}"
        case Call(name, arguments):
            return f"{name}({', '.join(map(as_text, arguments))})"
        case Indicator(covariate, level):
            return f"[{as_text(covariate)} = {level}]"


def as_latex(formula: Formula) -> str:
    r"""LaTeX for mathematics mode.

    Examples
    --------
    >>> print(as_latex(Raised(Ratio(Symbol("WT", index="i"), Constant(70)), Constant(0.75))))
    \left(\frac{\mathrm{WT}_{i}}{70}\right)^{0.75}
    """
    match formula:
        case Symbol(name, parts, index):
            below = ",".join([*map(_latex_name, parts), *([index] if index else [])])
            return _latex_name(name) + (f"_{{{below}}}" if below else "")
        case Constant(value):
            digits, _, exponent = f"{value:g}".partition("e")
            return rf"{digits} \times 10^{{{int(exponent)}}}" if exponent else digits
        case Sum(terms):
            return _join_terms(terms, as_latex, "-")
        case Product(factors):
            return r" \cdot ".join(_latex_bracket(factor, (Sum,)) for factor in factors)
        case Ratio(over, under):
            return rf"\frac{{{as_latex(over)}}}{{{as_latex(under)}}}"
        case Raised(base, exponent):
            return f"{_latex_bracket(base, (Sum, Product, Ratio, Raised))}^{{{as_latex(exponent)}}}"
        case Call("sqrt", (argument,)):
            return rf"\sqrt{{{as_latex(argument)}}}"
        case Call(name, arguments):
            listed = ", ".join(map(as_latex, arguments))
            return rf"{_latex_function(name)}\left({listed}\right)"
        case Indicator(covariate, level):
            return rf"\left[{as_latex(covariate)} = \text{{{_latex_text(level)}}}\right]"


def as_mathml(formula: Formula) -> str:
    """Presentation MathML without the enclosing `math` element.

    Examples
    --------
    >>> as_mathml(Symbol("eta", ("CL",), "i"))
    '<msub><mi>η</mi><mrow><mi mathvariant="normal">CL</mi><mo>,</mo><mi>i</mi></mrow></msub>'
    """
    match formula:
        case Symbol(name, parts, index):
            below = [_mathml_name(part) for part in parts]
            below += ["".join(f"<mi>{letter}</mi>" for letter in index)] if index else []
            base = _mathml_name(name)
            return f"<msub>{base}<mrow>{'<mo>,</mo>'.join(below)}</mrow></msub>" if below else base
        case Constant(value):
            number = f"<mn>{abs(value):g}</mn>"
            return f"<mrow><mo>−</mo>{number}</mrow>" if value < 0 else number
        case Sum(terms):
            return f"<mrow>{_join_terms(terms, as_mathml, '<mo>−</mo>', '<mo>+</mo>')}</mrow>"
        case Product(factors):
            return f"<mrow>{'<mo>·</mo>'.join(_mathml_bracket(factor, (Sum,)) for factor in factors)}</mrow>"
        case Ratio(over, under):
            return f"<mfrac>{as_mathml(over)}{as_mathml(under)}</mfrac>"
        case Raised(base, exponent):
            inner = _mathml_bracket(base, (Sum, Product, Ratio, Raised))
            return f"<msup>{inner}{as_mathml(exponent)}</msup>"
        case Call("sqrt", (argument,)):
            return f"<msqrt>{as_mathml(argument)}</msqrt>"
        case Call(name, arguments):
            listed = "<mo>,</mo>".join(map(as_mathml, arguments))
            head = f"{_mathml_word(name)}<mo>&#x2061;</mo>" if name else ""
            return f"<mrow>{head}<mo>(</mo>{listed}<mo>)</mo></mrow>"
        case Indicator(covariate, level):
            equality = f"{as_mathml(covariate)}<mo>=</mo><mtext>{_escaped(level)}</mtext>"
            return f"<mrow><mo>[</mo>{equality}<mo>]</mo></mrow>"


def _join_terms(
    terms: tuple[Formula, ...], write: Callable[[Formula], str], minus_sign: str, plus_sign: str = "+"
) -> str:
    between = " " if plus_sign == "+" else ""
    first = terms[0]
    if isinstance(first, Product) and first.factors[0] == Constant(-1) and len(first.factors) > 1:
        written = minus_sign + write(product(*first.factors[1:]))
    else:
        written = write(first)
    for term in terms[1:]:
        sign = plus_sign
        if isinstance(term, Constant) and term.value < 0:
            sign, term = minus_sign, Constant(-term.value)
        elif isinstance(term, Product) and term.factors[0] == Constant(-1):
            sign, term = minus_sign, product(*term.factors[1:])
        written += f"{between}{sign}{between}{write(term)}"
    return written


def _bracket(formula: Formula, written: str, kinds: tuple[type, ...]) -> str:
    negative = isinstance(formula, Constant) and formula.value < 0
    return f"({written})" if negative or isinstance(formula, kinds) else written


def _latex_bracket(formula: Formula, kinds: tuple[type, ...]) -> str:
    negative = isinstance(formula, Constant) and formula.value < 0
    written = as_latex(formula)
    return rf"\left({written}\right)" if negative or isinstance(formula, kinds) else written


def _mathml_bracket(formula: Formula, kinds: tuple[type, ...]) -> str:
    negative = isinstance(formula, Constant) and formula.value < 0
    written = as_mathml(formula)
    bracketed = negative or isinstance(formula, kinds)
    return f"<mrow><mo>(</mo>{written}<mo>)</mo></mrow>" if bracketed else written


def _latex_name(name: str) -> str:
    if name == "corr":
        return r"\rho"
    if name == "eta_t":
        return r"\tilde{\eta}"
    if name in GREEK:
        return rf"\{name}"
    return name if len(name) == 1 else rf"\mathrm{{{_latex_text(name)}}}"


def _latex_function(name: str) -> str:
    if name in ("exp", "log"):
        return rf"\{name}"
    if name == "N":
        return r"\mathcal{N}"
    return rf"\operatorname{{{_latex_text(name)}}}" if name else ""


def _latex_text(words: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(c, rf"\{c}" if c in "_%&#${}" else c) for c in words)


def _mathml_name(name: str) -> str:
    if name in GREEK:
        return f"<mi>{GREEK[name]}</mi>"
    return f"<mi>{_escaped(name)}</mi>" if len(name) == 1 else _mathml_word(name)


def _mathml_word(name: str) -> str:
    return f'<mi mathvariant="normal">{_escaped(name)}</mi>'


def _escaped(words: str) -> str:
    from html import escape

    return escape(words)
