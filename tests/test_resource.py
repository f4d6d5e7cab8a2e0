"""The step that adds the weather: levels, bits, seasons, clocks and the errors it promises."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError

from siting.resource import Weather, add_weather, note_weather, other_years, weather_blocks
from siting.solar_position import solar_position
from siting.vocabulary import AlignmentError, MissingVariableError, UnitsError

ADDED = ("ghi", "dni", "dhi", "temp_air", "wind_speed_100m")
CORNERS = {
    "Golmud": (36.4, 94.9),
    "Kashgar": (39.47, 75.99),
    "Shanghai": (31.23, 121.47),
    "Ulanqab": (41.5, 112.5),
    "Fuzhou": (26.1, 119.3),
}


def make_sites(latitude: list[float], longitude: list[float]) -> xr.Dataset:
    """Sites of one plain climate."""
    n, month = len(latitude), np.arange(1, 13)
    season = -np.cos(2 * np.pi * (month - 0.5) / 12)
    probability = np.linspace(0, 1, 21)
    quantile = (4.5 + 2.2 * season)[:, None] * (0.25 + probability)
    return xr.Dataset(
        {
            "altitude": ("site", np.full(n, 1200.0)),
            "wind_speed_100m_mean": ("site", np.full(n, 7.0)),
            "annual_ghi": ("site", np.full(n, 1600.0)),
            "temp_air_monthly": (("site", "month"), np.tile(8 + 15 * season, (n, 1))),
            "precipitation_monthly": (("site", "month"), np.full((n, 12), 20.0)),
            "linke_turbidity": (("site", "month"), np.full((n, 12), 3.5)),
            "daily_ghi_quantile": (("weather_latitude", "weather_longitude", "month", "quantile"), np.tile(quantile, (2, 2, 1, 1))),
        },
        coords={
            "site": np.arange(n, dtype=np.int64), "month": month, "quantile": probability, "weather_latitude": [15.0, 55.0],
            "weather_longitude": [70.0, 138.0], "latitude": ("site", np.array(latitude)), "longitude": ("site", np.array(longitude)),
        },
    )  # fmt: skip


def named_sites() -> xr.Dataset:
    return make_sites(*(list(each) for each in zip(*CORNERS.values(), strict=True)))


@pytest.fixture(scope="module")
def year() -> xr.Dataset:
    return add_weather(named_sites(), Weather())


def digest(hours: xr.Dataset) -> str:
    return hashlib.sha256(b"".join(hours[name].transpose("site", "time").to_numpy().tobytes() for name in ADDED)).hexdigest()


def test_names_units_and_clock(year: xr.Dataset) -> None:
    assert year.sizes["time"] == 8760
    assert year["time"].to_numpy()[[0, -1]].astype("datetime64[m]").astype(str).tolist() == ["2013-01-01T00:00", "2013-12-31T23:00"]
    for name, unit in zip(ADDED, ("W m-2", "W m-2", "W m-2", "degC", "m s-1"), strict=True):
        assert year[name].dims == ("site", "time")
        assert year[name].dtype == np.float64
        assert year[name].attrs["units"] == unit
        assert year[name].notnull().all()


def test_leap_years_have_8784_hours() -> None:
    hours = add_weather(named_sites().isel(site=[0]), Weather(year=2012))
    assert hours.sizes["time"] == 8784
    assert "2012-02-29" in hours["time"].dt.strftime("%Y-%m-%d").to_numpy()


def test_years_follow_each_other(year: xr.Dataset) -> None:
    weather = Weather(years=(2012, 2013))
    both = add_weather(named_sites(), weather)
    assert both["time"].to_index().equals(add_weather(named_sites(), Weather(year=2012))["time"].to_index().append(year["time"].to_index()))
    assert digest(both.isel(time=slice(8784, None))) == digest(year)
    lazy = add_weather(named_sites().chunk(site=2), weather)
    assert lazy["ghi"].chunks is not None
    assert digest(lazy.compute()) == digest(both)
    assert "years 2012, 2013, seed 0" in both.attrs["warnings"]
    assert Weather.model_validate(weather.model_dump()) == weather
    assert [each.seed for each in other_years(weather, 2)] == [1, 2]
    assert [len(block) for block in weather_blocks(named_sites(), weather, 4)] == [2, 2, 1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"years": (2014, 2013)}, "ascending years without repeats, found 2014, 2013"),
        ({"years": (2013, 2013)}, "ascending years without repeats"),
        ({"years": (2013, 2024)}, "a year of 2011 to 2020"),
        ({"years": (2013, 2014), "year": 2014}, r"year or years, found both \(2014 and 2013, 2014\)"),
    ],
)
def test_years_that_are_none_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Weather.model_validate(fields)


def test_inputs_stay_as_they_were() -> None:
    sites = named_sites()
    before = sites.copy(deep=True)
    add_weather(sites, Weather())
    xr.testing.assert_identical(sites, before)


def test_levels_are_met_but_for_the_declared_anomaly(year: xr.Dataset) -> None:
    wind = (year["wind_speed_100m"].mean("time") / year["wind_speed_100m_mean"]).to_numpy()
    sun = (year["ghi"].sum("time") / 1000 / year["annual_ghi"]).to_numpy()
    assert np.abs(wind - 1).max() < 0.2
    assert np.abs(sun - 1).max() < 0.12
    calm = Weather(field={"wind_year_std": 0.0, "sun_year_std": 0.0})
    plain = add_weather(named_sites(), calm)
    assert plain["wind_speed_100m"].mean("time").to_numpy() == pytest.approx(7.0, rel=1e-9)
    assert plain["ghi"].sum("time").to_numpy() / 1000 == pytest.approx(1600.0, rel=1e-9)


def test_radiation_closes_and_nights_are_dark(year: xr.Dataset) -> None:
    places = (year[name].to_numpy() for name in ("latitude", "longitude", "altitude"))
    zenith = solar_position(year["time"].to_numpy() + np.timedelta64(30, "m"), *places).zenith
    ghi, dni, dhi = (year[name].to_numpy() for name in ("ghi", "dni", "dhi"))
    assert np.all(ghi[zenith >= 90] == 0)
    assert min(ghi.min(), dni.min(), dhi.min()) == 0
    assert np.abs(ghi - dni * np.cos(np.radians(zenith)) - dhi).max() < 1e-7
    assert dni.max() < 1150


@pytest.mark.parametrize(("place", "noon"), [("Golmud", 13 + 40 / 60), ("Kashgar", 14 + 56 / 60), ("Shanghai", 11 + 54 / 60)])
def test_the_sun_culminates_by_the_local_clock(year: xr.Dataset, place: str, noon: float) -> None:
    ghi = year["ghi"].isel(site=list(CORNERS).index(place)).to_numpy()
    china_clock = (np.arange(8760) + 0.5 + 8) % 24
    assert np.average(china_clock, weights=ghi) == pytest.approx(noon, abs=0.25)


@pytest.mark.parametrize("chunk", [1, 2, 5])
def test_lazy_blocks_give_the_same_bits(year: xr.Dataset, chunk: int) -> None:
    lazy = add_weather(named_sites().chunk(site=chunk), Weather())
    assert lazy["ghi"].chunks is not None
    assert digest(lazy.compute(scheduler="threads", num_workers=2)) == digest(year)


def test_a_cell_gets_the_same_year_in_any_company(year: xr.Dataset) -> None:
    crowd = make_sites([36.4, 20.0, 41.5, 45.0], [94.9, 110.0, 112.5, 85.0])
    there = add_weather(crowd, Weather())
    for here, name in ((0, "Golmud"), (2, "Ulanqab")):
        for variable in ADDED:
            assert np.array_equal(there[variable][here], year[variable][list(CORNERS).index(name)]), variable


def test_another_process_gives_the_same_bits(year: xr.Dataset) -> None:
    code = "from test_resource import *; print(digest(add_weather(named_sites(), Weather())))"
    result = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == digest(year)


def test_no_sites_give_no_hours() -> None:
    assert add_weather(named_sites().isel(site=slice(0)), Weather())["ghi"].shape == (0, 8760)


def test_seeds_and_years_are_other_draws(year: xr.Dataset) -> None:
    one = named_sites().isel(site=[0])
    for other in (Weather(seed=1), Weather(year=2014)):
        hours = add_weather(one, other)["wind_speed_100m"].to_numpy()[0]
        assert abs(np.corrcoef(hours, year["wind_speed_100m"].to_numpy()[0])[0, 1]) < 0.35


def test_neighbours_share_their_wind_and_strangers_do_not() -> None:
    step = np.array([0, 25, 50, 95, 1500]) / (111.195 * np.cos(np.radians(38)))
    wind = add_weather(make_sites([38.0] * 5, list(105 + step)), Weather())["wind_speed_100m"].to_numpy()
    together = np.corrcoef(wind)[0]
    assert np.all(together[:4] >= 0.75)
    assert np.all(np.diff(together) < 0)
    assert together[4] < 0.35


def test_wind_at_golmud_peaks_in_the_afternoon(year: xr.Dataset) -> None:
    cycle = year["wind_speed_100m"].isel(site=0).to_numpy().reshape(365, 24).mean(axis=0)
    local = (np.arange(24) + 0.5 + 94.9 / 15) % 24
    assert local[cycle.argmax()] == pytest.approx(16, abs=2)
    assert local[cycle.argmin()] == pytest.approx(4, abs=2)


def test_calm_winter_days_are_sunny_in_the_south_east() -> None:
    site = named_sites().isel(site=[list(CORNERS).index("Fuzhou")])
    found = []
    for seed in range(8):
        hours = add_weather(site, Weather(seed=seed))
        wind, sun = (hours[name].to_numpy()[0, 16:-8].reshape(364, 24).mean(axis=1) for name in ("wind_speed_100m", "ghi"))
        winter = np.r_[0:58, 333:364]
        found.append(np.corrcoef(wind[winter], sun[winter])[0, 1])
    assert -0.45 < np.mean(found) < -0.15


def test_the_hours_are_called_synthetic_once(year: xr.Dataset) -> None:
    sources, warnings = json.loads(year.attrs["sources"]), json.loads(year.attrs["warnings"])
    assert [source["kind"] for source in sources] == ["synthetic"]
    assert set(sources[0]["variables"]) == set(ADDED)
    assert "synthetic (year 2013, seed 0)" in warnings[0]
    assert "real weather" in warnings[1]
    again = note_weather(year, Weather())
    assert again.attrs == year.attrs
    kept = note_weather(named_sites().assign_attrs(warnings='["coarse"]'), Weather())
    assert json.loads(kept.attrs["warnings"]) == ["coarse", *warnings]


def test_unknown_levels_stay_unknown() -> None:
    sites = make_sites([36.4] * 5, [94.9] * 5)
    for k, name in enumerate(("wind_speed_100m_mean", "annual_ghi", "altitude")):
        sites[name][k] = np.nan
    sites["linke_turbidity"][3, 6] = np.nan
    hours = add_weather(sites, Weather())
    unknown = {name: np.isnan(hours[name].to_numpy()).all(axis=1).tolist() for name in ADDED}
    dark = [False, True, True, True, False]
    assert unknown == {"wind_speed_100m": [True] + [False] * 4, "ghi": dark, "dni": dark, "dhi": dark, "temp_air": dark}
    assert all(hours[name][4].notnull().all() for name in ADDED)


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("annual_ghi", 5.0, "per day"),
        ("wind_speed_100m_mean", 30.0, "km/h"),
        ("temp_air_monthly", 280.0, "kelvin"),
        ("daily_ghi_quantile", 200.0, "W m-2"),
    ],
)
def test_wrong_units_are_refused(name: str, value: float, hint: str) -> None:
    sites = named_sites()
    sites[name][:] = value
    with pytest.raises(UnitsError, match=hint):
        add_weather(sites, Weather())


def test_other_promised_errors() -> None:
    with pytest.raises(MissingVariableError, match="add_weather needs annual_ghi"):
        add_weather(named_sites().drop_vars("annual_ghi"), Weather())
    with pytest.raises(AlignmentError, match="weather grid"):
        add_weather(make_sites([60.0], [100.0]), Weather())
    with pytest.raises(AlignmentError, match="NaN"):
        add_weather(make_sites([np.nan], [100.0]), Weather())
    for wrong in ({"year": 2010}, {"seed": -1}, {"source": "measured"}, {"field": {"fast_weight": 0.8}}, {"sead": 1}):
        with pytest.raises(ValidationError):
            Weather.model_validate(wrong)
