"""Bayesian nonlinear mixed-effects models for pharmacometrics.

Nouns are frozen records (what is assumed, what was seen, what was learnt), verbs are functions, and
`build(model, data)` is the one translation between a model and its PyMC graph.

`import bayes_nlmem as bn` loads nothing else: a public name is imported from its module at first use.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0.dev0"

# Public name -> module that defines it, below this package. A name that maps to itself is a sub-package.
_EXPORTS: dict[str, str] = {
    # ground
    "BayesNlmemError": "ground.messages",
    "DataError": "ground.messages",
    "Fault": "ground.messages",
    "FitError": "ground.messages",
    "ModelError": "ground.messages",
    # ground: priors and scales
    "about": "ground.values",
    "prior": "ground.published",
    "Beta": "ground.priors",
    "Dirichlet": "ground.matrix_priors",
    "Distribution": "ground.priors",
    "ExponentialPrior": "ground.priors",
    "Gamma": "ground.priors",
    "HalfCauchy": "ground.priors",
    "HalfNormal": "ground.priors",
    "HalfStudentT": "ground.priors",
    "InverseGamma": "ground.priors",
    "InverseWishart": "ground.matrix_priors",
    "Joint": "ground.matrix_priors",
    "LKJ": "ground.priors",
    "LogNormal": "ground.priors",
    "Normal": "ground.priors",
    "Prior": "ground.priors",
    "ScaledInverseWishart": "ground.matrix_priors",
    "StudentT": "ground.priors",
    "Truncated": "ground.truncated",
    "TruncatedNormal": "ground.priors",
    "Uniform": "ground.priors",
    "Log": "ground.scales",
    "Logit": "ground.scales",
    "Natural": "ground.scales",
    "Probit": "ground.scales",
    "Scale": "ground.scales",
    # statistics
    "allometry": "statistics.size",
    "BoxCoxEta": "statistics.eta_laws",
    "Categorical": "statistics.covariates",
    "CovariateEffect": "statistics.covariates",
    "Emax": "statistics.saturating",
    "EtaLaw": "statistics.eta_laws",
    "Exponential": "statistics.covariates",
    "Imputed": "statistics.imputation",
    "ImputedCategory": "statistics.imputation",
    "Interaction": "statistics.interaction",
    "Linear": "statistics.covariates",
    "LogFolds": "statistics.log_folds",
    "Maturation": "statistics.saturating",
    "PiecewiseLinear": "statistics.piecewise",
    "Power": "statistics.covariates",
    "Additive": "statistics.residuals",
    "AR1Error": "statistics.autocorrelated_error",
    "BoxCoxError": "statistics.transformed_errors",
    "Combined": "statistics.residuals",
    "LogNormalError": "statistics.log_normal_error",
    "PowerError": "statistics.residuals",
    "Proportional": "statistics.residuals",
    "Residual": "statistics.residuals",
    "Scaled": "statistics.scaled_error",
    "StudentTEta": "statistics.eta_laws",
    "StudentTError": "statistics.student_t_error",
    "YeoJohnsonError": "statistics.transformed_errors",
    # statistics: endpoints that are no measurements
    "Bernoulli": "statistics.bernoulli",
    "Endpoint": "statistics.endpoints",
    "ExponentialHazard": "statistics.hazards",
    "GompertzHazard": "statistics.hazards",
    "LogLogisticHazard": "statistics.hazards",
    "LogNormalHazard": "statistics.hazards",
    "MarkovChain": "statistics.markov",
    "NegativeBinomial": "statistics.counts",
    "OrderedCategorical": "statistics.ordered",
    "Poisson": "statistics.counts",
    "TimeToEvent": "statistics.time_to_event",
    "TwoStates": "statistics.markov",
    "WeibullHazard": "statistics.hazards",
    "ZeroInflated": "statistics.counts",
    # model
    "Correlated": "model.correlations",
    "CorrelatedResiduals": "model.correlated_residuals",
    "Model": "model.specification",
    "Parameter": "model.parameters",
    "PerClass": "model.classes",
    "difference": "model.comparison",
    "equations": "model.equations",
    "degrees_of_freedom": "model.published_table",
    "priors": "model.quantities",
    "priors_from_table": "model.published_table",
    "priors_from": "learning.fitted_priors",
    # data
    "Arm": "data.planned",
    "censored": "data.limits_of_quantification",
    "Dataset": "data.dataset",
    "Design": "data.planned",
    "read": "data.reader",
    "Regimen": "data.regimen",
    "subset": "data.dataset",
    # the subjects' likelihoods
    "LogLikelihood": "marginal.likelihood",
    "log_likelihood": "marginal.likelihood",
    # translation and learning
    "build": "translation.graph",
    "Fit": "learning.results",
    "fit": "learning.nuts",
    "load": "learning.storage",
    "peek": "learning.resuming",
    "resume": "learning.resuming",
    "sensitivity": "learning.sensitivity",
    "RunRecord": "learning.record",
    "saem": "learning.stochastic.estimation",
    "SaemFit": "learning.stochastic.result",
    "SaemRecord": "learning.stochastic.result",
    "Verdict": "learning.convergence",
    # checks: predictive
    "npde": "checks.prediction_errors",
    "NPDE": "checks.prediction_errors",
    "npde_of_arrays": "checks.prediction_errors",
    "numerical_predictive_check": "checks.numerical_predictive",
    "numerical_predictive_check_of_arrays": "checks.numerical_predictive",
    "outliers": "checks.outlying",
    "residuals": "checks.weighted",
    "shrinkage": "checks.loss_of_spread",
    "shrinkage_of_arrays": "checks.loss_of_spread",
    "CategoryVPC": "checks.categories",
    "EventVPC": "checks.events",
    "VPC": "checks.visual_predictive",
    "vpc": "checks.visual_predictive",
    "vpc_categories": "checks.categories",
    "vpc_categories_of_arrays": "checks.categories",
    "vpc_events": "checks.events",
    "vpc_of_arrays": "checks.visual_predictive",
    # selection
    "Relation": "selection.relations",
    "relations": "selection.relations",
    # dosing
    "Advice": "dosing.choice",
    "choose_dose": "dosing.choice",
    "Individual": "dosing.individual",
    "individualize": "dosing.individual",
    "Target": "dosing.targets",
    # design
    "expected_precision": "design.precision",
    "optimise_design": "design.optimum",
    "Optimum": "design.optimum",
    "Precision": "design.precision",
    # criteria
    "Averaged": "criteria.averaging",
    "average": "criteria.averaging",
    "BayesFactor": "criteria.evidence",
    "bayes_factor": "criteria.evidence",
    "compare": "criteria.comparison",
    "Comparison": "criteria.comparison",
    "cross_validate": "criteria.refits",
    "DIC": "criteria.deviance",
    "dic": "criteria.deviance",
    "ELPD": "criteria.elpd",
    "Evidence": "criteria.evidence",
    "information_criteria": "criteria.information",
    "InformationCriteria": "criteria.information",
    "leave_future_out": "criteria.refits",
    "log_evidence": "criteria.evidence",
    "loo": "criteria.leave_one_out",
    "waic": "criteria.leave_one_out",
    # plots
    "explore_goodness_of_fit": "plots.interactive.goodness",
    "explore_individual_fits": "plots.interactive.individuals",
    "explore_random_effects": "plots.interactive.effects",
    "explore_vpc": "plots.interactive.predictive",
    "plot_calibration": "plots.calibration",
    "plot_comparison": "plots.comparison",
    "plot_convergence": "plots.phases",
    "plot_covariate_effects": "plots.forest",
    "plot_effect_pairs": "plots.effect_pairs",
    "plot_effect_quantiles": "plots.effect_pairs",
    "plot_effects_against_covariates": "plots.effects",
    "plot_exposure": "plots.forest",
    "plot_goodness_of_fit": "plots.goodness",
    "plot_individual_fits": "plots.individuals",
    "plot_npde": "plots.errors",
    "plot_numerical_predictive_check": "plots.coverage",
    "plot_model": "plots.model_picture",
    "plot_observations": "plots.observations",
    "plot_outliers": "plots.coverage",
    "plot_prior_posterior": "plots.learnt",
    "plot_prior_predictive": "plots.prior_predictive",
    "plot_random_effects": "plots.effects",
    "plot_residuals": "plots.residual_panels",
    "plot_recovery": "plots.calibration",
    "plot_vpc": "plots.predictive",
    # reports
    "Report": "reports.document",
    "report": "reports.document",
    # structures
    "structures": "structures",
    "Function": "structures.function",
    "ODE": "structures.ode",
    "OneCompartment": "structures.compartments",
    "ThreeCompartment": "structures.compartments",
    "Tolerances": "engine.ode.tolerances",
    "TwoCompartment": "structures.compartments",
    # checks
    "Calibration": "checks.calibration",
    "covariate_effects": "checks.covariate_ratios",
    "diagnose": "checks.diagnosis",
    "Diagnosis": "checks.doctor.findings",
    "Exposure": "checks.exposure",
    "exposure": "checks.exposure",
    "identifiability": "checks.identification",
    "Identifiability": "checks.identification",
    "load_calibration": "checks.calibration",
    "nca": "checks.noncompartmental",
    "predictive_p_values": "checks.tail_probabilities",
    "sbc": "checks.calibration",
    "with_predictive": "checks.tail_probabilities",
    # simulation
    "prior_predictive": "simulation.prior_predictions",
    "PriorPredictive": "simulation.prior_predictions",
    "simulate": "simulation.replicates",
    "Simulation": "simulation.simulated",
    "solve": "simulation.solving",
    # zoo
    "Study": "zoo.shelf",
    "zoo": "zoo",
}

__all__ = ["__version__", *_EXPORTS]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'bayes_nlmem' has no attribute {name!r}")
    module = import_module(f"{__name__}.{_EXPORTS[name]}")
    value = module if _EXPORTS[name] == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
