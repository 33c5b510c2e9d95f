"""R-hat and effective sample sizes, by ArviZ."""

from __future__ import annotations

import warnings

import xarray as xr


def mixing(posterior: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset, xr.Dataset]:
    """R-hat, bulk ESS and tail ESS of every variable, element by element.

    Vehtari et al. 2021, doi:10.1214/20-BA1221.

    Parameters
    ----------
    posterior : Dataset
        Draws with dims (chain, draw, ...).

    Returns
    -------
    r_hat, ess_bulk, ess_tail : Dataset
        NaN where there are fewer than four draws.
    """
    import arviz_stats as az

    if posterior.sizes["draw"] < 4:
        nothing = posterior.isel(chain=0, draw=0, drop=True) * float("nan")
        return nothing, nothing, nothing
    tree = xr.DataTree.from_dict({"posterior": posterior})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = az.rhat(tree), az.ess(tree, method="bulk"), az.ess(tree, method="tail")
    return tuple(result.to_dataset() if isinstance(result, xr.DataTree) else result for result in found)  # type: ignore[return-value]
