import re

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from siting.catalog import open_entry
from siting.claims import check_claim, read_claims
from siting.emissions import Accounting, add_emissions, carbon_free_share, location_based, market_based
from siting.emissions.product import CBAM_FACTOR, Stage, cbam_cost, cbam_electricity, product_footprint
from siting.emissions.scope2 import cfe_score, identity_factor, matched_energy, residual_factor
from siting.emissions.surplus import allocate_surplus, avoided_emissions, net_statement
from siting.feedin.figures import NATIONAL
from siting.feedin.regions import region_of
from siting.region import PROVINCES
from siting.vocabulary import STEPS, AlignmentError, MissingVariableError, StudyError, UnitsError

TABLE = open_entry("provinces")

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


# The ledger: both methods, certificates, surplus, products


def ledger(**rules):
    """One site and target by hand: load 1000, 800 own, 200 bought, 500 exported, spread evenly over the months."""
    one, twelfth = np.ones((1, 1)), np.ones((1, 1, 12)) / 12
    values = {
        "province": ("site", [list(PROVINCES).index("CN-QH")]),
        "load_energy": ("site", [1000.0]),
        "import_energy": (("site", "target"), 200.0 * one),
        "exported_energy": (("site", "target"), 500.0 * one),
        "matched_share": (("site", "target"), 0.8 * one),
        "grid_emission_factor": ("site", [QINGHAI]),
        "grid_carbon_free_share": ("site", [0.83]),
        "load_energy_monthly": (("site", "target", "month"), 1000 * twelfth),
        "import_energy_monthly": (("site", "target", "month"), 200 * twelfth),
        "generation_monthly": (("site", "target", "month"), 1300 * twelfth),
        "import_carbon_free_energy": (("site", "target"), 150.0 * one),
        "import_emissions": (("site", "target"), 40.0 * one),
    }
    data = xr.Dataset(values, coords={"site": [1], "target": [0.8], "month": np.arange(1, 13)})
    return {name: item.item() for name, item in add_emissions(data, Accounting(**rules)).items() if item.dims == ("site", "target")}


def certificate(**changes):
    usual = {"serial": "A1", "energy_mwh": 120.0, "technology": "wind", "province": "CN-QH", "generated": "2022-07", "retired": "2023-01"}
    return usual | changes


def test_market_based_side_by_side():
    figures = ledger()
    assert figures["scope2_location"] == pytest.approx(0.2 * QINGHAI)
    assert figures["scope2_location_hourly"] == pytest.approx(0.04)
    assert figures["scope2_market"] == pytest.approx(0.2 * 0.5856)
    assert figures["cfe_total"] == pytest.approx(0.95)
    assert ledger(unmatched="fossil")["scope2_market"] == pytest.approx(0.2 * 0.8325)
    assert ledger(unmatched="average")["scope2_market"] == pytest.approx(0.2 * QINGHAI)


def test_average_of_a_regional_grid_is_that_of_the_grid():
    """0.5857 of the north-west in 2022, which its feed-in by the hour sums to; the location-based figure stays the province's."""
    figures = ledger(unmatched="average", boundary="regional_grid")
    assert figures["scope2_market"] == pytest.approx(0.2 * 0.5857)
    assert figures["scope2_market"] == pytest.approx(0.2 * region_of("CN-QH", 2022).factor)
    assert figures["scope2_location"] == pytest.approx(0.2 * QINGHAI)
    with pytest.raises(MissingVariableError, match="average of the regional grid needs province"):
        add_emissions(sites(), Accounting(unmatched="average", boundary="regional_grid"))


@pytest.mark.parametrize("unmatched", ["residual", "fossil", "average"])
@pytest.mark.parametrize("boundary", ["country", "regional_grid"])
def test_places_outside_the_provinces_have_no_factor_of_theirs(unmatched, boundary):
    abroad = sites(province=("site", np.array([list(PROVINCES).index("CN-QH"), -1, -1])))
    market = add_emissions(abroad, Accounting(unmatched=unmatched, boundary=boundary))["scope2_market"]
    known = (unmatched, boundary) == ("average", "country")
    assert market.notnull().all("target").to_numpy().tolist() == [True, known, False]


def test_a_whole_pv_chain_by_place():
    """The build-out at Xining: 14.6 TWh, 1.7 GW; 2.3 Mt there, 10.1 Mt in Inner Mongolia, 7.8 Mt at the national average; 8.6 GW of PV."""
    claim = next(each for each in read_claims() if each.id == "trina_demand")
    energy = float(re.search(r"([\d.]+) TWh", check_claim(claim).summary)[1])
    assert 14 < energy < 16
    assert 1.6 < energy / 8.76 < 1.8
    factors = {"Qinghai": (QINGHAI, 2.3), "Inner Mongolia": (INNER_MONGOLIA, 10.1), "China": (NATIONAL[2022]["average"], 7.8)}
    for place, (factor, megatonnes) in factors.items():
        assert location_based(energy, factor) == pytest.approx(megatonnes, abs=0.1), place
    capacity = energy / 1.7
    assert 8 < capacity < 9.5
    assert 140 < capacity * 1e3 / 58 < 200


def test_every_figure_says_method_year_and_factor():
    result = add_emissions(sites(), Accounting(matching="hourly", unmatched="fossil"))
    for name in STEPS["add_emissions"].adds:
        assert {"method", "year", "factor", "method_zh", "factor_zh"} <= set(result[name].attrs)
    assert "hourly matching" in result["scope2_market"].attrs["method"]
    assert "0.8325" in result["scope2_market"].attrs["factor"]
    assert result["scope2_market"].attrs["method_zh"].startswith("基于市场，按小时匹配")
    assert "0.8325" in result["scope2_market"].attrs["factor_zh"]
    assert result["scope2_location_hourly"].isnull().all()


def test_moved_gigawatt_hour_is_zero_in_both_places_if_matched():
    """Market-based at 100 % matched: 0 t in Ordos and in Xining."""
    for residual in (INNER_MONGOLIA, QINGHAI):
        assert market_based(1000.0, ((1000.0, 0.0),), residual) == 0


def test_residual_mix_of_the_book():
    """100 MWh, 40 green, 60 at 0.8; 30 claimed: 0.48 on average, 48/70 left."""
    assert residual_factor([40, 60], [0, 0.8], [0, 0]) == pytest.approx(0.48)
    assert residual_factor([40, 60], [0, 0.8], [30, 0]) == pytest.approx(0.6857, abs=5e-5)
    for claimed in ([50, 0], [-1, 0], [40, 60]):
        with pytest.raises(StudyError):
            residual_factor([40, 60], [0, 0.8], claimed)


def test_more_contracts_than_power_are_refused():
    with pytest.raises(StudyError, match="at most the 100 MWh drawn from the grid, found 150 MWh"):
        market_based(100.0, ((90.0, 0.0), (60.0, 0.0)), 0.6)


@pytest.mark.parametrize("boundary", ["site", "province", "regional_grid", "country"])
@pytest.mark.parametrize("matching", ["annual", "monthly", "hourly"])
def test_certificates_never_change_the_location_based_figure(matching, boundary):
    rules = {"matching": matching, "boundary": boundary}
    none, some = ledger(**rules), ledger(**rules, certificates=[certificate()])
    for name in ("scope2_location", "scope2_location_hourly", "carbon_free_share", "cfe_total", "avoided_emissions"):
        assert some[name] == none[name]
    covered = {"annual": 120.0, "monthly": 200 / 12, "hourly": 0.0}[matching] if boundary != "site" else 0.0
    assert some["market_matched_share"] == pytest.approx(0.8 + covered / 1000)
    assert some["scope2_market"] == pytest.approx((200 - covered) / 1000 * 0.5856)


@pytest.mark.parametrize(("province", "covered"), [("CN-QH", (1, 1, 1)), ("CN-XJ", (0, 1, 1)), ("CN-GD", (0, 0, 1))])
def test_certificates_reach_as_far_as_the_boundary(province, covered):
    for boundary, wanted in zip(("province", "regional_grid", "country"), covered, strict=True):
        found = ledger(boundary=boundary, certificates=[certificate(province=province)])["market_matched_share"]
        assert found == pytest.approx(0.92 if wanted else 0.8)


def test_certificates_of_another_year_cover_nothing():
    assert ledger(certificates=[certificate(generated="2021-07")])["market_matched_share"] == 0.8


def test_kept_surplus_counts_for_the_park_alone():
    assert ledger(surplus_owner="buyer")["market_matched_share"] == 0.8
    assert ledger(surplus_owner="park")["market_matched_share"] == 1
    assert ledger(surplus_owner="park")["scope2_market"] == 0
    assert ledger(surplus_owner="park", boundary="site")["market_matched_share"] == 0.8
    assert ledger(surplus_owner="park", matching="hourly")["market_matched_share"] == 0.8


def test_monthly_matching_says_what_it_lacks():
    with pytest.raises(MissingVariableError, match="monthly matching needs load_energy_monthly"):
        add_emissions(sites(), Accounting(matching="monthly"))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"self_use": True}, "self-use, whose certificates are not tradable"),
        ({"technology": "hydro", "commissioned": "2015-06-01"}, "found legacy hydro"),
        ({"technology": "hydro", "commissioned": "2024-06-01", "marketised": False}, "found legacy hydro"),
        ({"technology": "hydro"}, "first day of operation"),
        ({"offset_issued": True}, "CCER issued for the same MWh"),
        ({"retired": "2022-06"}, "2022-06 before 2022-07"),
        ({"retired": "2026-01"}, "within the validity"),
        ({"generated": "2024-01", "retired": "2026-02"}, "within the validity"),
        ({"market": "EU"}, "found A1 of EU"),
        ({"generated": "July 2022"}, "generated"),
        ({"energy_mwh": -1}, "greater than 0"),
    ],
)
def test_certificates_that_may_not_be_used_are_refused(changes, match):
    with pytest.raises(ValidationError, match=match):
        Accounting(certificates=[certificate(**changes)])


def test_certificates_are_retired_once():
    with pytest.raises(ValidationError, match="retired once, found A1 again"):
        Accounting(certificates=[certificate(), certificate(energy_mwh=5.0)])
    assert len(Accounting(certificates=[certificate(), certificate(serial="A2")]).certificates) == 2


def test_new_marketised_hydro_is_tradable():
    changes = {"technology": "hydro", "commissioned": "2023-05-01", "generated": "2024-01", "retired": "2026-01"}
    assert Accounting(certificates=[certificate(**changes)]).certificates[0].month == 1


def portfolios(count=10_000, hours=96, seed=20):
    """Loads and contracted output of random portfolios: dark hours, calms, storage-flat and empty ones among them."""
    random = np.random.default_rng(seed)
    load = random.gamma(random.uniform(0.3, 5, (count, 1)), 1.0, (count, hours))
    output = random.gamma(random.uniform(0.1, 5, (count, 1)), 1.0, (count, hours)) * (
        random.random((count, hours)) < random.random((count, 1))
    )
    return load, output * random.lognormal(0, 1, (count, 1)), np.repeat(np.arange(4), hours // 4)


def test_hourly_never_beats_monthly_nor_monthly_annual_in_ten_thousand_portfolios():
    load, output, month = portfolios()
    hourly, monthly, annual = (matched_energy(load, output, month, kind) for kind in ("hourly", "monthly", "annual"))
    assert not (hourly > monthly * (1 + 1e-12)).any()
    assert not (monthly > annual * (1 + 1e-12)).any()
    contracted, total = cfe_score(load, output, np.full(load.shape[1], 0.3))
    np.testing.assert_allclose(contracted, hourly / load.sum(axis=1), rtol=1e-12)
    assert (contracted <= np.minimum(1, output.sum(axis=1) / load.sum(axis=1)) * (1 + 1e-12)).all()
    assert ((contracted <= total) & (total <= 1 + 1e-12)).all()


def test_hourly_score_with_the_grid_can_beat_annual_matching():
    """Why the order is claimed for contracted power only."""
    _, total = cfe_score([1.0, 1.0], [0.5, 0.5], [0.9, 0.9])
    assert total > matched_energy([1.0, 1.0], [0.5, 0.5], None, "annual") / 2


@pytest.mark.parametrize("daylight", [6, 8, 12])
def test_square_sun_covers_its_hours_of_a_flat_load(daylight):
    """24/7 score = hours of sun / 24 (V-A1)."""
    output = np.where(np.arange(24) < daylight, 24 / daylight, 0.0)
    assert cfe_score(np.ones(24), output, np.zeros(24))[0] == pytest.approx(daylight / 24)
    assert matched_energy(np.ones(24), output, None, "annual") == pytest.approx(24)


def test_ordos_has_eighty_and_eightyfour_per_cent():
    contracted, total = cfe_score(np.ones(10), np.array([1.0] * 8 + [0.0] * 2), np.full(10, 0.2))
    assert (contracted, total) == (pytest.approx(0.8), pytest.approx(0.84))


@given(st.integers(0, 2**31), st.floats(0, 3), st.floats(0, 1))
def test_score_never_falls_with_output_or_a_cleaner_grid(seed, more, cleaner):
    random = np.random.default_rng(seed)
    load, output, share = random.random(48) + 0.1, random.random(48), random.random(48)
    contracted, total = cfe_score(load, output, share)
    assert cfe_score(load, output + more, share)[0] >= contracted - 1e-12
    assert cfe_score(load, output + more, share)[1] >= total - 1e-12
    assert cfe_score(load, output, share + cleaner * (1 - share))[1] >= total - 1e-12


def test_excess_of_one_hour_never_raises_the_score():
    load, output, share = np.ones(4), np.array([1.0, 2.0, 0.0, 0.5]), np.zeros(4)
    assert cfe_score(load, output + np.array([0.0, 9.0, 0.0, 0.0]), share)[0] == cfe_score(load, output, share)[0]


def test_bad_series_are_refused():
    with pytest.raises(UnitsError, match="per cent is divided by 100"):
        cfe_score([1.0], [1.0], [85.0])
    with pytest.raises(UnitsError, match="not their difference"):
        matched_energy([1.0], [-1.0], None, "hourly")
    with pytest.raises(AlignmentError, match="of one length"):
        matched_energy([1.0, 1.0], [1.0], None, "hourly")
    with pytest.raises(AlignmentError, match="month of each hour"):
        matched_energy([1.0], [1.0], None, "monthly")


def test_a_sold_kilowatt_hour_is_green_for_one_party_in_ten_thousand_portfolios():
    random = np.random.default_rng(7)
    for number in range(10_000):
        exported, shares = random.gamma(1) * 1e3, random.dirichlet(np.ones(1 + number % 5))
        claims = allocate_surplus(exported, {f"buyer {k}": share for k, share in enumerate(shares)}, ("park", "buyer")[number % 2])
        assert sum(claim.green for claim in claims.values()) == pytest.approx(exported, rel=1e-9)
        assert sum(claim.energy for claim in claims.values()) == pytest.approx(exported, rel=1e-9)
        assert (claims["park"].green > 0) != any(claim.green > 0 for name, claim in claims.items() if name != "park")


def test_shares_of_a_surplus_must_close():
    for shares in ({"mill": 0.7}, {"mill": 0.7, "grid": 0.7}, {"mill": -0.5, "grid": 1.5}, {"park": 1.0}):
        with pytest.raises(StudyError):
            allocate_surplus(100.0, shares, "buyer")


def test_exports_don_t_make_scope_2_negative():
    """On-site PV, 10 % used and 90 % sold: the inventory holds what was bought, the rest stands apart (V25)."""
    figures = ledger()
    assert figures["scope2_market"] >= 0
    assert figures["avoided_emissions"] == pytest.approx(500 * QINGHAI)
    assert avoided_emissions(900.0, 0.8) == pytest.approx(720)
    with pytest.raises(StudyError, match="don't make Scope 2 negative"):
        net_statement(10.0, -720.0)
    stated = net_statement(10.0, 20.0, offsets=30.0)
    assert (stated.gross, stated.net) == (30, 0)
    assert "offset, not a reduction" in stated.note
    assert net_statement(10.0, 20.0).note == "no offsets"


NET_EXPORTERS = TABLE["generation_2022"] >= TABLE["consumption_2022"]


@pytest.mark.parametrize("year", [2021, 2022])
def test_identity_factor_holds_where_nothing_is_imported(year):
    """All 15 provinces within 14 %; importers with gas plants are 20 % and more above (V4)."""
    fossil = 1 - TABLE[[f"hydro_share_{year}", f"wind_solar_share_{year}", f"nuclear_share_{year}"]].sum(axis=1)
    error = identity_factor(fossil, NATIONAL[year]["fossil"]) / TABLE[f"grid_emission_factor_{year}"] - 1
    inside = error[NET_EXPORTERS].dropna()
    assert len(inside) == 15
    assert inside.abs().max() <= 0.14
    assert (error[["CN-BJ", "CN-SH", "CN-GD", "CN-CQ"]] >= 0.2).all()


def test_rank_of_location_based_factors():
    """Yunnan, Sichuan, Qinghai, Guangxi lead in 2022, Hebei is last; the three lead in 2021 too (V5)."""
    factors = TABLE["grid_emission_factor_2022"].dropna().sort_values()
    assert list(factors.index[:4]) == ["CN-YN", "CN-SC", "CN-QH", "CN-GX"]
    assert list(factors.iloc[:4]) == [0.1073, 0.1404, 0.1567, 0.4044]
    assert (factors.index[-1], factors.iloc[-1]) == ("CN-HE", 0.7252)
    assert set(TABLE["grid_emission_factor_2021"].dropna().nsmallest(3).index) == {"CN-YN", "CN-SC", "CN-QH"}


#: Electricity [kWh] and process emissions [kg] per kg of silicon in a PV chain: metallurgical silicon, polysilicon and ingot.
CHAIN = (Stage("metallurgical silicon", 12.0, 5.0), Stage("polysilicon", 60.0), Stage("ingot", 20.0))


def test_share_of_electricity_hangs_on_the_boundary():
    national, qinghai = (product_footprint(CHAIN, factor, "location-based") for factor in (0.5366, QINGHAI))
    assert qinghai.electricity_share < national.electricity_share < 1
    assert product_footprint(CHAIN[1:], 0.5366, "location-based").electricity_share == 1
    assert national.total == pytest.approx(92 * 0.5366 + 5)
    with pytest.raises(StudyError, match="list each stage"):
        product_footprint((), 0.5, "location-based")


def test_border_adjustment_prices_indirect_emissions_of_cement_alone():
    usual = {"direct": 2.0, "indirect": 1.0, "benchmark": 1.5, "allowance_price": 80.0}
    steel, cement = (cbam_cost(good, 2026, **usual) for good in ("iron_steel", "cement"))
    assert steel["indirect"] == 0
    assert cement["indirect"] == 80
    assert steel["total"] == pytest.approx(80 * (2.0 - 1.5 * 0.975))
    assert cbam_cost("iron_steel", 2034, **usual)["total"] == pytest.approx(160)
    assert cbam_cost("iron_steel", 2040, **usual)["total"] == pytest.approx(160)
    assert cbam_cost("iron_steel", 2026, **usual, paid_at_origin=500.0)["total"] == 0
    costs = [cbam_cost("iron_steel", year, **usual)["total"] for year in sorted(CBAM_FACTOR)]
    assert costs == sorted(costs)
    for good, year in (("glass", 2026), ("cement", 2025)):
        with pytest.raises(StudyError):
            cbam_cost(good, year, **usual)


def test_actual_factor_needs_a_link_or_an_agreement():
    emissions, factor = cbam_electricity(0.1, 2026)
    assert factor == pytest.approx((0.5568 + 0.5366 + 0.5306) / 3)
    assert emissions == pytest.approx(0.1 * factor)
    assert cbam_electricity(0.1, 2026, actual_factor=0.0, evidence="direct_link") == (0, 0)
    with pytest.raises(StudyError, match="behind an actual factor, found 'certificates'; use the default factor"):
        cbam_electricity(0.1, 2026, actual_factor=0.0, evidence="certificates")


def test_the_step_keeps_the_order_of_matching_in_ten_thousand_portfolios():
    """Hourly <= monthly <= annual, with kept surplus and with certificates; the location-based figure never moves."""
    random, count = np.random.default_rng(3), 10_000
    load, output = random.gamma(2, 1, (2, count, 12))
    bought = load * random.random((count, 12))
    served = load - bought
    output = np.maximum(output, served)
    exported = (output - served).sum(axis=1) * random.random(count)
    totals = {"load_energy": load.sum(axis=1), "grid_emission_factor": random.random(count), "grid_carbon_free_share": random.random(count)}
    by_target = {"import_energy": bought.sum(axis=1), "exported_energy": exported, "matched_share": served.sum(axis=1) / load.sum(axis=1)}
    by_month = {"generation_monthly": output, "import_energy_monthly": bought, "load_energy_monthly": load}
    data = xr.Dataset(
        {name: ("site", values) for name, values in totals.items()}
        | {name: (("site", "target"), values[:, None]) for name, values in by_target.items()}
        | {name: (("site", "target", "month"), values[:, None]) for name, values in by_month.items()}
    )
    bundle = [certificate(serial=f"A{month}", energy_mwh=month / 4, generated=f"2022-{month:02d}") for month in range(1, 13)]
    for rules in ({"surplus_owner": "park"}, {"certificates": bundle}, {"surplus_owner": "park", "certificates": bundle}):
        results = [add_emissions(data, Accounting(matching=matching, **rules)) for matching in ("hourly", "monthly", "annual")]
        hourly, monthly, annual = (result["market_matched_share"].values for result in results)
        assert not (hourly > monthly + 1e-12).any()
        assert not (monthly > annual + 1e-12).any()
        assert not (annual > 1 + 1e-12).any()
        assert all((result["scope2_market"] > -1e-12).all() for result in results)
        assert all(result["scope2_location"].equals(results[0]["scope2_location"]) for result in results)


def test_shares_are_of_the_load_that_is_served():
    """Where load is cut, own supply and a carbon-free grid serve all of what is left, and no more."""
    cut = sites()
    cut = cut.assign(cut_energy=xr.full_like(cut["import_energy"], 50.0), grid_carbon_free_share=xr.ones_like(cut["load_energy"]))
    cut["matched_share"] = 1.0 - cut["import_energy"] / (cut["load_energy"] - cut["cut_energy"])
    np.testing.assert_allclose(add_emissions(cut, Accounting())["carbon_free_share"], 1.0, rtol=1e-12)
