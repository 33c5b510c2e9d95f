"""Priors from the parameter table of a publication, the matrix of random effects included."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.matrix_priors import InverseWishart
from bayes_nlmem.ground.messages import ModelError, closest, explain
from bayes_nlmem.ground.prior import LINE, POSITIVE, Prior, Support, is_number
from bayes_nlmem.ground.published import FORMS, Published, fraction_of
from bayes_nlmem.ground.values import refusal
from bayes_nlmem.model.levels import SUBJECT, level_of
from bayes_nlmem.model.quantities import (
    CORRELATIONS,
    GROUPS,
    IIV,
    IOV,
    STRUCTURAL,
    Quantity,
    quantities,
)

if TYPE_CHECKING:
    import pandas

    from bayes_nlmem.model.specification import Model

Key = str | tuple[str, ...]


def priors_from_table(
    model: Model, table: pandas.DataFrame | Mapping[str, Any], *, widen: float = 1.0
) -> FrozenMapping[Key, Prior]:
    r"""Priors for a model from a table of published estimates with their standard errors.

    Every row becomes the prior that `prior` makes of it. Where the table has the standard deviations and the
    correlations of a whole block of random effects (`Correlated`), the block gets an inverse-Wishart prior:
    its mean is the published covariance matrix :math:`\Omega`, its degrees of freedom are those with which
    the marginal of a diagonal element (an inverse gamma) has the published relative standard error of that
    variance,

    .. math:: \nu = p + 3 + 2 / \mathrm{RSE}(\omega^2)^2, \quad \Psi = (\nu - p - 1)\,\Omega,

    of the least certain one of the p variances, so that nothing is claimed that was not published; see
    `degrees_of_freedom`. (NONMEM users set :math:`\nu = 2/\mathrm{RSE}^2 + 1` and
    :math:`\Psi = \nu\,\Omega` in `$PRIOR NWPRI`: the same for small RSE.)

    Parameters
    ----------
    model : Model
        Its quantities are named in the table.
    table : DataFrame or mapping
        A DataFrame with the index (or a column `name`) of names in the graph (`CL_pop`, `omega_CL`,
        `corr_CL_V`, `sigma_cp_prop`, ...) and the columns `estimate`, `rse` ("25%" or a fraction) or `se`,
        and optionally `of` ("value", "sd", "variance", "cv"). Or name -> (estimate, rse) or
        (estimate, rse, of).
    widen : float
        Factor of all relative standard errors, above 1 for a population that is not quite the same.

    Returns
    -------
    FrozenMapping
        Name in the graph (of a block: the tuple of its parameters) -> Prior, for `model.with_priors`.

    Raises
    ------
    ModelError
        Names that the model does not have or that are known numbers there (their priors would have no
        effect), missing standard errors, correlations without the rest of their block.

    References
    ----------
    Gisleskog, Karlsson and Beal 2002, doi:10.1023/A:1022972420004.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> model = bn.zoo.load("theophylline").model
    >>> published = {
    ...     "CL_pop": (2.75, "8%"),
    ...     "omega_CL": (0.07, "40%", "variance"),
    ...     "omega_V": (0.02, "50%", "variance"),
    ...     "corr_CL_V": (0.3, None),
    ... }
    >>> priors = bn.priors_from_table(model, published)
    >>> print(priors["CL_pop"], "|", priors["CL", "V"])
    LogNormal(median 2.75, CV 8%) | InverseWishart(df 13, scale [[0.7, 0.11225], [0.11225, 0.2]])
    """
    known = {quantity.name: quantity for quantity in quantities(model)}
    rows, problems = _rows(table)
    if not (is_number(widen) and widen > 0):
        problems.append(explain(expected="widen a number > 0", got=repr(widen), remedy="1 widens nothing."))
    for name in rows:
        if name not in known:
            remedy = closest(name, known) or f"The model has {', '.join(known)}."
            got = f"{name!r}, whose prior would have no effect"
            problems.append(explain(expected="names of quantities of the model", got=got, remedy=remedy))
        elif known[name].known:
            problems.append(
                explain(
                    expected="names of unknown quantities",
                    got=f"{name!r}, which is known in the model ({known[name].text}): a prior would have no "
                    "effect",
                    remedy="Leave the row out, or make it unknown first.",
                )
            )
    if problems:
        raise refusal(problems, "The table does not fit the model")
    blocks = _blocks(model, rows, widen, problems)
    within = {name for _, names, _ in blocks for name in names}
    found: dict[Key, Prior] = {key: prior for key, _, prior in blocks}
    for name, row in rows.items():
        if name in within:
            continue
        if row.rse is None and row.se is None:
            remedy = "Give it, or leave the row out."
            problems.append(explain(expected=f"rse or se of {name}", got="neither", remedy=remedy))
            continue
        row = Published(
            row.value,
            None if row.rse is None else row.rse * widen,
            None if row.se is None else row.se * widen,
            row.of,
        )
        settled, wrong = row.settled(_range(model, known[name]), name)
        found[name] = settled
        problems += wrong
    if problems:
        raise refusal(problems, "The table does not fit the model")
    return FrozenMapping(found)


def degrees_of_freedom(rse: float | str, *, size: int = 1) -> float:
    r"""Degrees of freedom of an inverse-Wishart prior from the relative standard error of a variance.

    :math:`\nu = p + 3 + 2/\mathrm{RSE}^2`: a diagonal element of :math:`IW(\nu, \Psi)` of size p is inverse
    gamma with shape :math:`(\nu - p + 1)/2`, whose coefficient of variation is
    :math:`\sqrt{2/(\nu - p - 3)}`.

    Parameters
    ----------
    rse : float or str
        Of the variance (not of the standard deviation, which has half of it): 0.4 or "40%".
    size : int
        Number of parameters in the block.

    Returns
    -------
    float

    Raises
    ------
    ModelError
        If `rse` is no fraction or percentage.

    Examples
    --------
    >>> degrees_of_freedom("50%")
    12.0
    """
    fraction, problems = fraction_of(rse)
    if problems or fraction is None:
        raise ModelError(problems[0])
    return size + 3 + 2 / fraction**2


def _rows(table: Any) -> tuple[dict[str, Published], list[str]]:
    """The table by name, as published."""
    if isinstance(table, Mapping):
        listed = {str(name): _of_tuple(entry) for name, entry in table.items()}
    elif hasattr(table, "columns"):
        frame = table.set_index("name") if "name" in table.columns else table
        if "estimate" not in frame.columns or not {"rse", "se"} & set(frame.columns):
            expected = "columns estimate, and rse or se, in the table"
            got = ", ".join(map(str, frame.columns))
            return {}, [explain(expected=expected, got=got, remedy="Rename them.")]
        listed = {str(name): _of_series(row) for name, row in frame.iterrows()}
    else:
        expected = "a DataFrame, or a mapping of name to (estimate, rse)"
        remedy = 'Write {"CL_pop": (2.8, "10%")}.'
        return {}, [explain(expected=expected, got=type(table).__name__, remedy=remedy)]
    rows, problems = {}, []
    for name, (value, rse, se, of) in listed.items():
        fraction = None
        if rse is not None:
            fraction, wrong = fraction_of(rse)
            problems += [f"{name}: {problem}" for problem in wrong]
        if not is_number(value):
            remedy = "Give a number."
            problems.append(explain(expected=f"an estimate of {name}", got=repr(value), remedy=remedy))
        elif of not in FORMS:
            remedy = "Correct the column `of`."
            expected = f"of one of {', '.join(FORMS)} for {name}"
            problems.append(explain(expected=expected, got=repr(of), remedy=remedy))
        else:
            rows[name] = Published(float(value), fraction, se, of)
    return rows, problems


def _of_tuple(entry: Any) -> tuple[Any, Any, Any, str]:
    if isinstance(entry, Published):
        return entry.value, entry.rse, entry.se, entry.of
    parts = tuple(entry) if isinstance(entry, (tuple, list)) else (entry,)
    padded = (*parts, None, None)[:3]
    return padded[0], padded[1], None, padded[2] or "value"


def _of_series(row: Any) -> tuple[Any, Any, Any, str]:
    def cell(name: str) -> Any:
        value = row.get(name)
        blank = value is None or (isinstance(value, float) and math.isnan(value))
        return None if blank else value

    return cell("estimate"), cell("rse"), cell("se"), cell("of") or "value"


def _blocks(
    model: Model, rows: Mapping[str, Published], widen: float, problems: list[str]
) -> list[tuple[tuple[str, ...], list[str], Prior]]:
    """Key, names of the rows and prior of every block of which the table has correlations."""
    found: list[tuple[tuple[str, ...], list[str], Prior]] = []
    level = level_of(model, SUBJECT)
    for block in level.blocks:
        members = level.members(block)
        pairs = {
            (i, j): level.correlation(members[i], members[j])
            for i in range(len(members))
            for j in range(i + 1, len(members))
        }
        given = [name for name in pairs.values() if name in rows]
        if not given:
            continue
        wanted = [*(level.deviation(name) for name in members), *pairs.values()]
        if lacking := [name for name in wanted if name not in rows]:
            got = f"no {', '.join(lacking)}"
            remedy = "An inverse-Wishart prior needs the whole block; or leave the correlations out."
            problems.append(explain(expected=f"the whole block of {given[0]}", got=got, remedy=remedy))
            continue
        spread = [rows[level.deviation(name)] for name in members]
        if any(row.rse is None and row.se is None for row in spread):
            remedy = "Give it in the table."
            problems.append(explain(expected=f"rse of {wanted[0]} and the others of its block", got="none",
                                    remedy=remedy))  # fmt: skip
            continue
        sizes = [row.magnitude() for row in spread]
        p = len(members)
        correlation = [[1.0] * p for _ in range(p)]
        for (i, j), name in pairs.items():
            correlation[i][j] = correlation[j][i] = rows[name].value
        relative = max(variance_rse(rse) for _, rse in sizes) * widen
        df = degrees_of_freedom(relative, size=p) if relative <= 2 else p + 3.5
        matrix = [
            [(df - p - 1) * correlation[i][j] * sizes[i][0] * sizes[j][0] for j in range(p)] for i in range(p)
        ]
        found.append((members, wanted, InverseWishart(df, matrix)))
    return found


def variance_rse(rse: float) -> float:
    """Relative standard error of a square, from that of the number, by way of log-normal laws.

    Examples
    --------
    >>> round(variance_rse(0.1), 3)
    0.202
    """
    return math.sqrt(math.expm1(4 * math.log1p(rse**2)))


def _range(model: Model, quantity: Quantity) -> Support:
    """Where a quantity may lie: as the model says, else as its prior does."""
    if quantity.block == STRUCTURAL:
        return model.parameters[quantity.owner].scale.range
    if quantity.block in (IIV, IOV, GROUPS) and quantity.name.startswith(("omega_", "gamma_")):
        return POSITIVE
    if quantity.block == CORRELATIONS:
        return (-1.0, 1.0)
    support = quantity.value.support if isinstance(quantity.value, Prior) else None
    return support or LINE
