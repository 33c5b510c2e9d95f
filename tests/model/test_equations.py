"""The model prints itself as it would stand in a paper."""

from dataclasses import dataclass
from xml.dom.minidom import parseString

import pytest

import bayes_nlmem as bn

TEXT = """\
Individual parameters
  KA_i       = KA_pop · exp(eta_KA,i)
  CL_ik      = CL_pop · (WT_i/70)^0.75 · CL_SEX_F^[SEX_i = F] · exp(eta_CL,i + kappa_CL,ik)
  V_i        = V_pop · (WT_i/70)^V_WT · exp(eta_V,i)
  logit(F_i) = logit(F_pop) + F_FED · FED_i + eta_F,i
  ALAG_i     = 0.2 + ALAG_AGE · (AGE_i - 40)

Random effects (jointly normal)
  eta_KA,i               ~ N(0, omega_KA²)
  eta_CL,i               ~ N(0, omega_CL²)
  eta_V,i                ~ N(0, 0.3²)
  eta_F,i                ~ N(0, omega_F²)
  corr(eta_CL,i, eta_V,i) = corr_CL_V
  kappa_CL,ik            ~ N(0, gamma_CL²)

Predictions
  cp_ij = OneCompartment(t_ij, KA_i, CL_ik, V_i, F_i, ALAG_i)

Observations
  cp_obs,ij ~ N(cp_ij, sd_cp,ij²)
  sd_cp,ij  = sqrt(sigma_cp_add² + (0.1 · cp_ij)²)"""


def squeezed(text):
    return [line.split() for line in text.splitlines()]


def test_text(model):
    assert squeezed(bn.equations(model)) == squeezed(TEXT)


def test_the_terminal_shows_equations_and_priors(model):
    page = repr(model)
    assert page.startswith("everything: OneCompartment(absorption='first-order'")
    assert bn.equations(model) in page
    for name, row in model.priors().iterrows():
        (line,) = [line for line in page.splitlines() if line.split()[:1] == [name]]
        assert row["prior"] in line


def test_latex_is_one_aligned_block(model):
    latex = bn.equations(model, form="latex")
    assert latex.startswith(r"\begin{aligned}")
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\left") == latex.count(r"\right")
    assert r"\left(\frac{\mathrm{WT}_{i}}{70}\right)^{0.75}" in latex
    assert r"\eta_{\mathrm{KA},i} &\sim \mathcal{N}\left(0, \omega_{\mathrm{KA}}^{2}\right)" in latex
    assert model._repr_latex_() == f"$${latex}$$"


def test_html_needs_no_library(model):
    page = model._repr_html_()
    parseString(page)  # well formed
    assert page.count("<math") == 3 * 14
    assert "<script" not in page
    assert bn.equations(model, form="html") in page
    assert "LogNormal(median 2.8, CV 50%)" in page


def test_names_are_escaped_in_html(model):
    odd = model.with_covariate("V", "A<B", bn.Exponential(bn.Normal(0, 1), reference=0)).with_name("<x>")
    page = odd._repr_html_()
    parseString(page)
    assert "<x>" not in page


def test_an_unknown_form_is_refused(model):
    with pytest.raises(bn.ModelError, match="form one of 'text', 'latex', 'html', got 'pdf'"):
        bn.equations(model, form="pdf")


def test_standard_deviations_add_where_asked(model):
    combined = bn.Combined(bn.about(1), bn.about(0.1), add="standard deviations")
    text = bn.equations(model.with_residual("cp", combined))
    assert "sd_cp,ij  = sigma_cp_add + sigma_cp_prop · cp_ij" in text


@dataclass(frozen=True)
class Doubling:
    """An effect of a user, with nothing but the protocol."""

    rate: float | bn.Prior

    def unknowns(self):
        return {"rate": self.rate}

    def check(self, values, scale):
        pass

    def shift(self, coefficients, x, xp, scale):
        return coefficients["rate"] * x


def test_an_effect_of_the_user_prints_by_its_name(model):
    own = model.with_covariate("V", "AGE", Doubling(bn.Normal(0, 1)))
    assert "· exp(Doubling(AGE_i, V_AGE_rate)) ·" in bn.equations(own)
    assert "V_AGE_rate" in own.priors().index
