"""The second layer says what it should: densities against scipy, gradients, draws, names."""

import warnings

import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
from numpy.testing import assert_allclose
from pymc.exceptions import ImplicitFreezeWarning
from scipy import stats

import bayes_nlmem as bn

TIMES = (0.5, 2.0, 6.0, 24.0)


def frame(n=6):
    """Subjects in three sites of two studies, two occasions each."""
    rows = []
    for subject in range(n):
        same = {"ID": subject + 1, "SITE": f"s{subject % 3}", "STUDY": "A" if subject % 3 < 2 else "B"}
        rows.append({**same, "TIME": 0.0, "AMT": 100.0, "DV": None, "OCC": 1})
        for k, time in enumerate(TIMES):
            dv = 2.0 + 0.1 * subject - 0.3 * k
            rows.append({**same, "TIME": time, "AMT": None, "DV": dv, "OCC": 1 + (k > 1)})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def data():
    return bn.read(frame(), covariates=["SITE", "STUDY"])


def model(changes=None, **other):
    """One compartment, known but for what a test is about."""
    base = {
        "CL": bn.Parameter(5.0, iiv=0.3),
        "V": bn.Parameter(40.0, iiv=0.2),
        "KA": bn.Parameter(1.2, iiv=0.5),
    }
    return bn.Model(
        structure=bn.OneCompartment(absorption="first-order"),
        parameters={**base, **(changes or {})},
        residuals={"cp": bn.Additive(0.3)},
        **other,
    )


def joint(*names, **more):
    typical = {"CL": 5.0, "V": 40.0, "KA": 1.2}
    return {name: bn.Parameter(typical[name], iiv=bn.Joint(), **more) for name in names}


def at_point(graph, outputs, values):
    """Values of expressions of the graph's values, at a point of its unconstrained space."""
    inputs = [graph.rvs_to_values[rv] for rv in graph.free_RVs]
    outputs = graph.replace_rvs_by_values(outputs)
    function = pytensor.function(inputs, outputs, mode="FAST_COMPILE", on_unused_input="ignore")
    start = graph.initial_point()
    return function(*(np.asarray({**start, **values}[value.name], float) for value in inputs))


def density_of_matrix(graph, names, latent, free):
    """Log-density that the latent variables imply for a matrix, at a random point, and that matrix.

    `free` gives the matrix's free elements from it; the Jacobian is numerical.
    """
    rng = np.random.default_rng(5)
    found = {rv.name: rv for rv in graph.free_RVs}
    variables = [found[name] for name in latent]
    values = [graph.rvs_to_values[rv] for rv in variables]
    start = graph.initial_point()
    x = {
        value.name: start[value.name] + 0.4 * rng.normal(size=np.shape(start[value.name])) for value in values
    }
    outputs = [sum(term.sum() for term in graph.logp(vars=variables, sum=False)), *(graph[n] for n in names)]
    inputs = [graph.rvs_to_values[rv] for rv in graph.free_RVs]
    function = pytensor.function(
        inputs, graph.replace_rvs_by_values(outputs), mode="FAST_COMPILE", on_unused_input="ignore"
    )

    def at(flat):
        point, position = dict(start), 0
        for value in values:
            size = int(np.size(x[value.name]))
            point[value.name] = flat[position : position + size].reshape(np.shape(x[value.name]))
            position += size
        log_density, *rest = function(*(np.asarray(point[value.name], float) for value in inputs))
        return float(log_density), free(dict(zip(names, map(float, rest), strict=True)))

    flat = np.concatenate([np.ravel(x[value.name]) for value in values])
    log_density, elements = at(flat)
    h = 1e-6
    jacobian = np.array([(at(flat + h * e)[1] - at(flat - h * e)[1]) / (2 * h) for e in np.eye(len(flat))]).T
    return log_density - np.linalg.slogdet(jacobian)[1], elements


def covariance(names, of):
    """Covariance matrix from named standard deviations and correlations."""
    n = len(names)
    matrix = np.diag([of[f"omega_{name}"] ** 2 for name in names])
    for i in range(n):
        for j in range(i):
            r = of.get(f"corr_{names[j]}_{names[i]}", 0.0)
            matrix[i, j] = matrix[j, i] = r * of[f"omega_{names[i]}"] * of[f"omega_{names[j]}"]
    return matrix


def named(names):
    pairs = [f"corr_{a}_{b}" for k, a in enumerate(names) for b in names[k + 1 :]]
    return [*(f"omega_{name}" for name in names), *pairs]


def lower(matrix):
    return matrix[np.tril_indices(len(matrix))]


def unlower(elements, n):
    matrix = np.zeros((n, n))
    matrix[np.tril_indices(n)] = elements
    return matrix + np.tril(matrix, -1).T


class TestCovarianceBlocks:
    def test_inverse_wishart_is_scipys(self, data):
        names = ("CL", "V", "KA")
        scale = [[0.2, 0.03, -0.02], [0.03, 0.1, 0.05], [-0.02, 0.05, 0.4]]
        order = ("V", "KA", "CL")  # the matrix is in the order of the block's names
        at = [order.index(name) for name in names]
        block = bn.Correlated(*order, prior=bn.InverseWishart(6, scale))
        graph = bn.build(model(joint(*names), correlated=[block]), data)
        latent = ["bartlett_squares_CL_V_KA", "bartlett_normals_CL_V_KA"]
        found, elements = density_of_matrix(
            graph, named(names), latent, lambda of: lower(covariance(names, of))
        )
        ordered = np.asarray(scale)[np.ix_(at, at)]
        assert_allclose(found, stats.invwishart.logpdf(unlower(elements, 3), 6, ordered), rtol=1e-7)

    def test_scaled_inverse_wishart_with_a_known_scale_is_an_inverse_wishart(self, data):
        block = bn.Correlated("CL", "V", prior=bn.ScaledInverseWishart(0.4))
        graph = bn.build(model(joint("CL", "V"), correlated=[block]), data)
        latent = ["bartlett_squares_CL_V", "bartlett_normals_CL_V"]
        names = ("CL", "V")
        found, elements = density_of_matrix(
            graph, named(names), latent, lambda of: lower(covariance(names, of))
        )
        assert_allclose(found, stats.invwishart.logpdf(unlower(elements, 2), 3, 0.16 * np.eye(2)), rtol=1e-7)

    def test_the_stated_marginal_priors_are_those_of_the_draws(self, data):
        prior = bn.InverseWishart(7, [[0.3, 0.0], [0.0, 0.1]])
        graph = bn.build(model(joint("CL", "V"), correlated=[bn.Correlated("CL", "V", prior=prior)]), data)
        omega, corr = pm.draw(
            [graph["omega_CL"], graph["corr_CL_V"]], draws=2000, random_seed=1, mode="FAST_COMPILE"
        )
        variance = stats.invgamma(3.0, scale=0.15)
        assert stats.kstest(omega**2, variance.cdf).pvalue > 1e-3
        assert stats.kstest((corr + 1) / 2, stats.beta(3, 3).cdf).pvalue > 1e-3
        assert_allclose(prior.deviation(0).interval(), np.sqrt(variance.ppf([0.025, 0.975])), rtol=1e-8)

    @pytest.mark.parametrize(
        ("names", "zeros"),
        [
            (("CL", "V", "KA"), [("CL", "KA")]),  # a band: the factor has the same zero
            (("CL", "V", "KA"), [("V", "KA")]),  # CL first is no elimination order; the factor fills in
        ],
    )
    def test_lkj_with_zeros_is_det_r_to_the_eta_minus_one(self, data, names, zeros):
        block = bn.Correlated(*names, prior=bn.LKJ(2.5), zeros=zeros)
        graph = bn.build(model(correlated=[block]), data)
        free = [n for n in named(names)[3:] if n != f"corr_{zeros[0][0]}_{zeros[0][1]}"]
        assert set(free) <= set(graph.named_vars)
        assert f"corr_{zeros[0][0]}_{zeros[0][1]}" not in graph.named_vars

        def elements(of):
            return np.array([of[name] for name in free])

        found, r = density_of_matrix(graph, free, ["partial_CL_V_KA"], elements)
        sds = {"omega_CL": 1.0, "omega_V": 1.0, "omega_KA": 1.0}
        matrix = covariance(names, {**sds, **dict(zip(free, r, strict=True))})
        # both patterns are a star with two correlations: the integral of det(R)^(eta - 1) over the disc
        log_constant = np.log(np.pi / 2.5)
        assert_allclose(found, 1.5 * np.log(np.linalg.det(matrix)) - log_constant, rtol=1e-6)

    @pytest.mark.parametrize("zeros", [(), [("V", "KA")]])
    def test_the_factor_belongs_to_the_named_correlations(self, data, zeros):
        """The density of eta is the multivariate normal with what is named in the graph."""
        names = ("CL", "V", "KA")
        block = bn.Correlated(*names, zeros=zeros)
        graph = bn.build(model(correlated=[block]), data, geometry="centred")
        eta = np.random.default_rng(0).normal(size=(6, 3)) * [0.3, 0.2, 0.5]
        free = [name for name in named(names)[3:] if name in graph.named_vars]
        partial = graph.initial_point()["partial_CL_V_KA_logodds__"]
        values = {"eta": eta, "partial_CL_V_KA_logodds__": partial + np.linspace(-0.7, 0.9, len(partial))}
        [density] = graph.logp(vars=[graph["eta"]], sum=False)
        density, *r = at_point(graph, [density, *(graph[name] for name in free)], values)
        sds = {"omega_CL": 0.3, "omega_V": 0.2, "omega_KA": 0.5}
        matrix = covariance(names, {**sds, **dict(zip(free, r, strict=True))})
        assert_allclose(density, stats.multivariate_normal.logpdf(eta, np.zeros(3), matrix), rtol=1e-10)

    def test_a_known_covariance_block_is_the_normal_law_with_it(self, data):
        matrix = [[0.09, 0.02], [0.02, 0.04]]
        stated = model(
            joint("CL", "V"), correlated=[bn.Correlated("V", "CL", prior=np.array(matrix)[::-1, ::-1])]
        )
        graph = bn.build(stated, data, geometry="centred")
        assert [rv.name for rv in graph.free_RVs] == ["eta"]
        eta = np.random.default_rng(0).normal(size=(6, 3)) * [0.3, 0.2, 0.5]
        [density] = at_point(graph, graph.logp(vars=[graph["eta"]], sum=False), {"eta": eta})
        full = np.diag([0.09, 0.04, 0.25])
        full[0, 1] = full[1, 0] = 0.02
        assert_allclose(density, stats.multivariate_normal.logpdf(eta, np.zeros(3), full), rtol=1e-10)
        table = stated.priors()
        assert table.loc["omega_V", "prior"] == "0.2 (known)"
        assert table.loc["corr_CL_V", "prior"] == "0.333333 (known)"

    def test_known_correlations_of_three(self, data):
        matrix = [[1, 0.5, 0.2], [0.5, 1, -0.3], [0.2, -0.3, 1]]
        graph = bn.build(
            model(correlated=[bn.Correlated("CL", "V", "KA", prior=matrix)]), data, geometry="centred"
        )
        eta = np.random.default_rng(0).normal(size=(6, 3)) * [0.3, 0.2, 0.5]
        [density] = at_point(graph, graph.logp(vars=[graph["eta"]], sum=False), {"eta": eta})
        sd = np.diag([0.3, 0.2, 0.5])
        assert_allclose(
            density, stats.multivariate_normal.logpdf(eta, np.zeros(3), sd @ matrix @ sd), rtol=1e-10
        )


class TestLevels:
    def test_correlated_occasion_effects(self, data):
        changes = {
            "CL": bn.Parameter(5.0, iov=bn.HalfNormal(0.2)),
            "V": bn.Parameter(40.0, iov=0.1),
        }
        stated = model(changes, correlated=[bn.Correlated("CL", "V", prior=0.4, level="occasion")])
        graph = bn.build(stated, data, geometry="centred")
        kappa = np.random.default_rng(0).normal(size=(12, 2)) * 0.2
        terms = graph.logp(vars=[graph["kappa"]], sum=False)
        [density] = at_point(graph, terms, {"kappa": kappa, "gamma_CL_log__": np.log(0.25)})
        matrix = [[0.0625, 0.01], [0.01, 0.01]]
        assert_allclose(density, stats.multivariate_normal.logpdf(kappa, np.zeros(2), matrix), rtol=1e-10)
        assert stated.priors().loc["corr_iov_CL_V", "prior"] == "0.4 (known)"

    def test_groups_shift_their_subjects(self, data):
        changes = {
            "CL": bn.Parameter(5.0, varies={"SITE": bn.HalfNormal(0.3), "STUDY": 0.2}),
            "V": bn.Parameter(40.0, varies={"SITE": 0.1}),
            "KA": bn.Parameter(1.2),
        }
        block = bn.Correlated("CL", "V", level="SITE")
        stated = model(changes, correlated=[block], nested={"SITE": "STUDY"})
        graph = bn.build(stated, data)
        assert graph.named_vars_to_dims["eta_SITE"] == ("SITE", "parameter_SITE")
        assert list(graph.coords["SITE"]) == ["s0", "s1", "s2"]
        assert {"omega_CL_SITE", "corr_SITE_CL_V", "eta_STUDY"} <= set(graph.named_vars)
        site, study = pm.draw([graph["eta_SITE"], graph["eta_STUDY"]], random_seed=1, mode="FAST_COMPILE")
        drawn = pm.draw(
            [graph["CL"], graph["eta_SITE"], graph["eta_STUDY"]], random_seed=2, mode="FAST_COMPILE"
        )
        clearance, site, study = drawn
        subject = np.arange(6)
        expected = 5.0 * np.exp(site[subject % 3, 0] + study[(subject % 3 == 2).astype(int), 0])
        assert_allclose(clearance, expected)

    def test_group_effects_are_normal_whatever_the_coordinates(self, data):
        changes = {"CL": bn.Parameter(5.0, varies={"SITE": 0.3})}
        graph = bn.build(model(changes), data)
        u = np.array([[0.5], [-1.0], [2.0]])
        [density] = at_point(
            graph, graph.logp(vars=[graph["eta_SITE"]], sum=False), {"eta_SITE_noncentred__": u}
        )
        assert_allclose(density, stats.norm.logpdf(0.3 * u, 0, 0.3) + np.log(0.3), rtol=1e-12)


class TestLaws:
    def test_box_cox_is_peterssons(self, data):
        graph = bn.build(model({"CL": bn.Parameter(5.0, iiv=0.3, law=bn.BoxCoxEta(-0.7))}), data)
        clearance, eta = pm.draw([graph["CL"], graph["eta"]], random_seed=1, mode="FAST_COMPILE")
        assert_allclose(clearance, 5 * np.exp((np.exp(eta[:, 0]) ** -0.7 - 1) / -0.7))

    def test_student_t_has_the_quantiles_of_t(self, data):
        graph = bn.build(model({"CL": bn.Parameter(5.0, iiv=0.3, law=bn.StudentTEta(3))}), data)
        eta = np.array([-1.5, -0.3, -0.0, 1e-9, 0.4, 0.9])[:, None] * np.ones(3)
        [clearance] = at_point(graph, [graph["CL"]], {"eta_noncentred__": eta / 0.3 * [1, 0, 0]})
        effect = np.log(clearance / 5) / 0.3
        assert_allclose(effect, stats.t(3).ppf(stats.norm.cdf(eta[:, 0] / 0.3)), rtol=1e-7, atol=1e-12)

    def test_student_t_far_out_keeps_its_digits(self):
        law = bn.StudentTEta(2.5)
        far = law.transformed(np.array([-9.0, 9.0]), 1.0, {"df": 2.5}, np)
        assert_allclose(far, stats.t(2.5).isf(stats.norm.sf(9.0)) * np.array([-1, 1]), rtol=1e-9)

    def test_box_cox_is_smooth_at_zero(self):
        eta = np.array([-0.5, 0.2])
        for shape in (0.0, 1e-9, -1e-5, 3e-5, 1e-4):
            found = bn.BoxCoxEta(0.0).transformed(eta, 0.3, {"shape": shape}, np)
            assert_allclose(found, eta + shape * eta**2 / 2 + shape**2 * eta**3 / 6, rtol=1e-13)


def everything():
    """All laws and scales, all priors of blocks, in two models."""
    first = {
        "CL": bn.Parameter(
            bn.LogNormal(5, cv=0.5),
            iiv=bn.Joint(),
            iov=bn.HalfNormal(0.2),
            varies={"SITE": bn.HalfNormal(0.3)},
            law=bn.BoxCoxEta(bn.Normal(0, 1)),
        ),
        "V": bn.Parameter(
            bn.TruncatedNormal(40, 10, lower=10, upper=90),
            iiv=bn.Joint(),
            iov=0.1,
            scale=bn.Probit(10, 90),
        ),
        "KA": bn.Parameter(
            bn.LogNormal(1.2, cv=0.5), iiv=bn.HalfNormal(0.4), law=bn.StudentTEta(bn.LogNormal(5, cv=0.5))
        ),
    }
    blocks = [
        bn.Correlated("CL", "V", prior=bn.InverseWishart(5, [[0.2, 0.05], [0.05, 0.1]])),
        bn.Correlated("CL", "V", level="occasion"),
    ]
    yield model(first, correlated=blocks)
    second = {
        "CL": bn.Parameter(5.0, iiv=bn.HalfNormal(0.3), law=bn.StudentTEta(4), varies={"SITE": 0.2}),
        "V": bn.Parameter(
            40.0, iiv=bn.HalfNormal(0.2), scale=bn.Natural(), varies={"SITE": bn.HalfNormal(0.1)}
        ),
        "KA": bn.Parameter(1.2, iiv=0.5, scale=bn.Logit(0, 5), law=bn.BoxCoxEta(0.5)),
    }
    blocks = [
        bn.Correlated("CL", "V", "KA", zeros=[("V", "KA")]),
        bn.Correlated("CL", "V", prior=bn.ScaledInverseWishart(bn.LogNormal(0.3, cv=1)), level="SITE"),
    ]
    second["CL"] = bn.Parameter(
        5.0, iiv=bn.HalfNormal(0.3), law=bn.StudentTEta(4), varies={"SITE": bn.Joint()}
    )
    second["V"] = bn.Parameter(40.0, iiv=bn.HalfNormal(0.2), scale=bn.Natural(), varies={"SITE": bn.Joint()})
    yield model(second, correlated=blocks)


@pytest.mark.parametrize("stated", list(everything()))
def test_gradients_are_finite_and_right(stated, data):
    graph = bn.build(stated, data)
    mode = "FAST_COMPILE"
    log_density, slope = graph.compile_logp(mode=mode), graph.compile_dlogp(mode=mode)
    rng = np.random.default_rng(2)
    start = graph.initial_point()
    assert np.all(np.isfinite(slope(start)))
    point = {name: value + 0.1 * rng.normal(size=np.shape(value)) for name, value in start.items()}
    direction = {name: rng.normal(size=np.shape(value)) for name, value in point.items()}
    h = 1e-5

    def moved(step):
        return log_density({name: value + step * direction[name] for name, value in point.items()})

    numerical = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h)
    flat = np.concatenate([np.ravel(direction[value.name]) for value in graph.value_vars])
    assert_allclose(slope(point) @ flat, numerical, rtol=1e-6)


@pytest.mark.parametrize("stated", list(everything()))
def test_it_is_written_saved_compared_and_drawn(stated, data):
    import json

    from bayes_nlmem.model.serialise import from_dict, to_dict

    assert from_dict(json.loads(json.dumps(to_dict(stated)))) == stated
    graph = bn.build(stated, data)
    for name, row in stated.priors().iterrows():
        assert ("(known)" in row["prior"]) != (name in graph.named_vars), name
    for form in ("text", "latex", "html"):
        assert len(bn.equations(stated, form)) > 100
    assert bn.difference(model(), stated)
    assert bn.difference(stated, stated) == ""
    with graph, warnings.catch_warnings():
        warnings.simplefilter("error", ImplicitFreezeWarning)
        prior = pm.sample_prior_predictive(draws=5, random_seed=1, compile_kwargs={"mode": "FAST_COMPILE"})
    assert np.all(np.isfinite(prior.prior_predictive["cp_obs"]))


class TestRefused:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: bn.Parameter(5.0, law=bn.BoxCoxEta(0.5)), "no iiv beside BoxCoxEta"),
            (lambda: bn.Parameter(5.0, iiv=0.3, law=0.5), "a law of the random effect, got 0.5"),
            (lambda: bn.StudentTEta(-1), "a number > 0 or a prior for df"),
            (lambda: bn.StudentTEta(bn.Normal(4, 1)), "allows values from -inf"),
            (lambda: bn.Parameter(5.0, varies={"subject": 0.3}), "between subjects it is iiv"),
            (lambda: bn.Parameter(5.0, varies={"SITE": -0.3}), r"varies\['SITE'\], got -0.3"),
            (lambda: bn.Parameter(bn.Joint()), "Joint belongs to Parameter"),
            (lambda: bn.Parameter(0.5, scale=bn.Probit(1, 0)), "lower < upper for Probit"),
            (lambda: bn.Parameter(1.5, scale=bn.Probit(0, 1)), "a number between 0 and 1"),
            (lambda: bn.InverseWishart(1, [[1, 0], [0, 1]]), "degrees of freedom > 1 in InverseWishart"),
            (lambda: bn.InverseWishart(5, [[1, 2], [2, 1]]), "a positive definite scale"),
            (lambda: bn.Correlated("CL", "V", prior=[[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]), "a 2 x 2 matrix"),
            (
                lambda: bn.Correlated("A", "B", "C", prior=[[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]),
                "a positive definite matrix",
            ),
            (
                lambda: bn.Correlated("A", "B", "C", "D", zeros=[("A", "C"), ("B", "D")]),
                "no ring of four or more",
            ),
            (lambda: bn.Correlated("A", "B", zeros=[("A", "B")]), "at least one correlation for every"),
            (lambda: bn.Correlated("A", "B", "C", zeros=[("A", "X")]), "pairs of the block"),
            (
                lambda: model({"CL": bn.Parameter(5.0, iiv=bn.Joint())}),
                "no block of correlations.*inverse-Wishart",
            ),
            (
                lambda: model(correlated=[bn.Correlated("CL", "V", prior=bn.ScaledInverseWishart(0.3))]),
                r"iiv=Joint\(\) for CL",
            ),
            (
                lambda: model(correlated=[bn.Correlated("CL", "V", level="occasion")]),
                r"parameters with IOV \(none has\)",
            ),
            (lambda: model(correlated=[bn.Correlated("CL", "V", level="SITE")]), r"a level of the model"),
            (lambda: model(nested={"SITE": "STUDY"}), "levels above the subject"),
        ],
    )
    def test_at_construction(self, make, message):
        with pytest.raises(bn.ModelError, match=f"(?s){message}"):
            make()

    @pytest.mark.parametrize(
        ("column", "nested", "message"),
        [
            ({"SITE": ["x"] * 30}, {}, "several groups in SITE.*got one"),
            ({"SITE": np.repeat(list("abcdef"), 5)}, {}, "6 groups of one subject each"),
            ({"SITE": ["a", "a", "b", "b", "b"] * 6}, {}, "one value of SITE per subject"),
            ({}, {}, "SITE crossed with STUDY.*Declare it"),
            (
                {"SITE": np.repeat(list("aabbab"), 5), "STUDY": np.repeat(list("xyxyxy"), 5)},
                {"SITE": "STUDY"},
                "every SITE within one STUDY, as declared",
            ),
            ({"STUDY": frame()["SITE"]}, {}, "the same groups of subjects in both"),
        ],
    )
    def test_levels_that_the_data_do_not_have(self, column, nested, message):
        table = frame().assign(**column)
        changes = {"CL": bn.Parameter(5.0, varies={"SITE": 0.3, "STUDY": 0.2})}
        study = bn.read(table, covariates={"SITE": None, "STUDY": None})
        with pytest.raises(bn.ModelError, match=f"(?s){message}"):
            bn.build(model(changes, nested=nested), study)

    def test_a_level_that_was_not_read(self, data):
        with pytest.raises(bn.ModelError, match="the level 'CENTRE' among the covariates read"):
            bn.build(model({"CL": bn.Parameter(5.0, varies={"CENTRE": 0.3})}), data)


def test_a_block_without_a_parameter_keeps_its_marginal_prior():
    scale = [[0.2, 0.01, 0.02], [0.01, 0.3, 0.03], [0.02, 0.03, 0.4]]
    block = bn.Correlated("CL", "V", "KA", prior=bn.InverseWishart(8, scale))
    smaller = model(joint("CL", "V", "KA"), correlated=[block]).with_structure(bn.OneCompartment(), KA=None)
    [rest] = smaller.correlated
    assert rest.prior == bn.InverseWishart(7, [[0.2, 0.01], [0.01, 0.3]])
