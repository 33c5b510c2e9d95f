"""Formulas are written with the brackets they need, in three languages."""

from xml.dom.minidom import parseString

import pytest

from bayes_nlmem.ground.formulas import (
    Call,
    Constant,
    Indicator,
    Product,
    Raised,
    Ratio,
    Sum,
    Symbol,
    as_latex,
    as_mathml,
    as_text,
    logarithm,
    minus,
)

X, A = Symbol("x"), Symbol("a")
CASES = [
    (minus(X, 40), "x - 40", "x - 40"),
    (minus(X, -5), "x + 5", "x + 5"),
    (minus(X, 0), "x", "x"),
    (Product((A, minus(X, 1))), "a · (x - 1)", r"a \cdot \left(x - 1\right)"),
    (Product((A, Constant(-2))), "a · (-2)", r"a \cdot \left(-2\right)"),
    (Raised(Ratio(X, Constant(70)), A), "(x/70)^a", r"\left(\frac{x}{70}\right)^{a}"),
    (Raised(X, Constant(2)), "x²", "x^{2}"),
    (Raised(X, minus(A, 1)), "x^(a - 1)", "x^{a - 1}"),
    (Ratio(minus(X, 1), Product((A, X))), "(x - 1)/(a · x)", r"\frac{x - 1}{a \cdot x}"),
    (Call("sqrt", (Sum((X, A)),)), "sqrt(x + a)", r"\sqrt{x + a}"),
    (Constant(1e-7), "1e-07", r"1 \times 10^{-7}"),
    (Symbol("eta", ("CL",), "i"), "eta_CL,i", r"\eta_{\mathrm{CL},i}"),
    (Symbol("CL", ("WT_2",)), "CL_WT_2", r"\mathrm{CL}_{\mathrm{WT\_2}}"),
    (Indicator(X, "a<b & c"), "[x = a<b & c]", r"\left[x = \text{a<b \& c}\right]"),
]


@pytest.mark.parametrize(("formula", "text", "latex"), CASES, ids=lambda case: str(case)[:30])
def test_formulas_are_written(formula, text, latex):
    assert as_text(formula) == text
    assert as_latex(formula) == latex
    parseString(f"<math>{as_mathml(formula)}</math>")  # well formed


def test_logarithms_are_taken_inwards():
    formula = Product((Raised(X, A), Call("exp", (A,)), Sum((Constant(1), X))))
    assert as_text(logarithm(formula)) == "a · log(x) + a + log(1 + x)"


def test_mathml_of_a_greek_symbol():
    assert as_mathml(Symbol("omega", ("CL",))) == (
        '<msub><mi>ω</mi><mrow><mi mathvariant="normal">CL</mi></mrow></msub>'
    )
