"""A province on one sheet: mix, factor by method, hours, curtailment, rules; by the hour where its feed-in is built."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from siting import catalog
from siting.feedin.figures import NATIONAL
from siting.feedin.regions import region_of
from siting.policy import Facts, ProjectFigures, check
from siting.sheets.page import Section, Sheet, number
from siting.vocabulary import StudyError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from siting.feedin import Hours

#: Years of the official mix.
YEARS = (2021, 2022, 2023)

#: Error beyond which generation says little of the factor of consumption.
IDENTITY_BAND = 0.14

_HEIGHT = 20


def find_province(text: str) -> str:
    """Code of a province by its English or Chinese name or its ISO 3166-2 code.

    Raises
    ------
    StudyError
        If there is none of that name; the text suggests the nearest.
    """
    table = catalog.open_entry("provinces")
    names: dict[str, str] = {}
    for code, row in table.iterrows():
        for name in (code, code.removeprefix("CN-"), row["province"], row["province"].replace(" ", ""), row["province_zh"]):
            names[name.casefold()] = str(code)
    wanted = " ".join(text.split()).casefold()
    shortened = {wanted.removesuffix(end) for end in (" province", " autonomous region", " municipality", "省", "市", "自治区")}
    found = next((names[each] for each in sorted(shortened, key=len, reverse=True) if each in names), None)
    if found:
        return found
    near = difflib.get_close_matches(wanted, [name for name in names if len(name) > 2 or not name.isascii()], n=1, cutoff=0.5)
    fix = f"did you mean {table['province'][names[near[0]]]!r}?" if near else "write Qinghai, 青海 or CN-QH."
    raise StudyError(f"Expected a province of mainland China by its English or Chinese name or ISO code, found {text!r}; fix: {fix}")


def carbon_free_by_hour(code: str, year: Literal[2021, 2022, 2023]) -> NDArray[np.float64]:
    """Carbon-free share of the grid's feed-in by month and hour of China time, (12, 24), of the modelled hours of a year."""
    import numpy as np

    hours, local = _feedin_hours(year)
    places = (local.astype("datetime64[M]").astype(int) % 12) * 24 + local.astype(int) % 24
    total = np.bincount(places, hours.carbon_free[hours.zones.index(code)], minlength=288)
    return (total / np.bincount(places, minlength=288)).reshape(12, 24)


@cache
def _feedin_hours(year: Literal[2021, 2022, 2023]) -> tuple[Hours, NDArray[np.datetime64]]:
    """Modelled hours of all provinces, and their stamps in China time."""
    import numpy as np

    from siting.feedin import Feedin, model_hours

    times = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="datetime64[h]")
    return model_hours(Feedin(year=year), times), times + np.timedelta64(8, "h")


def province_sheet(name: str, year: int = 2026) -> Sheet:
    """Sheet of a province.

    Parameters
    ----------
    name : str
        English or Chinese name, or ISO code.
    year : int
        Year of the rules.

    Raises
    ------
    StudyError
        If there is no such province.
    """
    code = find_province(name)
    row = catalog.open_entry("provinces").loc[code]
    data = _data(code, row, year)
    title = f"{row['province']} {row['province_zh']} ({code})"
    sections = (_mix(data), _hourly(data), _factors(data), _region(data), _hours(data), _rules(data, year), _caveats(row))
    return Sheet(title, sections, data)


def _data(code: str, row: pd.Series[Any], year: int) -> dict[str, Any]:
    mix = {each: _year_mix(row, each) for each in YEARS}
    fossil = 1 - mix[2022]["carbon_free_share"]
    factor, identity = float(row["grid_emission_factor_2022"]), fossil * NATIONAL[2022]["fossil"]
    hours, built = carbon_free_by_hour(code, 2022), _feedin_hours(2022)[0]
    figures = ("wind_utilisation_2024", "pv_utilisation_2024", "coal_benchmark_price", "official_renewable_share_2021")
    full = {f"wind_hours_{each}": float(row[f"wind_hours_{each}"]) for each in YEARS}
    full |= {f"pv_hours_{each}": float(row[f"pv_hours_{each}"]) for each in (2019, 2020)}
    ratio = float(row["generation_2022"]) / float(row["consumption_2022"])
    return {
        "province": code,
        "name": row["province"],
        "mix": mix,
        "carbon_free_share_by_month_and_hour": hours.tolist(),
        "carbon_free_share_error": float(built.error[built.zones.index(code)].mean()),
        "factors": {
            "location_2021": float(row["grid_emission_factor_2021"]),
            "location_2022": factor,
            "market_unmatched_2022": NATIONAL[2022]["residual"],
            "fossil_share_times_fossil_factor_2022": identity,
            "identity_error": identity / factor - 1 if factor > 0 else math.nan,
        },
        "regional_grid_2022": region_of(code, 2022)._asdict(),
        "generation_per_consumption_2022": ratio,
        "importer": ratio < 1,
        **{each: float(row[each]) for each in figures},
        "hours": full,
        "rules": [vars(verdict) for verdict in check(ProjectFigures(), Facts(province=code, zero_carbon_park=True), year, code)],
    }


def _year_mix(row: pd.Series[Any], year: int) -> dict[str, float]:
    hydro, variable, nuclear = (float(row[f"{kind}_share_{year}"]) for kind in ("hydro", "wind_solar", "nuclear"))
    free = hydro + variable + nuclear
    return {
        "hydro_share": hydro,
        "wind_solar_share": variable,
        "nuclear_share": nuclear,
        "other_share": 1 - free,
        "renewable_share": hydro + variable,
        "carbon_free_share": free,
        "generation_twh": float(row[f"generation_{year}"]),
        "consumption_twh": float(row[f"consumption_{year}"]),
    }


def _bar(share: float, width: int = 30) -> str:
    return "" if math.isnan(share) else "█" * round(share * width)


def _mix(data: dict[str, Any]) -> Section:
    kinds = ("hydro_share", "wind_solar_share", "nuclear_share", "other_share")
    words = ("hydro", "wind and solar", "nuclear", "coal, gas and the rest")
    rows = [
        (word, *(number(100 * data["mix"][year][kind], 1, " %") for year in YEARS), _bar(data["mix"][2023][kind]))
        for kind, word in zip(kinds, words, strict=True)
    ]
    rows += [
        (f"{word} [TWh]", *(number(data["mix"][year][f"{word}_twh"], 1) for year in YEARS), "") for word in ("generation", "consumption")
    ]
    official = data["official_renewable_share_2021"]
    notes = [
        "Shares of annual generation, within 4 points: no share of anyone's consumption. "
        "Hydro power that stood before 2023 can't be bought by certificate."
    ]
    if not math.isnan(official):
        notes.append(f"Officially published for 2021: {100 * official:.1f} % renewable.")
    return Section("Generation", ("", *map(str, YEARS), "2023"), tuple(rows), tuple(notes), _mix_picture(data))


def _hourly(data: dict[str, Any]) -> Section:
    table, title = data["carbon_free_share_by_month_and_hour"], "Carbon-free share by month and hour, 2022"
    columns = ("month", *(f"{hour:02d}" for hour in range(0, 24, 3)))
    rows = tuple((str(month), *(number(100 * values[hour], 0) for hour in range(0, 24, 3))) for month, values in enumerate(table, 1))
    said = f"Per cent; modelled, not measured: {100 * data['carbon_free_share_error']:.0f} points of standard error in the mean hour."
    return Section(title, columns, rows, (f"{said} Hours of China time.",), _hour_picture(table))


def _factors(data: dict[str, Any]) -> Section:
    factors = data["factors"]
    names = {
        "location_2021": ("location-based, 2021", "consumption of the province, MEE and NBS"),
        "location_2022": ("location-based, 2022", "consumption of the province, MEE and NBS"),
        "market_unmatched_2022": ("market-based without contracts, 2022", "national average without traded carbon-free power"),
        "fossil_share_times_fossil_factor_2022": ("fossil share × fossil factor, 2022", "from the generation above, for comparison"),
    }
    rows = tuple((*words, number(factors[name], 4) or "unknown") for name, words in names.items())
    error, notes = factors["identity_error"], []
    if math.isnan(error):
        notes.append("No factor is published for the province: unknown, never 0.")
    elif data["importer"]:
        notes.append(
            f"A net importer (generation is {data['generation_per_consumption_2022']:.0%} of consumption): "
            f"what it generates differs from its factor by {100 * error:+.0f} %, by imports and by gas among its plants."
        )
    else:
        band = "within" if abs(error) <= IDENTITY_BAND else "outside"
        notes.append(
            f"Fossil share × fossil factor differs from the factor by {100 * error:+.0f} %, {band} the band of {100 * IDENTITY_BAND:.0f} %."
        )
    return Section("Emission factor by method [kg/kWh]", ("method", "counts", "factor"), rows, tuple(notes))


def _region(data: dict[str, Any]) -> Section:
    region = data["regional_grid_2022"]
    rows = [(name, number(100 * share, 1, " %")) for name, share in region["shares"].items()]
    rows += [
        ("generation", number(region["generation"], 0, " TWh")),
        ("factor, published", number(region["factor"], 4, " kg/kWh")),
        ("factor of its provinces, by consumption", number(region["factor_by_consumption"], 4, " kg/kWh")),
        ("factor of its provinces, by generation", number(region["factor_by_generation"], 4, " kg/kWh")),
    ]
    notes = ["The published factor counts where a claim reaches as far as the regional grid. Shares are modelled, not measured."]
    if region["known_share"] < 1:
        notes.append(
            f"Provinces without a factor are left out; the others use {number(100 * region['known_share'], 1, ' %')} of the power."
        )
    members = ", ".join(code.removeprefix("CN-") for code in region["members"])
    return Section(f"Regional grid, 2022: {region['name']} ({members})", ("", ""), tuple(rows), tuple(notes))


def _hours(data: dict[str, Any]) -> Section:
    hours = data["hours"]
    rows = [("wind", *(f"{year}: {number(hours[f'wind_hours_{year}'], 0)}" for year in YEARS), _used(data["wind_utilisation_2024"]))]
    rows.append(
        ("PV", *(f"{year}: {number(hours[f'pv_hours_{year}'], 0)}" for year in (2019, 2020)), "", _used(data["pv_utilisation_2024"]))
    )
    price = number(data["coal_benchmark_price"], 4, " CNY/kWh") or "unknown"
    notes = (
        "Realised hours of the fleet that stood there, after curtailment, PV per AC rating.",
        f"Benchmark price of coal power: {price}.",
    )
    return Section("Full-load hours and curtailment", ("", "", "", "", "curtailed 2024"), tuple(rows), notes)


def _used(share: float) -> str:
    return number(100 * (1 - share), 1, " %") or "unknown"


def _rules(data: dict[str, Any], year: int) -> Section:
    rows = tuple(
        (rule["title"], _threshold(rule), rule["number"], rule["article"], rule["confidence"])
        for rule in data["rules"]
        if rule["result"] != "not applicable"
    )
    return Section(f"Rules for a directly connected park in {year}", ("rule", "threshold", "document", "article", "confidence"), rows)


def _threshold(rule: Mapping[str, Any]) -> str:
    from siting.policy.verdicts import show

    if rule["threshold"] is None:
        return "not known here"
    return f"{'at least' if rule['comparison'] == 'at_least' else 'at most'} {show(rule['threshold'], rule['unit'])}"


def _caveats(row: pd.Series[Any]) -> Section:
    entry = catalog.entry("provinces")
    own = (f"{row['notes'][:1].upper()}{row['notes'][1:]}.",) if row["notes"] else ()
    return Section("What to know", notes=(*own, *entry.known_weaknesses, f"Source: {entry.citation}"))


def _mix_picture(data: dict[str, Any]) -> str:
    """Stacked bars of the mix as SVG."""
    colours = {"hydro_share": "#3b7ea1", "wind_solar_share": "#e0a526", "nuclear_share": "#8d6cab", "other_share": "#8b8f94"}
    names = {kind: kind.removesuffix("_share").replace("_", " and ") for kind in colours}
    marks, y = [], 0
    for year in YEARS:
        x = 40.0
        marks.append(f'<text x="0" y="{y + 15}" font-size="12">{year}</text>')
        for kind, colour in colours.items():
            share = max(0.0, data["mix"][year][kind])
            box = f'x="{x:.1f}" y="{y}" width="{500 * share:.1f}" height="{_HEIGHT}" fill="{colour}"'
            marks.append(f"<rect {box}><title>{names[kind]} {100 * share:.1f} %</title></rect>")
            x += 500 * share
        y += _HEIGHT + 4
    for n, (kind, colour) in enumerate(colours.items()):
        marks.append(f'<rect x="{40 + 125 * n}" y="{y}" width="12" height="12" fill="{colour}"/>')
        marks.append(f'<text x="{56 + 125 * n}" y="{y + 11}" font-size="12">{names[kind]}</text>')
    return f'<svg viewBox="0 0 560 {y + 18}" width="560" role="img" aria-label="Generation by source">{"".join(marks)}</svg>'


def _hour_picture(table: list[list[float]]) -> str:
    """Month by hour as SVG, light is little and dark is much."""
    marks = []
    for month, values in enumerate(table):
        for hour, share in enumerate(values):
            fill = "#eeeeee" if math.isnan(share) else f"hsl(150 55% {92 - 62 * share:.0f}%)"
            box = f'x="{30 + 20 * hour}" y="{15 * month}" width="20" height="15" fill="{fill}"'
            marks.append(f"<rect {box}><title>month {month + 1}, {hour:02d} h: {100 * share:.0f} %</title></rect>")
        marks.append(f'<text x="0" y="{15 * month + 12}" font-size="11">{month + 1}</text>')
    marks += [f'<text x="{30 + 20 * hour}" y="194" font-size="11">{hour:02d}</text>' for hour in range(0, 24, 3)]
    return f'<svg viewBox="0 0 520 200" width="520" role="img" aria-label="Carbon-free share by month and hour">{"".join(marks)}</svg>'
