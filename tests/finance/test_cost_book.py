import pytest

from siting.finance import ElectrolyserCosts, Finance, PVCosts, Tariff, cost_book, low_confidence_defaults


def test_every_figure_lies_in_its_range_and_has_a_source():
    book = cost_book(Finance())
    assert len(book) >= 25
    assert (book["low"] <= book["default"]).all()
    assert (book["default"] <= book["high"]).all()
    assert (book["value"] == book["default"]).all()
    assert set(book["confidence"]) == {"high", "medium", "low"}
    assert (book[["unit", "source", "meaning"]].apply(lambda column: column.str.len()) > 0).all(axis=None)
    assert book["name"].is_unique


def test_the_book_shows_what_is_in_use():
    book = cost_book(Finance(pv=PVCosts(capex_cny_per_kw=2_500))).set_index("name")
    assert book.loc["pv.capex_cny_per_kw", ["value", "low", "default", "high"]].tolist() == [2_500, 2_300, 2_900, 3_600]


def test_own_figures_are_no_low_confidence_defaults():
    names = {each.name for each in low_confidence_defaults(Tariff())}
    assert names == {"grid_charge_cny_per_kwh", "capacity_charge_cny_per_kw_month"}
    assert {each.name for each in low_confidence_defaults(Tariff(grid_charge_cny_per_kwh=0.05))} == {"capacity_charge_cny_per_kw_month"}
    assert "hydrogen_storage.capex_cny_per_kg" in {each.name for each in low_confidence_defaults(Finance())}


def test_hydrogen_costs_by_hand():
    """2 200 CNY/kW, 20 a at 6 % (0.087185) and 2.5 %; 3 750 CNY/kg, 25 a (0.078227) and 1 %."""
    costs = Finance().annual_costs()
    assert costs.electrolyser_cny_per_kw == pytest.approx(2_200 * (0.087185 + 0.025), rel=1e-5)
    assert costs.hydrogen_cny_per_kg == pytest.approx(3_750 * (0.078227 + 0.01), rel=1e-5)


def test_a_field_says_range_source_and_confidence():
    text = ElectrolyserCosts.model_fields["capex_cny_per_kw"].description
    assert text == "Installed cost [CNY/kW]; 1700-3000, expert, Chinese bids 2023-25, medium confidence."
