"""Expected output of Weibull winds against numerical integration and against the hourly kernel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gamma

from siting.vocabulary import StudyError, UnitsError
from siting.yields.air_density import air_density
from siting.yields.effective_speed import correction_exponent
from siting.yields.expected_output import expected_capacity_factor, weibull_scale
from siting.yields.wind import WindFarm, capacity_factor

LOSSLESS = {"wake_loss": 0.0, "availability_loss": 0.0, "electrical_loss": 0.0, "performance_loss": 0.0, "cold_shutdown": None}
TURBINES = ("NREL_6MW_196", "IEA_3.4MW_130", "windpowerlib:E-126/4200", "windpowerlib:S122/3200", "windpowerlib:ENO114/3500")


def farm(turbine: str, **fields) -> WindFarm:
    return WindFarm(turbine=turbine, hub_height=100.0, **(LOSSLESS | fields))


def integrate(wind: WindFarm, scale: float, shape: float, density: float) -> float:
    """Mean output by Gauss-Legendre quadrature between the points of the corrected curve."""
    machine = wind.machines()[0]
    exponent = {"svenningsen": correction_exponent(machine.wind_speed), "iec": 1 / 3, "none": 0.0}[wind.density_correction]
    points = machine.wind_speed * (1.225 / density) ** exponent
    edges = np.unique(np.minimum([0.0, *points, machine.cut_out], machine.cut_out))
    nodes, weights = np.polynomial.legendre.leggauss(12)
    half, middle = np.diff(edges)[:, None] / 2, (edges[1:] + edges[:-1])[:, None] / 2
    v = middle + half * nodes
    probability = shape / scale * (v / scale) ** (shape - 1) * np.exp(-((v / scale) ** shape))
    return float((half * weights * np.interp(v, points, machine.output, left=0.0) * probability).sum())


@pytest.mark.parametrize("way", ["svenningsen", "iec", "none"])
@pytest.mark.parametrize("turbine", TURBINES)
def test_equals_numerical_integration(turbine, way):
    wind = farm(turbine, density_correction=way)
    cases = np.array([(8, 2, 1.0), (6, 1.6, 0.9), (11, 2.4, 1.3), (3, 1.0, 1.2), (14, 3.3, 0.8), (0.8, 2.0, 1.225), (25, 1.8, 1.5)])
    expected = [integrate(wind, *case) for case in cases]
    each = [expected_capacity_factor(scale, shape, density, wind=wind) for scale, shape, density in cases]
    np.testing.assert_allclose(each, expected, rtol=0, atol=1e-9)
    together = expected_capacity_factor(*cases.T, wind=wind)
    np.testing.assert_allclose(together, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("way", ["svenningsen", "iec", "none"])
@pytest.mark.parametrize("turbine", TURBINES[:3])
def test_equals_the_hourly_kernel_on_weibull_hours(turbine, way):
    """8760 hours at the middles of equal shares of the distribution; at the cut-out half an hour at nominal power may go astray."""
    wind = farm(turbine, density_correction=way)
    share = (np.arange(8760) + 0.5) / 8760
    for scale, shape, altitude in ((8.0, 2.0, 0.0), (9.5, 2.3, 2900.0), (6.0, 1.7, 1500.0)):
        speed = (scale * (-np.log(1 - share)) ** (1 / shape)).clip(max=60.0)[None]
        hours = capacity_factor(speed, np.full((1, 8760), 5.0), np.array([altitude]), wind=wind)
        from pvlib.atmosphere import alt2pres

        density = air_density(alt2pres(altitude), 5.0, 100.0)
        assert expected_capacity_factor(scale, shape, density, wind=wind) == pytest.approx(hours.mean(), abs=6e-5)


def test_mean_wind_of_rayleigh():
    """The mean of Rayleigh wind is sqrt(pi)/2 times its scale."""
    assert weibull_scale(np.array([7.0]))[0] == pytest.approx(7.0 * 2 / np.sqrt(np.pi), rel=1e-14)
    assert weibull_scale(7.0, 1.0) == pytest.approx(7.0)


@settings(max_examples=40)
@given(scale=st.floats(0, 30), shape=st.floats(1, 6), density=st.floats(0.4, 1.8))
def test_output_is_a_share(scale, shape, density):
    wind = farm("NREL_6MW_196")
    one = expected_capacity_factor(scale, shape, density, wind=wind)
    assert 0 <= one + 1e-12 <= 1.01
    pair = expected_capacity_factor([scale] * 2, [shape] * 2, density, wind=wind)
    np.testing.assert_allclose(pair, one, rtol=0, atol=1e-9)


@given(scale=st.floats(1, 20), low=st.floats(0.5, 1.5), more=st.floats(0, 0.3))
def test_less_density_never_gives_more(scale, low, more):
    """The curve never falls below its cut-out, which depends on the wind alone."""
    for way in ("iec", "svenningsen"):
        wind = farm("windpowerlib:E-126/4200", density_correction=way)
        thin, thick = expected_capacity_factor(scale, 2.0, [low, low + more], wind=wind)
        assert thin <= thick + 1e-12


def test_rasters_keep_their_shape_and_their_holes():
    scale = np.array([[6.0, np.nan, 8.0], [7.0, 9.0, 5.0]])
    density = np.full((2, 3), 1.1)
    density[1, 0] = np.nan
    for shape in (2.0, np.full((2, 3), 2.0)):
        found = expected_capacity_factor(scale, shape, density, wind=WindFarm())
        assert found.shape == (2, 3)
        assert np.argwhere(np.isnan(found)).tolist() == [[0, 1], [1, 0]]
    holes = np.array([2.0, np.nan])
    assert np.isnan(expected_capacity_factor(7.0, holes, 1.1, wind=WindFarm())).tolist() == [False, True]
    assert np.isnan(expected_capacity_factor(7.0, np.nan, 1.1, wind=WindFarm()))


def test_any_block_gives_the_same_bits():
    draw = np.random.default_rng(1)
    scale, density = draw.uniform(3, 12, 50), draw.uniform(0.8, 1.3, 50)
    whole = expected_capacity_factor(scale, 2.0, density, wind=WindFarm())
    parts = [expected_capacity_factor(scale[part], 2.0, density[part], wind=WindFarm()) for part in (slice(0, 17), slice(17, 50))]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_each_cell_takes_the_best_turbine():
    names = ("windpowerlib:S122/3200", "windpowerlib:E-126/4200")
    both = farm(names, design_wind_speed=(7.0, 15.0))
    one, other = (farm(name) for name in names)
    scale = np.array([5.0, 7.0, 10.0])
    alone = np.stack([expected_capacity_factor(scale, 2.0, 1.225, wind=wind) for wind in (one, other)])
    found = expected_capacity_factor(scale, 2.0, 1.225, wind=both)
    mean = scale * gamma(1.5)
    assert found.tolist() == np.where(mean <= 7.0, alone.max(axis=0), alone[1]).tolist()


def test_winds_are_brought_to_the_hub():
    wind = WindFarm(turbine="NREL_6MW_196", hub_height=160.0, shear_exponent=0.2, **LOSSLESS)
    low = farm("NREL_6MW_196")
    assert expected_capacity_factor(7.0, 2.0, 1.1, wind=wind) == pytest.approx(expected_capacity_factor(7.0 * 1.6**0.2, 2.0, 1.1, wind=low))
    rough = WindFarm(turbine="NREL_6MW_196", hub_height=160.0, extrapolation="log_law", **LOSSLESS)
    factor = np.log(160 / 0.1) / np.log(10 / 0.1)
    found = expected_capacity_factor(5.0, 2.0, 1.1, wind=rough, height=10.0, roughness_length=[0.1])
    assert found[0] == pytest.approx(expected_capacity_factor(5.0 * factor, 2.0, 1.1, wind=low))
    with pytest.raises(StudyError, match="Expected roughness_length for the extrapolation 'log_law'"):
        expected_capacity_factor(5.0, 2.0, 1.1, wind=rough)
    with pytest.raises(StudyError, match="found 'two_heights'; choose one"):
        expected_capacity_factor(5.0, 2.0, 1.1, wind=WindFarm(extrapolation="two_heights"))


@pytest.mark.parametrize(
    ("given", "said"),
    [((36.0, 2.0, 1.1), "weibull_scale of 0 to 30 m s-1, found 36; km h-1"), ((-1.0, 2.0, 1.1), "found -1"),
     ((7.0, 0.2, 1.1), "weibull_shape of 1 to 6, found 0.2"), ((7.0, 2.0, 101325.0), "air_density of 0.4 to 1.8 kg m-3, found 101325")],
)  # fmt: skip
def test_implausible_rasters_are_refused(given, said):
    with pytest.raises(UnitsError, match=said):
        expected_capacity_factor(*given, wind=WindFarm())
