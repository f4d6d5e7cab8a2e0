import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from siting.finance import CapacityCharge, CapturedExport, PricePeriod, Tariff, export_prices, import_price_hours
from siting.vocabulary import AlignmentError

YEAR = pd.date_range("2013-01-01", "2014-01-01", freq="h", inclusive="left")
PEAK = PricePeriod(name="peak", factor=1.6, hours=(18, 19, 20))
VALLEY = PricePeriod(name="valley", factor=0.4, hours=(11, 12), months=(3, 4, 5))


def test_capacity_charge_of_document_1192():
    """28-42 CNY/kW and 0.03-0.12 CNY/kWh at load factors of 0.5-0.65: 40 to 100 CNY per kW and month."""
    low = CapacityCharge(existing_charge_cny_per_kw_month=28, energy_tariff_cny_per_kwh=0.03, load_factor=0.5)
    high = CapacityCharge(existing_charge_cny_per_kw_month=42, energy_tariff_cny_per_kwh=0.12, load_factor=0.65)
    assert low.per_kw_month() == pytest.approx(38.95)
    assert high.per_kw_month() == pytest.approx(98.94)
    assert Tariff(capacity_formula=low).capacity_charge() == low.per_kw_month()
    assert Tariff().capacity_charge() == 50


def test_off_the_grid_there_is_no_charge():
    assert Tariff(grid_connected=False).capacity_charge() == 0
    assert Tariff(grid_connected=False, capacity_formula=CapacityCharge()).capacity_charge() == 0


@given(st.floats(0, 200), st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.5))
def test_a_dearer_tariff_never_charges_less(existing, energy, factor, more):
    def charge(**figures):
        return CapacityCharge(**figures).per_kw_month()

    base = {"existing_charge_cny_per_kw_month": existing / 2, "energy_tariff_cny_per_kwh": energy / 2, "load_factor": factor / 2}
    for name, value in base.items():
        assert charge(**{**base, name: value + more}) >= charge(**base)


def test_flat_prices_have_factor_one():
    assert set(import_price_hours(Tariff(), YEAR)) == {1.0}


def test_periods_are_kept_in_civil_time():
    """18-21 h in China is 10-13 h UTC; the valley at 11-13 h holds from 1 March to 31 May."""
    factors = pd.Series(import_price_hours(Tariff(time_of_use=(PEAK, VALLEY)), YEAR), YEAR)
    assert factors["2013-06-05"].tolist() == [1.0] * 10 + [1.6] * 3 + [1.0] * 11
    assert factors["2013-03-01 03:00":"2013-03-01 05:00"].tolist() == [0.4, 0.4, 1.0]
    assert (factors == 0.4).sum() == 2 * 92
    assert (factors == 1.6).sum() == 3 * 365


def test_periods_follow_daylight_saving_and_odd_zones():
    factors = pd.Series(import_price_hours(Tariff(time_of_use=(PEAK,), timezone="America/New_York"), YEAR), YEAR)
    assert factors[factors > 1].groupby(lambda stamp: stamp.month).apply(lambda part: min(part.index.hour)).loc[[1, 7]].tolist() == [0, 0]
    assert factors["2013-07-10 22:00"] == 1.6
    assert factors["2013-01-10 22:00"] == 1.0
    kolkata = pd.Series(import_price_hours(Tariff(time_of_use=(PEAK,), timezone="Asia/Kolkata"), YEAR), YEAR)
    assert kolkata["2013-01-10 12:00"] == pytest.approx(1.3)


def test_part_of_a_year_has_the_values_of_the_year():
    tariff = Tariff(time_of_use=(PEAK, VALLEY))
    np.testing.assert_array_equal(import_price_hours(tariff, YEAR[500:900]), import_price_hours(tariff, YEAR)[500:900])


def test_broken_axes_are_refused():
    for axis in (YEAR[:0], pd.DatetimeIndex(["2013-01-01", None])):
        with pytest.raises(AlignmentError, match="UTC start of each hour"):
            import_price_hours(Tariff(), axis)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"time_of_use": (PEAK, PricePeriod(name="valley", factor=0.5, hours=(20, 21)))}, "peak and valley both at 20 h in month 1"),
        ({"time_of_use": ({"name": "peak", "factor": 2, "hours": (24,)},)}, "less than or equal to 23"),
        ({"time_of_use": ({"name": "peak", "factor": 2, "hours": (3,), "months": (0,)},)}, "greater than or equal to 1"),
        ({"time_of_use": ({"name": "peak", "factor": -1, "hours": (3,)},)}, "greater than or equal to 0"),
        ({"time_of_use": ({"name": "peak", "factor": 2, "hours": ()},)}, "at least 1 item"),
        ({"timezone": "Beijing"}, "IANA time zone"),
        ({"capacity_formula": {}, "capacity_charge_cny_per_kw_month": 50}, "found both; leave one out"),
        ({"captured_export": {}, "export_price_cny_per_kwh": 0.1}, "captured_export or export_price_cny_per_kwh, found both"),
    ],
)
def test_tariffs_that_contradict_themselves_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        Tariff(**values)


def test_captured_prices_of_exports():
    sites = xr.Dataset({"grid_energy_price": ("site", [0.3, np.nan])})
    constant = export_prices(sites, Tariff(export_price_cny_per_kwh=0.1))
    assert constant.pv.to_numpy().tolist() == constant.wind.to_numpy().tolist() == [0.1, 0.1]
    apart = export_prices(sites, Tariff(captured_export=CapturedExport(pv_factor=0.5, wind_factor=0.9)))
    np.testing.assert_allclose(apart.pv, [0.15, np.nan])
    np.testing.assert_allclose(apart.wind, [0.27, np.nan])
