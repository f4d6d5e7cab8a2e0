"""Scope 2 emissions and carbon-free share of the matched supply."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from siting.vocabulary import AlignmentError, Parameters, step

if TYPE_CHECKING:
    import xarray as xr

Amount = TypeVar("Amount", float, NDArray[np.float64], "xr.DataArray")


class Accounting(Parameters):
    """Which grid factors count."""

    year: int = Field(2022, ge=2022, le=2022, description="Year of the provincial consumption-side emission factors; 2022 is embedded.")


def location_based(import_energy: Amount, factor: Amount) -> Amount:
    """Location-based Scope 2 emissions.

    Parameters
    ----------
    import_energy : float or array
        Energy drawn from the public grid [MWh]. Own power used on site is not bought, and exports are never netted.
    factor : float or array
        Consumption-side emission factor of the grid [kg/kWh].

    Returns
    -------
    float or array
        Emissions [t]; NaN where the factor is unknown (Tibet), never 0.

    References
    ----------
    World Resources Institute, "GHG Protocol Scope 2 Guidance", 2015.
    """
    return import_energy * factor


def carbon_free_share(matched_share: Amount, import_share: Amount, grid_share: Amount) -> Amount:
    """Share of the load served without direct emissions, own plants and grid together.

    Parameters
    ----------
    matched_share : float or array
        Share of the load served by own plants or their storage in the same hour [1].
    import_share : float or array
        Share of the load drawn from the grid [1].
    grid_share : float or array
        Carbon-free share of what the grid delivers [1].

    Returns
    -------
    float or array
        Carbon-free share [1].
    """
    return matched_share + import_share * grid_share


@step(
    needs=("load_energy", "import_energy", "matched_share", "grid_emission_factor", "grid_carbon_free_share"),
    adds=("scope2_location", "carbon_free_share"),
)
def add_emissions(sites: xr.Dataset, accounting: Accounting) -> xr.Dataset:
    """Emissions and carbon-free share of each site and target.

    Parameters
    ----------
    sites : Dataset
        Has imports, load, matched share, and the factor and carbon-free share of the province's grid.
    accounting : Accounting
        Year of the factors.

    Returns
    -------
    Dataset
        With ``scope2_location`` [kg per kWh of load] and ``carbon_free_share`` [1]. The latter counts imports at the carbon-free
        share of the province's annual generation: it knows neither the hour, nor exchange between provinces, nor whether
        others have claimed that power.

    Raises
    ------
    AlignmentError
        If the factors state another year than ``accounting``.
    """
    stated = sites["grid_emission_factor"].attrs.get("year", accounting.year)
    if int(stated) != accounting.year:
        raise AlignmentError(f"Expected emission factors of {accounting.year}, found those of {stated}; set accounting.year to {stated}.")
    import_share = sites["import_energy"] / sites["load_energy"]
    return sites.assign(
        scope2_location=location_based(sites["import_energy"], sites["grid_emission_factor"]) / sites["load_energy"],
        carbon_free_share=carbon_free_share(sites["matched_share"], import_share, sites["grid_carbon_free_share"]),
    )
