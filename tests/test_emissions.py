import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from siting.emissions import Accounting, add_emissions, carbon_free_share, location_based
from siting.vocabulary import AlignmentError

#: Consumption-side factors of 2022 [kg/kWh].
INNER_MONGOLIA, QINGHAI = 0.6849, 0.1567


def test_one_gigawatt_hour_moved_from_ordos_to_xining():
    """684.9 t become 156.7 t, 528.2 t less."""
    assert location_based(1000.0, INNER_MONGOLIA) == pytest.approx(684.9)
    assert location_based(1000.0, QINGHAI) == pytest.approx(156.7)
    assert location_based(1000.0, INNER_MONGOLIA) - location_based(1000.0, QINGHAI) == pytest.approx(528.2)
    assert location_based(0.0, INNER_MONGOLIA) == 0


def test_residual_of_ordos():
    """80 % direct and 20 % from the grid: 0.137 kg/kWh, 84 % carbon-free at a grid share of 0.2."""
    assert location_based(0.2, INNER_MONGOLIA) == pytest.approx(0.137, abs=5e-4)
    assert carbon_free_share(0.8, 0.2, 0.2) == pytest.approx(0.84)


def sites(**changes):
    values = {
        "load_energy": ("site", np.array([1000.0, 1000.0, 1000.0])),
        "import_energy": (("site", "target"), np.array([[200.0, 100.0]] * 3)),
        "exported_energy": (("site", "target"), np.array([[500.0, 900.0]] * 3)),
        "matched_share": (("site", "target"), np.array([[0.8, 0.9]] * 3)),
        "grid_emission_factor": ("site", np.array([INNER_MONGOLIA, QINGHAI, np.nan])),
        "grid_carbon_free_share": ("site", np.array([0.2, 0.855, 0.97])),
    }
    return xr.Dataset({**values, **changes}, coords={"site": [1, 2, 3], "target": [0.8, 0.9]})


def test_emissions_of_imports_per_load():
    result = add_emissions(sites(), Accounting())
    np.testing.assert_allclose(result["scope2_location"][:2], np.outer([INNER_MONGOLIA, QINGHAI], [0.2, 0.1]), rtol=1e-12)
    np.testing.assert_allclose(result["carbon_free_share"], [[0.84, 0.92], [0.971, 0.9855], [0.994, 0.997]], rtol=1e-12)


def test_unknown_factor_is_never_zero():
    assert add_emissions(sites(), Accounting())["scope2_location"].pipe(np.isnan).all("target").to_numpy().tolist() == [False, False, True]


def test_exports_change_nothing():
    none = add_emissions(sites(exported_energy=(("site", "target"), np.zeros((3, 2)))), Accounting())
    xr.testing.assert_identical(none["scope2_location"], add_emissions(sites(), Accounting())["scope2_location"])


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.1))
def test_cleaner_grid_never_lowers_the_carbon_free_share(matched, grid, more):
    share = carbon_free_share(matched, 1 - matched, grid)
    assert matched <= share <= carbon_free_share(matched, 1 - matched, grid + more)
    assert share <= 1 + 1e-12


def test_lazy_equals_eager():
    xr.testing.assert_identical(add_emissions(sites().chunk(site=2), Accounting()).compute(), add_emissions(sites(), Accounting()))


def test_factors_of_another_year_are_refused():
    other = sites()
    other["grid_emission_factor"].attrs["year"] = 2021
    with pytest.raises(AlignmentError, match=r"set accounting\.year to 2021"):
        add_emissions(other, Accounting())
    other["grid_emission_factor"].attrs["year"] = 2022
    assert "scope2_location" in add_emissions(other, Accounting())


def test_years_without_factors_are_refused():
    for year in (2021, 2023):
        with pytest.raises(ValidationError):
            Accounting(year=year)
