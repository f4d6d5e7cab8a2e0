"""From a plant's parameters and a block of weather to a call of the PV kernels."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from siting.solar_position import sun_hours
from siting.vocabulary import AlignmentError
from siting.yields import pv_kernel
from siting.yields.gates import surely_plausible
from siting.yields.mounts import Tracker, places, planes, sun_path
from siting.yields.power import Plant
from siting.yields.pv import PVSystem, Shares, Site, day_of_year
from siting.yields.pv_gates import require_plausible
from siting.yields.rows import room_for, rows_of
from siting.yields.transposition import PEREZ_COEFFICIENTS, PEREZ_EDGES, Sky

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]

#: Height [m] of the weather's wind, and of the wind that the Sandia temperature model is made for.
_WIND_HEIGHT, _SANDIA_HEIGHT = 100.0, 10.0
_SKY_MODELS = {"isotropic": 0, "haydavies": 1, "perez": 2}
#: Refractive index, extinction [m-1] and thickness [m] of the glass; least sine, bounds, slope and share of a clear sky, sine of
#: 3 degrees and series of Erbs et al.; all as in pvlib.
_GLASS_INDEX, _GLASS_EXTINCTION, _GLASS_THICKNESS = 1.526, 4.0, 0.002
_ERBS = (0.065, 0.22, 0.8, 0.09, 0.165, float(np.cos(np.radians(87.0))), 0.9511, -0.1604, 4.388, -16.638, 12.336)
#: Efficiency of PVWatts' reference inverter and its fit: loss at rest, linear and square term.
_REFERENCE_EFFICIENCY, _AT_REST, _LINEAR, _SQUARE = 0.9637, -0.0059, 0.9858, -0.0162
#: Tilts [degree] between which the search for the best one starts, and its number of steps.
_TILTS, _STEPS = np.arange(0.0, 91.0, 15.0), 5


class Block(NamedTuple):
    """Hourly weather of some sites, each (n, time) of any float type, as :func:`siting.yields.pv.capacity_factor` takes it."""

    ghi: Floats
    dni: Floats | None
    dhi: Floats | None
    temp_air: Floats
    wind: Floats


class Job(NamedTuple):
    """What a call of the kernel needs beside the planes and the places of its results."""

    chain: pv_kernel.Chain
    weather: pv_kernel.Weather
    hours: pv_kernel.Hours
    site: Site
    middles: NDArray[np.datetime64]
    pv: PVSystem


def hourly(
    block: Block, site: Site, middles: NDArray[np.datetime64], pv: PVSystem, out: Floats | None, *, stop_at_plane: bool = False
) -> Floats:
    """Output of every hour, or the light in the plane, at any moments ``middles``, shape (n, time)."""
    job = prepare(block, site, middles, pv, stop_at_plane=stop_at_plane)
    output = room_for(out, job.weather.ghi)
    _run(job, tilts(job), output, np.zeros(0))
    return output


def summed(block: Block, site: Site, middles: NDArray[np.datetime64], pv: PVSystem) -> NDArray[np.float64]:
    """Sum of the output over time, shape (n,)."""
    job = prepare(block, site, middles, pv)
    total = np.zeros(len(site.latitude))
    _run(job, tilts(job), np.zeros((0, 0), job.weather.ghi.dtype), total)
    return total


def best_tilt(block: Block, site: Site, middles: NDArray[np.datetime64], pv: PVSystem) -> NDArray[np.float64]:
    """Tilt of the most light over all hours [degree], shape (n,)."""
    return _search(prepare(block, site, middles, pv, stop_at_plane=True))


def prepare(block: Block, site: Site, middles: NDArray[np.datetime64], pv: PVSystem, *, stop_at_plane: bool = False) -> Job:
    """Weather in working precision and the terms of the hours; AlignmentError if shapes differ."""
    dtype = np.dtype(pv.precision)
    shape = (len(site.latitude), len(middles))
    decompose = block.dni is None or block.dhi is None
    if (block.dni is None) != (block.dhi is None):
        raise AlignmentError("Expected dni and dhi, or neither of them; found one; give both, or none to have them estimated from ghi.")
    nothing = np.zeros((0, 0), dtype)
    given = {name: nothing if values is None else rows_of(values, dtype) for name, values in block._asdict().items()}
    for name, values in given.items():
        if values.shape != shape and not (decompose and name in ("dni", "dhi")):
            raise AlignmentError(f"Expected {name} of shape {shape} (sites, hours), found {values.shape}; give one row per site.")
    plain = (pv.mount, pv.transposition, pv.reflection, pv.temperature, pv.bifaciality) == ("fixed", "haydavies", "none", "faiman", 0.0)
    chain = pv_kernel.Chain(
        plain=plain and not decompose and not stop_at_plane,
        decompose=decompose,
        track=pv.mount == "single_axis",
        sky_model=_SKY_MODELS[pv.transposition],
        rear=pv.bifaciality > 0,
        reflect=pv.reflection == "physical",
        sapm=pv.temperature == "sapm",
        stop_at_plane=stop_at_plane,
    )
    hours = _hours(middles.astype("datetime64[s]", copy=False).tobytes(), pv.losses, pv.soiling, pv.snow, dtype)
    return Job(chain, pv_kernel.Weather(**given), hours, site, middles, pv)


@functools.lru_cache(maxsize=4)
def _hours(seconds: bytes, losses: float, soiling: Shares, snow: Shares, dtype: np.dtype[Any]) -> pv_kernel.Hours:
    """Terms of the hours, remembered because every block of sites asks for the same."""
    from pvlib.irradiance import get_extra_radiation

    middles = np.frombuffer(seconds, dtype="datetime64[s]")
    extra = np.asarray(get_extra_radiation(day_of_year(middles)), dtype=np.float64)
    kept = kept_share(middles, losses, soiling, snow)
    return pv_kernel.Hours(sun_path(sun_hours(middles), dtype), extra.astype(dtype), (1.0 / extra).astype(dtype), kept.astype(dtype))


def kept_share(middles: NDArray[np.datetime64], losses: float, soiling: Shares, snow: Shares) -> NDArray[np.float64]:
    """Share of the DC power that losses, soiling and snow leave in each hour."""
    month = middles.astype("datetime64[M]").astype(np.int64) % 12
    kept = np.full(len(middles), 1.0 - losses)
    for loss in (soiling, snow):
        kept *= 1.0 - np.broadcast_to(np.asarray(loss, dtype=np.float64), 12)[month]
    return kept


def tilts(job: Job) -> NDArray[np.float64]:
    """Tilt of each site's modules [degree]."""
    if job.pv.mount == "single_axis":
        return np.zeros(len(job.site.latitude))
    if job.pv.surface_tilt == "optimal":
        return _search(job)
    if job.pv.surface_tilt == "latitude":
        return np.abs(job.site.latitude)
    return np.full(len(job.site.latitude), float(job.pv.surface_tilt))


def _search(job: Job) -> NDArray[np.float64]:
    """Best tilt by steps to the vertex of a parabola, held inside a bracket that shrinks with every step."""
    job = job._replace(chain=job.chain._replace(stop_at_plane=True, plain=False))
    nothing = np.zeros((0, 0), job.weather.ghi.dtype)

    def light(tilt: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.zeros(len(tilt))
        _run(job, tilt, nothing, total)
        return total

    first = np.stack([light(np.full(len(job.site.latitude), tilt)) for tilt in _TILTS])
    best = np.clip(np.argmax(first, axis=0), 1, len(_TILTS) - 2)
    sites = np.arange(len(best))
    points = np.stack([_TILTS[best + move] for move in (-1, 0, 1)])
    values = np.stack([first[best + move, sites] for move in (-1, 0, 1)])
    for _ in range(_STEPS):
        points, values = _narrowed(points, values, light)
    top = np.argmax(values, axis=0)
    return np.where(np.isnan(values).any(axis=0), np.nan, points[top, sites])


def _narrowed(points: Any, values: Any, light: Any) -> tuple[Any, Any]:
    """Bracket (3, n) with one more point: the vertex, or the middle of the wider half where the vertex is next to a point."""
    (left, middle, right), (low, high, end) = points, values
    up, down = (middle - left) * (high - end), (middle - right) * (high - low)
    with np.errstate(divide="ignore", invalid="ignore"):
        vertex = middle - 0.5 * ((middle - left) * up - (middle - right) * down) / (up - down)
    least = 0.02 * (right - left)
    fine = (vertex > left + least) & (vertex < right - least) & (np.abs(vertex - middle) > 1e-3)
    halfway = np.where(middle - left > right - middle, 0.5 * (left + middle), 0.5 * (middle + right))
    trial = np.where(fine, vertex, halfway)
    value = light(trial)
    four, heights = np.stack([left, middle, right, trial]), np.stack([low, high, end, value])
    order = np.argsort(four, axis=0, kind="stable")
    four, heights = np.take_along_axis(four, order, 0), np.take_along_axis(heights, order, 0)
    first = np.where(heights[1] >= heights[2], 0, 1)
    rows = first + np.arange(3)[:, None]
    return np.take_along_axis(four, rows, 0), np.take_along_axis(heights, rows, 0)


def _run(job: Job, tilt: NDArray[np.float64], output: Floats, total: NDArray[np.float64]) -> None:
    """Call the kernel, then look at what it has found in the weather."""
    dtype, site, pv = job.weather.ghi.dtype, job.site, job.pv
    facing = np.where(site.latitude < 0, 0.0, 180.0) if pv.surface_azimuth == "equator" else np.full(len(tilt), float(pv.surface_azimuth))
    findings = pv_kernel.Findings(np.zeros(1, np.bool_), np.zeros(1, dtype), np.zeros(len(tilt), dtype), np.zeros(len(tilt), dtype))
    pv_kernel.fill(
        job.chain, job.weather, job.hours, places(*site, dtype), planes(site.latitude, site.longitude, tilt, facing, dtype),
        *_constants(pv, dtype), findings, output, total,
    )  # fmt: skip
    require_plausible(job.weather, findings, site, job.middles)


@functools.lru_cache(maxsize=8)
def _constants(pv: PVSystem, dtype: np.dtype[Any]) -> tuple[Tracker, Sky, Plant, pv_kernel.Limits]:
    """Constants of all steps, remembered because every block of sites asks for the same."""
    limits = pv_kernel.Limits(*_as(dtype, *(surely_plausible(name) for name in ("ghi", "wind_speed_100m", "temp_air"))))
    return tracker(pv, dtype), sky(pv, dtype), plant(pv, dtype), limits


def tracker(pv: PVSystem, dtype: np.dtype[Any]) -> Tracker:
    """Constants of a tracker; without backtracking the rows are as far apart as numbers allow."""
    limit = np.radians(pv.max_angle)
    return Tracker(*_as(dtype, 1.0 / pv.gcr if pv.backtracking else 1e30, np.cos(limit), np.sin(limit)))


def sky(pv: PVSystem, dtype: np.dtype[Any]) -> Sky:
    """Constants of decomposition, transposition and reflection."""
    surface = ((1.0 - _GLASS_INDEX) / (1.0 + _GLASS_INDEX)) ** 2
    normal = 1.0 / ((1.0 - surface) * np.exp(-_GLASS_EXTINCTION * _GLASS_THICKNESS))
    albedo, lowest, perez_lowest, kappa, rear, index, normal = _as(
        dtype, pv.albedo, 0.01745, np.cos(np.radians(85.0)), 1.041, pv.bifaciality * (1.0 - pv.rear_loss), _GLASS_INDEX, normal
    )
    edges, coefficients = _as(dtype, *(edge - 1.0 for edge in PEREZ_EDGES)), tuple(_as(dtype, *row) for row in PEREZ_COEFFICIENTS)
    return Sky(albedo, lowest, perez_lowest, kappa, edges, coefficients, _as(dtype, *_ERBS), rear, index, normal)


def plant(pv: PVSystem, dtype: np.dtype[Any]) -> Plant:
    """Constants of temperature and power."""
    height = pv.module_height if pv.temperature == "faiman" else _SANDIA_HEIGHT
    slowed = (height / _WIND_HEIGHT) ** pv.shear_exponent
    limit, scale = 1.0 / (pv.dc_ac_ratio * pv.inverter_efficiency), pv.inverter_efficiency / _REFERENCE_EFFICIENCY
    return Plant(
        *_as(
            dtype, pv.faiman_u0, pv.faiman_u1 * slowed, np.exp(pv.sapm_a), pv.sapm_b * slowed, pv.sapm_delta_t / 1000.0,
            (1.0 - 25.0 * pv.gamma_pdc) / 1000.0, pv.gamma_pdc / 1000.0,
            scale * _AT_REST * limit, scale * _LINEAR, scale * _SQUARE / limit, 1.0 / pv.dc_ac_ratio,
        )
    )  # fmt: skip


def _as(dtype: np.dtype[Any], *values: float) -> tuple[Any, ...]:
    """Scalars of one type."""
    return tuple(dtype.type(value) for value in values)
