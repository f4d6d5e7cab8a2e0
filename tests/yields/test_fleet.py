"""Several turbines to choose from: each site takes the best for its wind."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError

from siting.yields.wind import WindFarm, add_wind_yield

LOW, STURDY = "NREL_6MW_196", "windpowerlib:E-126/4200"


def sites_of(scales, altitudes, hours=3000):
    """Rayleigh winds with the same quantiles, scaled."""
    share = (np.random.default_rng(5).permutation(hours) + 0.5) / hours
    speed = np.minimum(np.array(scales)[:, None] * np.sqrt(-np.log(1 - share)), 60.0)
    return xr.Dataset(
        {"altitude": ("site", np.array(altitudes, float)), "wind_speed_100m": (("site", "time"), speed),
         "temp_air": (("site", "time"), np.full(speed.shape, 8.0))},
        coords={"site": np.arange(len(scales)), "time": np.datetime64("2013-01-01", "ns") + np.arange(hours) * np.timedelta64(1, "h")},
    )  # fmt: skip


def fleet(**fields) -> WindFarm:
    return WindFarm(turbine=(LOW, STURDY), hub_height=100.0, **fields)


def test_each_site_has_the_output_of_its_best_turbine():
    sites = sites_of([5.0, 8.0, 20.0], [0, 2900, 0])
    found = add_wind_yield(sites, fleet())
    alone = {name: add_wind_yield(sites, WindFarm(turbine=name, hub_height=100.0))["wind_capacity_factor"].values for name in (LOW, STURDY)}
    best = [max(alone, key=lambda name: alone[name][site].sum()) for site in range(3)]
    assert found["turbine"].values.tolist() == best == [LOW, LOW, STURDY]
    for site, name in enumerate(best):
        assert found["wind_capacity_factor"].values[site].tobytes() == alone[name][site].tobytes()


def test_a_low_wind_machine_stands_on_the_plateau_and_not_on_the_coast():
    """8.2 m/s on average load a machine at 3,500 m like 6.9 m/s at the sea, which class III bears (7.5 m/s)."""
    scale = 8.2 * 2 / np.sqrt(np.pi)
    found = add_wind_yield(sites_of([scale, scale], [3500, 0]), fleet(design_wind_speed=(7.5, 10.0)))
    assert found["turbine"].values.tolist() == [LOW, STURDY]


def test_where_no_machine_is_built_for_the_wind_the_sturdiest_stands():
    found = add_wind_yield(sites_of([14.0], [0]), fleet(design_wind_speed=(7.5, 10.0)))
    assert found["turbine"].values.tolist() == [STURDY]


def test_costs_tip_the_choice():
    sites = sites_of([8.0], [0])
    alone = [add_wind_yield(sites, WindFarm(turbine=name, hub_height=100.0))["wind_capacity_factor"].values.sum() for name in (LOW, STURDY)]
    ratio = alone[0] / alone[1]
    for cost, best in ((ratio * 0.99, LOW), (ratio * 1.01, STURDY)):
        assert add_wind_yield(sites, fleet(relative_cost=(cost, 1.0)))["turbine"].item() == best


def test_lazy_fleet_equals_eager_and_missing_sites_have_no_turbine():
    sites = sites_of([5.0, 8.0, 20.0], [0, 2900, 0])
    sites["wind_speed_100m"][1] = np.nan
    sites["temp_air"][2, 5] = np.nan
    eager, lazy = add_wind_yield(sites, fleet()), add_wind_yield(sites.chunk(site=1), fleet())
    assert lazy["turbine"].chunks is not None
    xr.testing.assert_identical(lazy.compute(), eager)
    assert eager["turbine"].values.tolist() == [LOW, "", STURDY]
    assert np.isnan(eager["wind_capacity_factor"].values).sum(axis=1).tolist() == [0, 3000, 1]


def test_float32_stays_float32_and_lazy():
    sites = sites_of([8.0, 9.0], [0, 100]).astype(np.float32)
    for dataset in (sites, sites.chunk(site=1)):
        found = add_wind_yield(dataset, WindFarm())["wind_capacity_factor"]
        assert found.dtype == found.compute().dtype == np.float32


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"turbine": (LOW, LOW)}, "expected turbines that differ"),
        ({"turbine": ()}, "at least 1 item"),
        ({"turbine": (LOW, "NREL_6MW_19")}, "did you mean 'NREL_6MW_196'"),
        ({"turbine": (LOW, STURDY)}, "expected hub_height for the power curve windpowerlib:E-126/4200, which names none"),
        ({"relative_cost": (1.0,), "turbine": (LOW, STURDY), "hub_height": 100}, "relative_cost for each of 2 turbines, found 1"),
        ({"design_wind_speed": (7.5, 8.5)}, "design_wind_speed for each of 1 turbines, found 2"),
        ({"turbine": "windpowerlib:E-126/4201", "hub_height": 100}, "did you mean 'windpowerlib:E-126/4200'"),
    ],
)
def test_fleets_that_can_not_be_are_refused(fields, said):
    with pytest.raises(ValidationError, match=said):
        WindFarm(**fields)
