"""The model as it would stand in a paper: equations as text, LaTeX or MathML, and the table of priors."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Literal

from bayes_nlmem.ground.formulas import Equation, as_latex, as_mathml, as_text
from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.ground.tables import Printed, notebook
from bayes_nlmem.model.equation_layers import layers
from bayes_nlmem.model.quantities import quantities

if TYPE_CHECKING:
    from bayes_nlmem.model.specification import Model


def equations(model: Model, form: Literal["text", "latex", "html"] = "text") -> str:
    r"""Equations of a model, layer by layer; known numbers stand in them as numbers.

    Index i is the subject, j the observation, k the occasion.

    Parameters
    ----------
    model : Model
        The model.
    form : {"text", "latex", "html"}
        "text" for the terminal; "latex" an `aligned` block for mathematics mode; "html" a fragment with
        MathML, which browsers show without any library.

    Returns
    -------
    str

    Raises
    ------
    ModelError
        If `form` is none of the three.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> print(bn.equations(bn.zoo.load("theophylline").model).split("\n\n")[0])
    Individual parameters
      KA_i = KA_pop · exp(eta_KA,i)
      CL_i = CL_pop · (WT_i/70)^0.75 · exp(eta_CL,i)
      V_i  = V_pop · (WT_i/70)^V_WT · exp(eta_V,i)
    """
    writers = {"text": _text_block, "latex": latex_block, "html": _html_block}
    if form not in writers:
        forms = ", ".join(map(repr, writers))
        raise ModelError(explain(expected=f"form one of {forms}", got=repr(form), remedy="Choose one."))
    return writers[form](model)


def text_page(model: Model) -> str:
    """Equations and priors for the terminal."""
    return f"{_heading(model)}\n\n{_text_block(model)}\n\n{_text_table(model)}"


def html_page(model: Model) -> str:
    """Equations and priors as an HTML fragment."""
    return (
        f'<div class="bn-model"><p><b>{escape(_heading(model))}</b></p>'
        f'{_html_block(model)}<p class="bn-layer">Priors</p>{notebook(_priors(model))}</div>'
    )


def latex_block(model: Model) -> str:
    r"""Equations in one `aligned` environment."""
    rows = []
    for title, lines in layers(model):
        rows.append(rf"&\textbf{{{title}}}")
        for line in lines:
            relation = "=" if line.relation == "=" else r"\sim"
            rows.append(rf"{as_latex(line.left)} &{relation} {as_latex(line.right)}")
    body = " \\\\\n".join(rows)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _heading(model: Model) -> str:
    return f"{model.name or 'Model'}: {model.structure!r}"


def _text_block(model: Model) -> str:
    blocks = []
    for title, lines in layers(model):
        width = max(len(as_text(line.left)) for line in lines)
        rows = [f"  {as_text(line.left):<{width}} {line.relation} {as_text(line.right)}" for line in lines]
        blocks.append("\n".join([title, *rows]))
    return "\n\n".join(blocks)


def _html_block(model: Model) -> str:
    parts = []
    for title, lines in layers(model):
        rows = "".join(_html_row(line) for line in lines)
        parts.append(f'<p class="bn-layer">{escape(title)}</p><table class="bn-equations">{rows}</table>')
    return "".join(parts)


def _html_row(line: Equation) -> str:
    relation = "<mo>=</mo>" if line.relation == "=" else "<mo>∼</mo>"
    cells = ((as_mathml(line.left), "right"), (relation, "center"), (as_mathml(line.right), "left"))
    written = (
        f'<td style="text-align:{side};vertical-align:baseline">{_math(body)}</td>' for body, side in cells
    )
    return f"<tr>{''.join(written)}</tr>"


def _math(body: str) -> str:
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML" displaystyle="true">{body}</math>'


def _table(model: Model) -> list[tuple[str, str, str, str, str]]:
    """Block, name, meaning, prior and interval as text."""
    rows = []
    for quantity in quantities(model):
        bounds = quantity.interval()
        interval = f"{bounds[0]:.3g} to {bounds[1]:.3g}" if bounds else ""
        meaning = quantity.meaning + (f" [{quantity.unit}]" if quantity.unit else "")
        rows.append((quantity.block, quantity.name, meaning, quantity.text, interval))
    return rows


def _text_table(model: Model) -> str:
    head = ("", "name", "meaning", "prior", "95% prior interval")
    rows = _table(model)
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(1, 5)]

    def written(row: tuple[str, ...]) -> str:
        return "  " + "  ".join(f"{cell:<{w}}" for cell, w in zip(row[1:], widths, strict=True)).rstrip()

    lines = ["Priors", written(head)]
    lines.append("  " + "  ".join("-" * width for width in widths))
    return "\n".join([*lines, *map(written, rows)])


def _priors(model: Model) -> Printed:
    rows: list[tuple[str, ...]] = []
    block = ""
    for row in _table(model):
        if row[0] != block:
            block = row[0]
            rows.append((block,))
        rows.append(row[1:])
    return Printed(("name", "meaning", "prior", "95% prior interval"), rows, "llll")
