"""One place on the road that all candidates go: the cell that it stands in, rated with the study's own steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from siting.region import EXTENT, PROVINCES, Region
from siting.study import Study
from siting.vocabulary import StudyError

if TYPE_CHECKING:
    import xarray as xr

#: What is said of places without embedded data.
OUTSIDE = "outside the embedded data: fetch"


class OutsideError(StudyError):
    """A place for which there are no data here."""


def place_study(longitude: float, latitude: float, study: Study) -> Study:
    """Study of the one cell that a place stands in.

    Raises
    ------
    OutsideError
        If the place lies outside the embedded data.
    """
    from siting.grid import centres, geobox

    west, south, east, north = EXTENT
    if not (west < longitude < east and south < latitude < north):
        swapped = west < latitude < east and south < longitude < north
        fix = "longitude comes first, then latitude" if swapped else f"{OUTSIDE} data for it"
        raise OutsideError(
            f"Expected a place within {west:g} to {east:g} E and {south:g} to {north:g} N, "
            f"found {longitude:g} E {latitude:g} N; fix: {fix}."
        )
    box = geobox(study.grid, (longitude, latitude, longitude + 1e-9, latitude + 1e-9))
    rows, columns = centres(box)
    y, x = float(rows[0, 0]), float(columns[0, 0])
    reach = 1e-3
    region = Region(provinces=("all",), bbox=(x - reach, y - reach, x + reach, y + reach))
    return study.model_copy(update={"region": region})


def rate_place(longitude: float, latitude: float, study: Study) -> tuple[xr.Dataset, xr.Dataset | None]:
    """Layers of the cell of a place, and its row of the site table as a run of the study would rate it.

    Parameters
    ----------
    longitude, latitude : float
        Place [degree].
    study : Study
        All assumptions; its region doesn't count.

    Returns
    -------
    layers : Dataset
        Layers of the cell, with the reasons of the screen.
    site : Dataset or None
        The rated site, with the dimension ``site`` of size 1; None where neither a park nor plants may stand.

    Raises
    ------
    OutsideError
        If the place lies outside the embedded data.
    StudyError
        If plants may stand in other cells, which aren't looked at here.
    """
    from siting import land, layers, runner

    if study.placement.elsewhere:
        raise StudyError(
            "Expected placement.where: own_land for one place alone, found radius; run the study, or `siting supply` on one of its sites."
        )
    local = place_study(longitude, latitude, study)
    try:
        rasters = layers.open_layers(local)
    except StudyError:
        raise OutsideError(
            f"Expected a place in mainland China, found {longitude:g} E {latitude:g} N outside its provinces; fix: {OUTSIDE} data for it."
        ) from None
    rasters = land.explain(rasters, local.land)
    if int(rasters["load_reason"].values.min()) > 0 and int(rasters["plant_reason"].values.min()) > 0:
        return rasters, None
    candidates = land.screen(rasters, local.land).load()
    return rasters, runner.rate(runner.evaluate(candidates, local), local)


def reason(rasters: xr.Dataset, what: str) -> str:
    """Why a park ("load") or plants ("plant") may not stand in the cell; empty if they may."""
    flags = rasters[f"{what}_reason"]
    meanings = dict(zip(flags.attrs["flag_values"], str(flags.attrs["flag_meanings"]).split("|"), strict=True))
    number = int(flags.values.ravel()[0])
    return "" if number == 0 else str(meanings[number])


def province_of(rasters: xr.Dataset) -> str:
    """Code of the province of the cell."""
    codes = str(rasters["province"].attrs["iso_3166_2"]).split()
    return codes[int(rasters["province"].values.ravel()[0])]


def province_name(code: str) -> str:
    """English name of a province."""
    return PROVINCES[code].replace("\N{NO-BREAK SPACE}", " ")
