"""Where the plants stand: what is offered, and that the cheapest of all offered places and lines is kept."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pyproj import Geod
from reference.years import HOURS, weather

from siting.demand import Load
from siting.economics import add_costs
from siting.finance import Finance, LineCosts, LineDesigns, Tariff
from siting.finance.line import STEPS
from siting.region import PROVINCES
from siting.study import Study
from siting.supply import Supply, _block, match_block, match_supply
from siting.supply.distant import PLACED, Cells, _lower, match_distant, undercut
from siting.supply.hydrogen import HydrogenDemand
from siting.supply.placement import (
    LEAST_SHARE,
    Placement,
    cells_needed,
    cells_within,
    distance_km,
    full_load_hours,
    nested_cells,
    offer_places,
    split_by_cells,
)
from siting.supply.site import FAST, PROGRAMME, QUANTITIES, Block, annual_cost, priced
from siting.vocabulary import MissingVariableError, StudyError

LOAD, SUPPLY = Load(), Supply()
FINANCE = Finance(line=LineCosts(steps=(STEPS[1], STEPS[2])))
PARK = 50
GEOD = Geod(ellps="WGS84")


def region():
    """A park with weak wind, and cells about 40, 80, 130 and 180 km from it with better wind or sun."""
    series = [weather(seed) for seed in range(5)]
    wind = np.stack([factor * wind for factor, (_, wind) in zip((0.5, 0.8, 0.65, 1.0, 1.2), series, strict=True)])
    pv = np.stack([factor * pv for factor, (pv, _) in zip((0.8, 0.8, 1.05, 0.9, 1.1), series, strict=True)])
    count = len(series)
    return xr.Dataset(
        {
            "pv_capacity_factor": (("site", "time"), np.minimum(pv, 1.0)),
            "wind_capacity_factor": (("site", "time"), np.minimum(wind, 1.0)),
            "pv_land_fraction": ("site", np.full(count, 0.05)),
            "wind_land_fraction": ("site", [0.5, 0.12, 0.5, 0.3, 0.5]),
            "cell_area": ("site", np.full(count, 625.0)),
            "grid_energy_price": ("site", np.full(count, 0.3)),
            "province": ("site", np.array([4, 4, 5, 4, 5])),
            "load_allowed": ("site", np.array([True, False, False, False, True])),
            "latitude": ("site", [40.0, 40.0, 40.7, 40.0, 41.6]),
            "longitude": ("site", [100.0, 100.47, 100.2, 101.5, 100.0]),
        },
        coords={"site": [PARK, 70, 60, 10, 90], "time": pd.date_range("2013-01-01", periods=HOURS, freq="h")},
    )


def offered(sites, radius_km, **more):
    places = offer_places(full_load_hours(sites, LOAD), Placement(where="radius", radius_km=radius_km, **more), SUPPLY)
    return sites.assign({name: places[name] for name in ("pv_place", "wind_place")})


def matched(radius_km, finance=FINANCE, supply=SUPPLY, **more):
    sites = offered(region(), radius_km, **more)
    return add_costs(match_supply(sites.isel(site=[0]), LOAD, supply, finance, sites), finance)


@pytest.fixture(scope="module")
def by_radius():
    return {radius: matched(radius) for radius in (0.0, 45.0, 100.0, 150.0, 250.0)}


def test_a_larger_radius_never_raises_the_least_cost(by_radius):
    costs = [by_radius[radius]["delivered_cost"].to_numpy()[0] for radius in sorted(by_radius)]
    for near, far in itertools.pairwise(costs):
        assert (far <= near).all()
    assert (costs[-1] < 0.95 * costs[0]).all(), "the wind of this region is worth a line"


def test_without_a_radius_nothing_changes(by_radius):
    """To the last bit, in every variable."""
    sites = region().isel(site=[0])
    own = add_costs(match_supply(sites, LOAD, SUPPLY, FINANCE), FINANCE)
    xr.testing.assert_identical(by_radius[0.0], own)
    assert (own["pv_plant_site"] == PARK).all()
    assert (own["wind_plant_site"] == PARK).all()
    for name in (*PLACED[1:4], *PLACED[5:]):
        assert (own[name] == 0).all()
    assert (own["cost_by_component"].sel(component="line") == 0).all()


@pytest.mark.parametrize("chunk", [1, 2])
def test_blocks_give_the_same_bits(chunk):
    sites = offered(region(), 150.0)
    eager = match_supply(sites, LOAD, SUPPLY, FINANCE)
    lazy = match_supply(sites.chunk(site=chunk), LOAD, SUPPLY, FINANCE, sites)
    assert lazy["line_cost"].chunks is not None
    xr.testing.assert_identical(lazy.compute(), eager)


def every_line(most_mw, distance, finance):
    """(capacity, annual cost, share lost) of each voltage, row of towers and transformer, by hand."""
    costs, rate = finance.line, finance.discount_rate
    annuity = rate / (1 - (1 + rate) ** -costs.lifetime_years) + costs.fixed_opex_share
    length = distance * costs.detour_factor
    found = []
    for step in costs.steps:
        for rows in range(1, math.ceil(most_mw / step.capacity_mw) + 1):
            for transformers in range(1, math.ceil(rows * step.capacity_mw / step.transformer_mw) + 1):
                capex = rows * (length * step.line_mcny_per_km + step.bays_mcny) + transformers * step.transformer_mcny
                carried = min(rows * step.capacity_mw, transformers * step.transformer_mw)
                found.append((carried, capex * 1e6 * annuity, 1 - (1 - step.loss_per_100km) ** (length / 100)))
    return found


def test_the_cost_is_that_of_trying_everything(by_radius):
    """Every pair of offered cells with every line up to 310 MW, each as a site of its own whose land is what the line carries."""
    sites = region()
    place = {int(number): sites.isel(site=k) for k, number in enumerate(sites["site"].values)}
    park, rows, lines = place[PARK], [], []
    offers = offered(sites, 100.0).isel(site=0)
    pairs = zip(offers["pv_place"].values.tolist(), offers["wind_place"].values.tolist(), strict=True)
    for pair in pairs:
        choices = []
        for plant, number in zip(("pv", "wind"), pair, strict=True):
            cell, density = place[number], {"pv": SUPPLY.pv_density_mw_per_km2, "wind": SUPPLY.wind_density_mw_per_km2}[plant]
            land = float(cell[f"{plant}_land_fraction"]) * 625.0 * density
            distance = GEOD.inv(*(float(each[name]) for each in (park, cell) for name in ("longitude", "latitude")))[2] / 1e3
            peak = float(cell[f"{plant}_capacity_factor"].max())
            listed = [(math.inf, 0.0, 0.0)] if number == PARK else every_line(310.0, distance, FINANCE)
            choices.append([(min(land, carried / peak) / (625.0 * density), cost, loss) for carried, cost, loss in listed])
        for pv, wind in itertools.product(*choices):
            rows.append(
                park.assign(
                    pv_capacity_factor=place[pair[0]]["pv_capacity_factor"] * (1 - pv[2]),
                    wind_capacity_factor=place[pair[1]]["wind_capacity_factor"] * (1 - wind[2]),
                    pv_land_fraction=pv[0],
                    wind_land_fraction=wind[0],
                )
            )
            lines.append(pv[1] + wind[1])
    assert len(rows) > 50
    tried = xr.concat(rows, "site", data_vars="all", coords="minimal", compat="override").assign_coords(site=np.arange(len(rows)))
    tried = add_costs(match_supply(tried.transpose("site", ...), LOAD, SUPPLY, FINANCE), FINANCE)
    total = tried["delivered_cost"].to_numpy() * 876e6 + np.array(lines)[:, None]
    found = by_radius[100.0].isel(site=0)
    cost = found["delivered_cost"].to_numpy() * 876e6
    np.testing.assert_allclose(cost, np.nanmin(total, axis=0), rtol=1e-12)
    assert (np.nanargmin(total, axis=0) > 0).all(), "a line is worth it here"
    bounds = (total - np.array(lines)[:, None]) * (1 - tried["sizing_gap"].to_numpy()) + np.array(lines)[:, None]
    assert (cost * (1 - found["sizing_gap"].to_numpy()) <= np.nanmin(bounds, axis=0) * (1 + 1e-12)).all(), "the gap covers every choice"
    assert (found["sizing_gap"] <= 2e-3).all()


def test_a_longer_line_never_lowers_the_cost():
    """To the tolerance of the sizing: a loss changes the hours, and with them where within it a search ends."""
    supply, costs = Supply(tolerance=1e-5), []
    for detour in (1.0, 1.3, 1.6, 2.5):
        finance = Finance(line=LineCosts(detour_factor=detour))
        costs.append(matched(150.0, finance, supply)["delivered_cost"].to_numpy()[0])
    for short, long in itertools.pairwise(costs):
        assert (long >= short * (1 - 1e-5)).all()
    assert (costs[-1] > costs[0]).all()


def test_lines_are_part_of_the_cost_and_lose_energy(by_radius):
    found = by_radius[100.0].isel(site=0)
    assert (found["wind_plant_distance"] > 0).all()
    parts = found["cost_by_component"].sel(component="line") * 876e6
    np.testing.assert_allclose(parts, found["line_cost"], rtol=1e-12)
    np.testing.assert_allclose(found["cost_by_component"].sum("component"), found["delivered_cost"], rtol=1e-12)
    where = {int(number): k for k, number in enumerate(region()["site"].values)}
    sites = region()
    for target in found["target"].values:
        row, total = found.sel(target=target), 0.0
        for plant in ("pv", "wind"):
            cell = sites.isel(site=where[int(row[f"{plant}_plant_site"])])
            expected = GEOD.inv(100.0, 40.0, float(cell["longitude"]), float(cell["latitude"]))[2] / 1e3
            assert float(row[f"{plant}_plant_distance"]) == pytest.approx(expected, rel=1e-12)
            step = {0: 0.0, 110: 0.02, 220: 0.01}[int(row[f"{plant}_line_voltage"])]
            assert float(row[f"{plant}_line_loss_share"]) == pytest.approx(1 - (1 - step) ** (expected * 1.15 / 100))
            total += float(row[f"{plant}_capacity"] * cell[f"{plant}_capacity_factor"].sum() * (1 - row[f"{plant}_line_loss_share"]))
        assert float(row["generation"]) == pytest.approx(total, rel=1e-9)


def test_a_park_without_land_of_its_own_is_served_from_afar():
    sites = region()
    sites["pv_land_fraction"][0] = sites["wind_land_fraction"][0] = 0.0
    sites = offered(sites, 150.0)
    alone = match_supply(sites.isel(site=[0]).drop_vars(["pv_place", "wind_place"]), LOAD, SUPPLY, FINANCE)
    served = match_supply(sites.isel(site=[0]), LOAD, SUPPLY, FINANCE, sites)
    assert np.isnan(alone["pv_capacity"]).all()
    assert np.isnan(alone["line_cost"]).all()
    assert (served["matched_share"] >= served["target"] - 1e-8).all()
    assert (served["line_cost"] > 0).all()
    assert (served["reachable_share"] > alone["reachable_share"]).all()
    assert (served["sizing_gap"] <= 1e-3 + 1e-12).all()


def test_unknown_own_hours_stay_unknown():
    sites = region()
    sites["wind_capacity_factor"][0, 100] = np.nan
    sites = offered(sites, 150.0)
    assert np.isnan(match_supply(sites.isel(site=[0]), LOAD, SUPPLY, FINANCE, sites)["pv_capacity"]).all()


@pytest.mark.parametrize("sold", [{"export_price_cny_per_kwh": 0.15}, {"captured_export": {"pv_factor": 0.4, "wind_factor": 0.9}}])
def test_the_annual_cost_is_the_delivered_cost(sold):
    """With exports at one price or by plant, a factor on the import price and a charge for capacity."""
    rng = np.random.default_rng(5)
    tariff = Tariff.model_validate(sold)
    finance = FINANCE.model_copy(update={"tariff": tariff})
    supply = Supply(export_limit_mw=50.0, hydrogen=HydrogenDemand(mean_kg_per_hour=100.0))
    mixes = rng.uniform(1.0, 500.0, (2, len(QUANTITIES)))
    row = xr.Dataset({name: (("site", "target"), mixes[None, :, k]) for k, name in enumerate(QUANTITIES)})
    row = row.assign(
        line_cost=row["generation"] * 0.0,
        load_energy=("site", [876e3]), grid_energy_price=("site", [0.3]), pv_full_load_hours=("site", [1500.0]),
        wind_full_load_hours=("site", [2500.0]),
    ).assign_coords(site=[1], target=[0.8, 0.9])  # fmt: skip
    costs = add_costs(row, finance)
    block = _block(LOAD, supply, finance, pd.date_range("2013-01-01", periods=HOURS, freq="h"))
    if tariff.captured_export:
        block = priced(block, 0.4 * 300.0, 0.9 * 300.0)
    price = float(costs["import_price"][0]) * 1e3
    np.testing.assert_allclose(annual_cost(mixes, block, price), costs["delivered_cost"][0] * 876e6, rtol=1e-12)


@pytest.mark.parametrize(("engine", "wave"), [(FAST, 0.0), (PROGRAMME, 1e-3)])
def test_exports_are_priced_in_the_choice(engine, wave):
    """A fortnight; the linear programme serves prices by the hour."""
    hours = 14 * 24
    pv, wind = (values[:hours] for values in weather(0))
    cells = Cells(np.array([50, 70]), np.full(2, 40.0), np.array([100.0, 100.4]), np.full(2, 1e4), np.full(2, 1e4),
                  np.stack([pv, pv]), np.stack([0.4 * wind, wind]))  # fmt: skip
    month, ones = np.resize(np.arange(1, 13), hours), np.ones(hours)
    supply = Supply(targets=(0.8,), export_limit_mw=30.0)
    block = Block(100.0 * ones, month, supply, (272e3, 402e3, 73e3, 65e3), 100.0, 1, ones + wave * (month % 2), 150.0, 0.0)
    _, *own = match_block(cells.pv[:1], cells.wind[:1], [1e4], [1e4], 350.0, block=block)
    places = np.array([[50, 50]]), np.array([[50, 70]])
    mixes, _, _, placed = match_distant(
        *own, np.array([50]), np.array([350.0]), np.array([-1]), *places, cells=cells, block=block, feedin=None, finance=FINANCE
    )
    assert mixes[0, 0, QUANTITIES.index("supply_engine")] == own[0][0, 0, QUANTITIES.index("supply_engine")] == engine
    assert placed[0, 0, PLACED.index("wind_plant_site")] == 70
    assert mixes[0, 0, QUANTITIES.index("exported_energy")] > 0
    near = annual_cost(mixes[0], block, 350.0)[0] + placed[0, 0, PLACED.index("line_cost")]
    assert near < annual_cost(own[0][0], block, 350.0)[0]


def test_bounds_of_costs_that_exports_pay_lie_below_them():
    """The gap is a share of what was sized, without the charge for the grid, whatever its sign."""
    mixes = np.zeros((3, len(QUANTITIES)))
    mixes[:, QUANTITIES.index("sizing_gap")] = 0.01
    mixes[2, QUANTITIES.index("grid_capacity")] = 1.0
    block = Block(np.ones(1), np.ones(1, np.int64), SUPPLY, (0.0,) * 4, 1.0, 1, np.ones(1), 0.0, 100.0)
    assert _lower(np.array([100.0, -100.0, 0.0]), mixes, block) == pytest.approx([99.0, -101.0, -1.0])


# --- what is offered


def test_the_own_land_comes_first_and_elsewhere_only_where_a_park_may_stand():
    sites = offered(region(), 150.0)
    assert (sites["pv_place"].isel(place=0) == sites["site"]).all()
    assert (sites["wind_place"].isel(place=0) == sites["site"]).all()
    assert (sites["pv_place"].isel(site=[1, 2, 3], place=slice(1, None)) == -1).all()
    assert set(sites["wind_place"].values[0].tolist()) >= {PARK, 70, 10}


def test_rules_bound_the_distance():
    ordinary = offered(region(), 150.0).isel(site=0)
    assert 60 in ordinary["pv_place"]
    same = offered(region(), 150.0, same_province=True).isel(site=0)
    assert {*same["pv_place"].values.tolist(), *same["wind_place"].values.tolist()} <= {-1, PARK, 70, 10}
    code = list(PROVINCES)[4]
    for limits, cells in (({code: 45.0}, {PARK, 70}), ({code: 0.0}, {PARK}), ({"all": 45.0}, {PARK, 70})):
        limited = offered(region(), 150.0, distance_max_km=limits).isel(site=0)
        assert set(limited["wind_place"].values.tolist()) - {-1} == cells
    other = offered(region(), 150.0, distance_max_km={list(PROVINCES)[5]: 0.0}).isel(site=0)
    xr.testing.assert_identical(other["pv_place"], ordinary["pv_place"])


def test_offers_are_the_same_as_by_geodesics_to_all_cells():
    rng = np.random.default_rng(3)
    count = 300
    sites = xr.Dataset(
        {
            "latitude": ("site", rng.uniform(35, 50, count)), "longitude": ("site", rng.uniform(75, 95, count)),
            "pv_land_fraction": ("site", rng.uniform(0, 0.02, count)), "wind_land_fraction": ("site", rng.uniform(0, 0.3, count)),
            "cell_area": ("site", np.full(count, 625.0)), "province": ("site", np.zeros(count)),
            "load_allowed": ("site", np.ones(count, dtype=bool)), "load_energy": ("site", np.full(count, 876e3)),
            "pv_full_load_hours": ("site", rng.uniform(1200, 1900, count)),
            "wind_full_load_hours": ("site", rng.uniform(800, 4000, count)),
        },
        coords={"site": rng.permutation(10_000)[:count]},
    )  # fmt: skip
    found = offer_places(sites, Placement(where="radius", radius_km=300.0), SUPPLY)
    several = 0
    for i in range(count):
        here = [np.full(count, float(sites[name][i])) for name in ("longitude", "latitude")]
        away = GEOD.inv(*here, sites["longitude"].values, sites["latitude"].values)[2] / 1e3
        for plant, density in (("pv", 40.0), ("wind", 4.0)):
            hours = sites[f"{plant}_full_load_hours"].values
            share = sites[f"{plant}_land_fraction"].values * 625.0 * density * hours / 876e3
            near = [j for j in np.argsort(away) if j != i and away[j] <= 300.0 and share[j] >= LEAST_SHARE]
            order = np.array([i, *near])
            expected = set(sites["site"].values[order[nested_cells(hours[order], share[order], 0.05)]].tolist())
            assert set(found[f"{plant}_place"].values[i].tolist()) - {-1} == expected
            several += len(expected) > 2
    assert several > 50


@st.composite
def surroundings(draw):
    count = draw(st.integers(1, 12))
    hours = draw(st.lists(st.floats(100, 4_000), min_size=count, max_size=count))
    share = draw(st.lists(st.floats(0, 3), min_size=count, max_size=count))
    return np.array(hours), np.array(share), draw(st.floats(0.01, 0.5))


@given(surroundings(), st.integers(1, 12))
def test_offers_are_nested_and_no_nearer_cell_is_clearly_better(around, cut):
    hours, share, better = around
    kept = nested_cells(hours, share, better)
    assert nested_cells(hours[:cut], share[:cut], better) == [k for k in kept if k < cut]
    for k in range(len(hours)):
        good = [
            j for j in kept if j <= k and (k == j or (hours[k] < hours[j] * (1 + better) and min(share[k], 1) < min(share[j], 1) + 0.25))
        ]
        assert good, "each cell is offered, or one not farther is nearly as good"
    for near, far in itertools.pairwise(kept):
        assert hours[far] >= hours[near] * (1 + better) or min(share[far], 1) >= min(share[near], 1) + 0.25


@given(st.floats(-60, 60), st.floats(-179, 179), st.floats(-0.9, 0.9), st.floats(-0.9, 0.9))
def test_distances_are_symmetric_geodesics(latitude, longitude, north, east):
    there = (latitude + north, longitude + east)
    found = float(distance_km(latitude, longitude, *there))
    assert found == pytest.approx(GEOD.line_length([longitude, there[1]], [latitude, there[0]]) / 1e3, rel=1e-9, abs=1e-9)
    assert found == pytest.approx(float(distance_km(*there, latitude, longitude)), rel=1e-9, abs=1e-9)


def test_known_distance():
    """Beijing to Tianjin (39.9042 N 116.4074 E to 39.0842 N 117.2009 E): 113.8 km by the haversine formula on a sphere, within 0.5 %."""
    assert float(distance_km(39.9042, 116.4074, 39.0842, 117.2009)) == pytest.approx(113.8, rel=5e-3)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(10, 900), st.floats(1, 100)), min_size=1, max_size=8), st.floats(0, 1_000), st.floats(0, 1))
def test_no_line_undercuts_the_bound(lines, likely, part):
    capacity, cost = np.array(lines).T
    fixed, slope = undercut(LineDesigns(capacity, cost, np.zeros(len(lines)), np.zeros(len(lines))), likely)
    power = part * capacity.max()
    assert fixed + slope * power <= cost[capacity >= power].min() * (1 + 1e-9)


# --- blocks and bad input


def test_blocks_are_cut_so_that_cells_are_few():
    sites = offered(region(), 250.0)
    for most in (1, 2, 3, 10):
        parts = split_by_cells(sites, np.arange(5), most)
        assert sorted(np.concatenate(parts).tolist()) == [0, 1, 2, 3, 4]
        assert all(len(part) == 1 or cells_needed(sites.isel(site=part)).size <= most for part in parts)


def test_cells_within_a_radius():
    sites = region()
    assert sites["site"].values[cells_within(sites, PARK, 90.0)].tolist() == [PARK, 70, 60]
    assert cells_within(sites, PARK, 0.0).tolist() == [0]


def test_hours_of_an_offered_cell_must_be_there():
    sites = offered(region(), 150.0)
    with pytest.raises(MissingVariableError, match="Expected the cells of all places that sites are offered, found no cell 10; give more"):
        match_supply(sites.isel(site=[0]), LOAD, SUPPLY, FINANCE)


@pytest.mark.parametrize(
    ("placement", "text"),
    [
        ({"where": "anywhere"}, "'own_land' or 'radius'"),
        ({"radius_km": -1}, "greater than or equal to 0"),
        ({"radius_km": 501}, "less than or equal to 500"),
        ({"distance_max_km": {"CN-XX": 50}}, "CN-XX"),
        ({"radius": 100}, "Extra inputs are not permitted"),
    ],
)
def test_bad_placements_are_refused(placement, text):
    with pytest.raises((ValidationError, StudyError), match=text):
        Placement(**placement)


def test_a_radius_beyond_the_reach_of_lines_is_refused():
    finance = Finance(line=LineCosts(highest_voltage_kv=110))
    with pytest.raises((ValidationError, StudyError), match="Expected a line of at most 100 km at 110 kV or less, found 115 km; fix:"):
        Study(finance=finance, placement=Placement(where="radius"))
    Study(finance=finance, placement=Placement())
