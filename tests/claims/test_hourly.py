"""Claims tried by the hour: closed forms of a made-up sun, the announced plants at Chifeng, and what is refused."""

import numpy as np
import pytest

from siting.claims import check_claim, hourly, read_claims, try_claim
from siting.claims.arithmetic import known_figures
from siting.claims.model import Claim
from siting.finance import Finance
from siting.vocabulary import CatalogError, StudyError

DAYS = 14
SUN = np.tile((np.arange(24) < 6).astype(float), DAYS)
DARK = np.zeros(SUN.size)
CHIFENG = next(claim for claim in read_claims() if claim.id == "chifeng_ammonia")


def process(mean=10.0, minimum=0.0, full_load=2_191.5):
    """Mean rate of 10 kg of hydrogen an hour, 10 kg per t of product, 0.06 MWh per kg in all."""
    return hourly.Process(mean * SUN.size / 10.0, 0.05, 0.01, 10.0, minimum, full_load)


def test_plants_of_the_right_size_make_what_is_claimed():
    """All of the product in the sunny quarter of the day needs four times the mean power."""
    plants = hourly.Plants(0.0, 4 * 10 * 0.06, 0.0, 0.0)
    year = hourly.run_year(plants, process(), SUN, DARK, 1e4)
    assert year.product == pytest.approx(process().product, rel=1e-8)
    assert year.used == pytest.approx(year.generation, rel=1e-8)
    assert year.electrolyser == pytest.approx(2.0, rel=1e-8)
    assert year.tank == pytest.approx(0.0, abs=1e-6)
    costs = Finance().annual_costs()
    assert year.power_cost == pytest.approx(2.4 * costs.pv_cny_per_kw / year.used, rel=1e-8)
    paid = 1e3 * (2.4 * costs.pv_cny_per_kw + 2.0 * costs.electrolyser_cny_per_kw)
    assert year.product_cost == pytest.approx(paid / year.product, rel=1e-8)


def test_half_the_plants_make_half_and_worthless_hydrogen_is_not_made():
    plants = hourly.Plants(0.0, 1.2, 0.0, 0.0)
    assert hourly.run_year(plants, process(), SUN, DARK, 1e4).product == pytest.approx(process().product / 2, rel=1e-8)
    idle = hourly.run_year(plants, process(), SUN, DARK, 0.0)
    assert idle.product == 0.0
    assert np.isnan(idle.product_cost)


def test_a_least_rate_without_power_at_night_is_unknown():
    """Its own electricity has no battery."""
    year = hourly.run_year(hourly.Plants(0.0, 2.4, 0.0, 0.0), process(minimum=0.2), SUN, DARK, 1e4)
    assert np.isnan(year.product)
    assert np.isnan(year.electrolyser)


def test_announced_plants_at_chifeng_make_the_ammonia_off_the_grid():
    """300 to 340 kt with the plant at 85 % or more, power for 0.17 to 0.25 CNY/kWh: 320 kt and 0.20 are claimed.

    The reading that pays for electrolyser and tank up to 30 CNY per kg of hydrogen; those that must reach 320 kt take longer.
    """
    figures, case = known_figures(CHIFENG), CHIFENG.dispatch.cases[1]
    assert case.worth == "worth"
    given = hourly._process(CHIFENG, CHIFENG.dispatch, figures)
    pv, wind = hourly.hours_at(CHIFENG.dispatch.longitude, CHIFENG.dispatch.latitude)
    assert 2_277 < wind.sum() < 3_600
    year = hourly.run_year(hourly._plants(CHIFENG.dispatch, case, figures), given, pv, wind, 30.0)
    assert 300e3 <= year.product <= 340e3
    assert 0.85 <= year.product / given.product * given.full_load / 8_760 <= 1
    assert 0.17 <= year.power_cost <= 0.25
    assert year.used == pytest.approx(10.25 * year.product, rel=1e-8)
    assert 0.7 <= year.used / year.generation <= 1


def test_one_reading_that_holds_keeps_a_claim(monkeypatch):
    years = iter([320e3, 304e3, 320e3, 311e3])
    monkeypatch.setattr(hourly, "hours_at", lambda *_: (SUN, SUN))
    monkeypatch.setattr(hourly, "run_year", lambda *_: hourly.Year(next(years), 4e6, 3.3e6, 700.0, 5e5, 0.18, 2.8e3))
    found = try_claim(check_claim(CHIFENG))
    assert found.verdict == "plausible"
    assert "synthetic hours make 304 to 320 kt in 4 readings, 2 of them as claimed" in found.summary
    steps = found.steps[4:]
    assert [step.split(": ")[-1].split(" ")[0] for step in steps[:4]] == ["agrees", "disagrees", "agrees", "disagrees"]
    assert "wind 1,001 MW" in steps[0]
    assert "wind 715 MW × 84 h + PV 715 MW" in steps[2]
    assert "wind 1,001 MW × 2,532 h" in steps[3]
    assert "no hour was measured" in steps[-1]


def test_hours_that_never_reach_it_refute_a_claim(monkeypatch):
    monkeypatch.setattr(hourly, "hours_at", lambda *_: (SUN, SUN))
    monkeypatch.setattr(hourly, "run_year", lambda *_: hourly.Year(100e3, 1e6, 9e5, 300.0, 1e5, 0.2, 3e3))
    found = try_claim(check_claim(CHIFENG))
    assert found.verdict == "refuted"
    assert "make 100 kt in 4 readings, 0 of them as claimed" in found.summary


def test_plants_that_cannot_run_are_told(monkeypatch):
    nan = float("nan")
    monkeypatch.setattr(hourly, "hours_at", lambda *_: (SUN, SUN))
    monkeypatch.setattr(hourly, "run_year", lambda *_: hourly.Year(nan, 1e6, nan, nan, nan, nan, nan))
    found = try_claim(check_claim(CHIFENG))
    assert found.verdict == "refuted"
    assert "no reading can run" in found.summary
    assert "can't keep the synthesis at 40 % of its largest rate: disagrees" in found.steps[4]


def test_claims_without_hours_come_back():
    other = next(check_claim(claim) for claim in read_claims() if claim.id == "kuqa_hydrogen")
    assert try_claim(other) is other


def changed(**changes):
    content = CHIFENG.model_dump(mode="json", exclude_none=True)
    content["dispatch"] |= changes
    return Claim.model_validate(content)


def test_faulty_hours_are_refused():
    with pytest.raises(ValueError, match="found 'nobody' in the calculation"):
        changed(specific="nobody")
    with pytest.raises(CatalogError, match="to take less than all electricity"):
        try_claim(check_claim(changed(synthesis="specific")))
    with pytest.raises(StudyError, match="longitude comes first"):
        try_claim(check_claim(changed(longitude=42.27, latitude=80.0)))


def test_ranges_count_at_their_middle():
    figures = known_figures(CHIFENG)
    assert hourly._middle(figures["specific"], "MWh/t") == pytest.approx(10.25)
    assert hourly._middle(figures["minimum"], "dimensionless") == pytest.approx(0.4)
