"""Embedded values against figures that were read from the sources by other means."""

import numpy as np
import pytest
import shapely

from siting import catalog

#: name, latitude, longitude, raw MERRA-2 GHI [kWh m-2 a-1], altitude [m], January and July temperature [degC].
TOWNS = [
    ("Golmud", 36.41, 94.90, 2118, 2798, -7.2, 20.4),
    ("Xining", 36.62, 101.76, 1970, 2378, -8.6, 15.8),
    ("Dongsheng", 39.82, 110.00, 1793, 1454, -9.6, 22.6),
    ("Hohhot", 40.81, 111.65, 1835, 1062, -11.4, 22.9),
]

#: Areas of an independent digital chart of 1:1 million [km2].
AREAS = {"CN-QH": 715_689, "CN-NM": 1_146_460, "CN-XJ": 1_629_282, "CN-GS": 405_154, "CN-TJ": 11_698}

#: Figures published by the provinces [km2].
PUBLISHED = {"CN-SC": 486_000, "CN-HL": 452_500, "CN-SD": 157_900, "CN-BJ": 16_410, "CN-NX": 51_950, "CN-HI": 33_920, "CN-SH": 6_341}

DAYS = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@pytest.mark.parametrize(("name", "latitude", "longitude", "ghi", "altitude", "january", "july"), TOWNS)
def test_values_read_at_four_towns(name, latitude, longitude, ghi, altitude, january, july):
    here = {"latitude": latitude, "longitude": longitude, "method": "nearest"}
    quantiles = catalog.open_entry("daily_ghi").daily_ghi_quantile
    cell = quantiles.sel(weather_latitude=latitude, weather_longitude=longitude, method="nearest").to_numpy()
    annual = (np.trapezoid(cell, quantiles["quantile"], axis=-1) * DAYS).sum()
    assert annual == pytest.approx(ghi, rel=0.002)
    assert float(catalog.open_entry("altitude").altitude.sel(**here)) == pytest.approx(altitude, abs=28)
    temperature = catalog.open_entry("climate").temp_air_monthly.sel(**here)
    assert float(temperature.sel(month=1)) == pytest.approx(january, abs=0.15)
    assert float(temperature.sel(month=7)) == pytest.approx(july, abs=0.15)


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(36.41, 94.90), (29.65, 91.1), (39.9, 116.4), (25.04, 102.72), (45.75, 126.65), (23.1, 113.3)]
)
def test_altitude_and_turbidity_equal_pvlib(latitude, longitude):
    from pvlib.clearsky import lookup_linke_turbidity
    from pvlib.location import lookup_altitude

    here = {"latitude": latitude, "longitude": longitude, "method": "nearest"}
    assert float(catalog.open_entry("altitude").altitude.sel(**here)) == pytest.approx(lookup_altitude(latitude, longitude), abs=28)
    import pandas as pd

    months = pd.DatetimeIndex([f"2013-{month:02d}-15" for month in range(1, 13)])
    wanted = lookup_linke_turbidity(months, latitude, longitude, interp_turbidity=False)
    found = catalog.open_entry("linke_turbidity").linke_turbidity.sel(**here)
    np.testing.assert_allclose(found, wanted, atol=0.6)
    assert abs(float((found - wanted.to_numpy()).mean())) < 0.3


def test_daily_ghi_is_a_set_of_distributions():
    quantiles = catalog.open_entry("daily_ghi").daily_ghi_quantile
    assert quantiles.dims == ("weather_latitude", "weather_longitude", "month", "quantile")
    assert float(quantiles["quantile"][0]) == 0
    assert float(quantiles["quantile"][-1]) == 1
    values = quantiles.to_numpy()[np.isfinite(quantiles.to_numpy()).all(axis=-1)]
    assert (np.diff(values, axis=-1) >= 0).all()
    assert values.min() >= 0
    assert values.max() < 13
    assert (quantiles.weather_latitude[[0, -1]] == [12, 57]).all()
    assert (quantiles.weather_longitude[[0, -1]] == [69, 138]).all()


@pytest.mark.parametrize("name", ["climate", "linke_turbidity", "altitude"])
def test_arrays_cover_china_latitude_ascending(name):
    data = catalog.open_entry(name)
    assert (np.diff(data.latitude) > 0).all()
    assert (np.diff(data.longitude) > 0).all()
    assert data.latitude[0] <= 14
    assert data.latitude[-1] >= 55
    assert data.longitude[0] <= 72
    assert data.longitude[-1] >= 136
    assert all(variable.dtype == "float64" for variable in data.data_vars.values())


def test_weather_is_finite_wherever_a_province_is():
    import xarray as xr

    land = shapely.union_all(catalog.open_entry("province_areas").geometry.to_numpy())
    shapely.prepare(land)
    x, y = np.meshgrid(np.arange(73.25, 135.5, 0.5), np.arange(18.25, 54, 0.5))
    inside = shapely.contains_xy(land, x, y)
    x, y = (xr.DataArray(values[inside], dims="point") for values in (x, y))
    ghi = catalog.open_entry("daily_ghi").daily_ghi_quantile.isel(quantile=[0, -1])
    assert np.isfinite(ghi.interp(weather_latitude=y, weather_longitude=x)).all()
    climate = catalog.open_entry("climate").sel(latitude=y, longitude=x, method="nearest")
    assert np.isfinite(climate.temp_air_monthly).all()
    assert climate.precipitation_monthly.min() >= 0


def areas():
    frame = catalog.open_entry("province_areas").set_index("iso_3166_2")
    return frame.to_crs("+proj=aea +lat_1=25 +lat_2=47 +lat_0=36 +lon_0=105 +datum=WGS84").area / 1e6


@pytest.mark.parametrize(("code", "area"), [*AREAS.items(), *PUBLISHED.items()])
def test_area_of_province(code, area):
    assert areas()[code] == pytest.approx(area, rel=0.03 if code in AREAS else 0.05)


def test_provinces_are_31_and_share_their_lines():
    frame = catalog.open_entry("province_areas")
    assert set(frame.iso_3166_2) == set(catalog.open_entry("provinces").index)
    assert len(frame) == 31
    assert shapely.coverage_is_valid(frame.geometry.to_numpy())


def test_cities_lie_in_their_province():
    import geopandas as gpd

    cities = catalog.open_entry("cities")
    points = gpd.GeoDataFrame(cities, geometry=gpd.points_from_xy(cities.longitude, cities.latitude), crs="EPSG:4326")
    joined = points.sjoin(catalog.open_entry("province_areas"), how="left", lsuffix="listed", rsuffix="found")
    assert (joined.iso_3166_2_listed == joined.iso_3166_2_found).mean() > 0.98


@pytest.mark.parametrize(
    ("name", "code", "name_zh", "latitude", "longitude"),
    [
        ("Xining", "CN-QH", "西宁", 36.626, 101.757),
        ("Golmud", "CN-QH", "格尔木", 36.43, 94.82),
        ("Ordos", "CN-NM", "鄂尔多斯", 39.609, 109.782),
    ],
)
def test_known_cities(name, code, name_zh, latitude, longitude):
    cities = catalog.open_entry("cities")
    city = cities[(cities.name == name) & (cities.iso_3166_2 == code)].iloc[0]
    assert city.name_zh == name_zh
    assert city.latitude == pytest.approx(latitude, abs=0.01)
    assert city.longitude == pytest.approx(longitude, abs=0.01)


def test_cities_are_large_enough_and_known():
    cities = catalog.open_entry("cities")
    assert (cities.population >= 30_000).all()
    assert (cities.population >= 100_000).sum() > 600
    assert not cities.duplicated(["name", "iso_3166_2", "latitude", "longitude"]).any()
    assert (cities.name_zh[cities.population >= 1_000_000] != "").mean() > 0.9


def test_places_hold_the_atlas_levels():
    places = catalog.open_entry("places")
    assert len(places) == 555
    assert places.iso_3166_2.nunique() == 31
    assert places.wind_speed_100m_mean.between(1, 13).all()
    assert (places.wind_speed_100m_best_50km >= places.wind_speed_100m_mean_50km).all()
    hefei = places[places.name == "Hefei"].iloc[0]
    assert hefei.annual_ghi == pytest.approx(3.57 * 365.25)
    assert hefei.wind_speed_100m_mean == 5.42


def test_provinces_hold_the_published_figures():
    provinces = catalog.open_entry("provinces")
    assert len(provinces) == 31
    qinghai = provinces.loc["CN-QH"]
    assert qinghai.official_renewable_share_2021 == pytest.approx(0.855)
    assert qinghai.grid_emission_factor_2021 == 0.1326
    assert qinghai.hydro_share_2021 + qinghai.wind_solar_share_2021 == pytest.approx(0.845)
    assert provinces.loc["CN-SC", "grid_emission_factor_2022"] == 0.1404
    shares = provinces.filter(regex="_share_2023$")
    assert shares.sum(axis=1).between(0, 1).all()
    assert (provinces.province_zh.str.len() >= 2).all()


def test_national_renewable_share_is_near_the_official_one():
    provinces = catalog.open_entry("provinces")
    renewable = (provinces.hydro_share_2021 + provinces.wind_solar_share_2021) * provinces.generation_2021
    assert renewable.sum() / provinces.generation_2021.sum() == pytest.approx(0.263, abs=0.01)


def test_clusters_name_the_two_parks():
    clusters = catalog.open_entry("clusters").set_index("id")
    assert len(clusters) == 29
    assert clusters.iso_3166_2["trina_xining"] == "CN-QH"
    assert clusters.iso_3166_2["ordos_envision"] == "CN-NM"
    assert clusters.iso_3166_2["rotterdam"] == ""
    assert clusters.coordinate_confidence.isin(["high", "medium", "low"]).all()


def test_power_curves_are_physical():
    for name, curve in catalog.open_entry("turbines").groupby("turbine"):
        assert (np.diff(curve.wind_speed) > 0).all(), name
        assert curve.power.max() == pytest.approx(curve.nominal_power.iloc[0], rel=0.01), name
        swept = np.pi / 4 * curve.rotor_diameter**2
        inflow = 0.5 * 1.225 * swept * curve.wind_speed**3 / 1000
        assert (curve.power <= 16 / 27 * inflow + 1e-9).all(), name


def test_turbines_are_the_six_named():
    turbines = catalog.open_entry("turbines").drop_duplicates("turbine").set_index("turbine")
    assert set(turbines.index) == {"NREL_6MW_196", "NREL_6.5MW_234", "NREL_8.3MW_196", "ATB_5.5MW_175", "ATB_7MW_200", "IEA_3.4MW_130"}
    assert turbines.loc["NREL_6MW_196", ["nominal_power", "rotor_diameter", "hub_height"]].tolist() == [6000, 196, 140]


def test_land_holds_taiwan_and_hainan_and_no_boundary():
    land = catalog.open_entry("land")
    for point in [(121.0, 23.8), (109.7, 19.2), (116.4, 39.9), (87.6, 43.8), (139.5, 36.0)]:
        assert land.contains(shapely.Point(point)).sum() == 1
    assert not land.contains(shapely.Point(123.0, 35.0)).any()
    eurasia = land.geometry[land.contains(shapely.Point(116.4, 39.9))].iloc[0]
    assert eurasia.contains(shapely.Point(77.2, 28.6))
    assert land.is_valid.all()


def test_water_holds_qinghai_lake():
    water = catalog.open_entry("water")
    lake = water[water.name == "Qinghai Lake"].to_crs("+proj=laea +lat_0=37 +lon_0=100")
    assert lake.name_zh.iloc[0] == "青海湖"
    assert lake.area.iloc[0] / 1e6 == pytest.approx(4_400, rel=0.1)


def test_parks_have_about_their_published_area():
    parks = catalog.open_entry("national_parks").to_crs("+proj=aea +lat_1=25 +lat_2=47 +lat_0=36 +lon_0=105 +datum=WGS84")
    assert (parks.area / 1e6 / parks.published_area).between(0.7, 1.35).all()
    assert {"Sanjiangyuan", "Hoh Xil", "Qilian Mountains", "Qinghai Lake", "Changtang"} <= set(parks.name)
