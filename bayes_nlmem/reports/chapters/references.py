"""What the methods section can cite: key -> reference, DOI (empty where there is none)."""

from __future__ import annotations

REFERENCES = {
    "pymc": (
        "Abril-Pla O, et al. PyMC: a modern, and comprehensive probabilistic programming framework in "
        "Python. PeerJ Computer Science 2023; 9: e1516.",
        "10.7717/peerj-cs.1516",
    ),
    "nuts": (
        "Hoffman MD, Gelman A. The No-U-Turn Sampler: adaptively setting path lengths in Hamiltonian Monte "
        "Carlo. Journal of Machine Learning Research 2014; 15: 1593-1623.",
        "",
    ),
    "rhat": (
        "Vehtari A, et al. Rank-normalization, folding, and localization: an improved R̂ for assessing "
        "convergence of MCMC. Bayesian Analysis 2021; 16: 667-718.",
        "10.1214/20-BA1221",
    ),
    "arviz": (
        "Kumar R, et al. ArviZ: a unified library for exploratory analysis of Bayesian models in Python. "
        "Journal of Open Source Software 2019; 4: 1143.",
        "10.21105/joss.01143",
    ),
    "shrinkage": (
        "Savic RM, Karlsson MO. Importance of shrinkage in empirical Bayes estimates for diagnostics: "
        "problems and solutions. AAPS Journal 2009; 11: 558-569.",
        "10.1208/s12248-009-9133-0",
    ),
    "numpyro": (
        "Phan D, Pradhan N, Jankowiak M. Composable effects for flexible and accelerated probabilistic "
        "programming in NumPyro. arXiv:1912.11554, 2019.",
        "",
    ),
    "saem": (
        "Delyon B, Lavielle M, Moulines E. Convergence of a stochastic approximation version of the EM "
        "algorithm. Annals of Statistics 1999; 27: 94-128.",
        "10.1214/aos/1018031103",
    ),
    "saem_nlme": (
        "Kuhn E, Lavielle M. Maximum likelihood estimation in nonlinear mixed effects models. "
        "Computational Statistics & Data Analysis 2005; 49: 1020-1038.",
        "10.1016/j.csda.2004.07.033",
    ),
    "louis": (
        "Louis TA. Finding the observed information matrix when using the EM algorithm. Journal of the "
        "Royal Statistical Society B 1982; 44: 226-233.",
        "10.1111/j.2517-6161.1982.tb01203.x",
    ),
    "bicc": (
        "Delattre M, Lavielle M, Poursat MA. A note on BIC in mixed-effects models. Electronic Journal of "
        "Statistics 2014; 8: 456-475.",
        "10.1214/14-EJS890",
    ),
    "npde": (
        "Comets E, Brendel K, Mentré F. Computing normalised prediction distribution errors to evaluate "
        "nonlinear mixed-effect models: the npde add-on package for R. Computer Methods and Programs in "
        "Biomedicine 2008; 90: 154-166.",
        "10.1016/j.cmpb.2007.12.002",
    ),
    "psense": (
        "Kallioinen N, Paananen T, Bürkner PC, Vehtari A. Detecting and diagnosing prior and likelihood "
        "sensitivity with power-scaling. Statistics and Computing 2024; 34: 57.",
        "10.1007/s11222-023-10366-5",
    ),
    "loo": (
        "Vehtari A, Gelman A, Gabry J. Practical Bayesian model evaluation using leave-one-out "
        "cross-validation and WAIC. Statistics and Computing 2017; 27: 1413-1432.",
        "10.1007/s11222-016-9696-4",
    ),
    "stacking": (
        "Yao Y, Vehtari A, Simpson D, Gelman A. Using stacking to average Bayesian predictive "
        "distributions. Bayesian Analysis 2018; 13: 917-1007.",
        "10.1214/17-BA1091",
    ),
}
