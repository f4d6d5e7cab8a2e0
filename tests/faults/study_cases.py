"""Faulty studies, each beside its sound twin; the faulty value stands on the third line unless a case says otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field

#: What stands above the fragment of each case.
HEAD = "# a study\ntitle: A trial\n"

CURVE_OF = "wind: {turbine: $, hub_height: 100}"
CURVE = "wind_speed,power\n0,0\n3,20\n8,900\n12,3000\n25,3000\n"


@dataclass(frozen=True)
class StudyCase:
    """A fragment of a study as it should be, and with one fault; words of the refusal; the line it must name."""

    name: str
    good: str
    bad: str
    words: str
    line: int = 3
    curves: dict[str, str] = field(default_factory=dict)


def case(name: str, template: str, good: object, bad: object, words: str, line: int = 3, curves: dict[str, str] | None = None) -> StudyCase:
    """Put a good and a bad value in the place of $."""
    return StudyCase(name, template.replace("$", str(good)), template.replace("$", str(bad)), words, line, curves or {})


WEIGHTS = """criteria:
  - {variable: delivered_cost, target: 0.9, weight: 0.5, best: 0.2, worst: 0.9}
  - {$}"""
SECOND = "variable: altitude, weight: 0.5, best: 1000, worst: 4000"
ONE = "criteria: [{$, weight: 1}]"
ALTITUDE = "variable: altitude, best: 1000, worst: 4000"
COST = "variable: delivered_cost, target: 0.9, best: 0.2, worst: 0.9"


def second(old: str, new: str) -> str:
    assert old in SECOND
    return SECOND.replace(old, new)


def curve(name: str, text: str, words: str) -> StudyCase:
    """Power curve of the user's that is none."""
    return case(name, CURVE_OF, "good.csv", "bad.csv", words, curves={"good.csv": CURVE, "bad.csv": text})


def nominal(power: float, slope: float) -> str:
    """Curve that rises to 25 m s-1, with its nominal power."""
    return "wind_speed,power,nominal_power\n" + "".join(f"{speed},{speed * slope},{power}\n" for speed in range(26))


KEYS = [
    case("unknown key", "$: {year: 2013}", "weather", "wether", "found 'wether'; fix: did you mean 'weather'?"),
    case("unknown nested key", "pv: {$: 0.1}", "losses", "loses", "found 'pv.loses'; fix: did you mean 'losses'?"),
    case(
        "unknown key two levels down",
        "finance: {tariff: {$: 0.1}}",
        "grid_charge_cny_per_kwh",
        "grid_charge_cny",
        "did you mean 'grid_charge_cny_per_kwh'?",
    ),
    case("unknown key in a list", WEIGHTS, SECOND, second("weight", "wieght"), "did you mean 'weight'?", line=5),
    case("unknown key like none", "load: {$: 100}", "mean_mw", "xyzzy", "known keys are flexibility, mean_mw, measured, profile, tenants"),
    case("key without its unit", "grid: {$: 25}", "resolution_km", "resolution", "did you mean 'resolution_km'?"),
    case("missing key in a list", WEIGHTS, SECOND, second("best: 1000, ", ""), "expected the key 'criteria.1.best'", line=5),
    case("missing unit of a raster", "layers: {$}", "", "annual_ghi: {path: ghi.tif}", "expected the key 'layers.annual_ghi.unit'"),
    case("unknown layer", "layers: {$}", "", "annual_gih: {path: g.tif, unit: kWh m-2}", "did you mean 'annual_ghi'?"),
]

UNITS = [
    case("rate in per cent", "finance: {discount_rate: $}", "0.06", "6", "6 % is 0.06"),
    case("losses in per cent", "pv: {losses: $}", "0.14", "14", "14 % is 0.14"),
    case("wake loss in per cent", "wind: {wake_loss: $}", "0.08", "8", "8 % is 0.08"),
    case("target in per cent", "supply: {targets: [0.8, $]}", "0.9", "90", "90 % is 0.9"),
    case("resolution in metres", "grid: {resolution_km: $}", "25", "25000", "found 25000; fix: change it; it means: Edge of a cell [km]"),
    case("resolution in degrees", "grid: {resolution_km: $}", "25", "0.25", "[km]"),
    case("load in kW", "load: {mean_mw: $}", "100", "100000", "[MW]"),
    case("capital cost per MW", "finance: {pv: {capex_cny_per_kw: $}}", "2900", "2900000", "per kW"),
    case("price per MWh", "finance: {tariff: {export_price_cny_per_kwh: $}}", "0.2", "200", "[CNY/kWh]"),
    case("tilt in radians of the wrong sign", "pv: {surface_tilt: $}", "30", "-0.5", "tilt of fixed modules in degrees"),
    case("azimuth from the south", "pv: {surface_azimuth: $}", "180", "-10", "clockwise from north"),
    case("temperature coefficient in per cent", "pv: {gamma_pdc: $}", "-0.0035", "-0.35", "per kelvin"),
    case("distance in metres", "land: {park_distance_to_city_max_km: $}", "100", "100000", "[km]"),
    case("altitude in feet", "land: {park_altitude_max_m: $}", "3500", "11500", "[m]"),
    case("lifetime in months", "finance: {wind: {lifetime_years: $}}", "25", "300", "less than or equal to 60"),
]

TYPES = [
    case("a word for a number", "load: {mean_mw: $}", "100", "hundred", "to be a number, found 'hundred'"),
    case("a quoted number", "load: {mean_mw: $}", "100", "'100'", "to be a number, found '100'"),
    case("a number with its unit", "load: {mean_mw: $}", "100", "100 MW", "found '100 MW'"),
    case("a truth value for a number", "load: {mean_mw: $}", "1", "true", "to be a number, found true"),
    case("an old truth value", "weather: {scale_to_levels: $}", "false", "no", "to be true or false, found 'no'"),
    case("a number for a list", "supply: {targets: $}", "[0.9]", "0.9", "to be a list"),
    case("a word for a list", "region: {provinces: $}", "[all]", "all", "to be a list"),
    case("a list for a mapping", "load: $", "{mean_mw: 100}", "[100]", "to be a mapping"),
    case("nothing for a mapping", "$", "load: {mean_mw: 100}", "load:", "to be a mapping"),
    case("a number for a title", "$", "zoning: {}", "title: 5", "each key once"),
    case("half a seed", "weather: {seed: $}", "1", "1.5", "to be a whole number, found 1.5"),
    case("a number of nine hundred digits", "weather: {seed: $}", 1, "9" * 900, "to be a whole number, found '999"),
    case("a number of nine thousand digits", "weather: {seed: $}", 1, "9" * 9000, "to be a whole number, found '999"),
    case("more than any number", "load: {mean_mw: $}", "100", "1e999", "to be a finite number"),
    case("an octal number", "weather: {seed: $}", "10", "010", "found '010'"),
    case("another tilt", "pv: {surface_tilt: $}", "latitude", "flat", "'pv.surface_tilt' to be a number"),
    case("unknown profile", "load: {profile: $}", "two_shift", "twoshift", "did you mean 'two_shift'?"),
    case("measured weather", "weather: {source: $}", "synthetic", "era5", "to be 'synthetic' or 'store', found 'era5'"),
]

PLACES = [
    case("box in another order", "region: {bbox: [99, $, 38]}", "36, 101", "101, 36", "the order is [west, south, east, north]"),
    case("latitude first", "region: {bbox: [$]}", "99, 36, 101, 38", "36, 99, 38, 101", "the order is [west, south, east, north]"),
    case("east of west", "region: {bbox: [$, 38]}", "99, 36, 101", "101, 36, 99", "west < east"),
    case("box without area", "region: {bbox: [99, 36, $, 38]}", "101", "99", "west < east"),
    case("box outside the data", "region: {bbox: [$, 38]}", "99, 36, 101", "-10, 36, 5", "within 72.9 to 136.1"),
    case("box of three", "region: {bbox: [99, 36, $]}", "101, 38", "101", "expected another item 'region.bbox.3'"),
    case("box of five", "region: {bbox: [99, 36, 101, $]}", "38", "38, 4326", "at most 4 items"),
    case("province by its name", "region: {provinces: [$]}", "CN-QH", "Qinghai", "did you mean 'CN-QH'?"),
    case("province without its country", "region: {provinces: [$]}", "CN-QH", "QH", "found 'QH'; fix: "),
    case("province twice", "region: {provinces: [CN-QH, $]}", "CN-GS", "CN-QH", "each province once"),
    case("all provinces and one", "region: {provinces: [$]}", "all", "all, CN-QH", "all alone"),
    case("no province", "region: {provinces: [$]}", "all", "", "at least 1 item"),
    case("unknown province of parks", "land: {park_provinces: [$]}", "CN-NM", "cn-nm", "did you mean 'CN-NM'?"),
    case(
        "price of an unknown province",
        "finance: {tariff: {import_prices_cny_per_kwh: {$: 0.3}}}",
        "CN-QH",
        "CN-QI",
        "found 'CN-QI'; fix: did you mean",
    ),
    case("unknown coordinate system", "grid: {crs: $}", "ESRI:102025", "EPSG:9999999", "a coordinate system"),
    case("coordinate system in degrees", "grid: {crs: $}", "ESRI:102025", "EPSG:4326", "in metres"),
    case("coordinate system of other areas", "grid: {crs: $}", "ESRI:102025", "EPSG:3857", "equal-area"),
    case("limits the wrong way round", "land: {plant_altitude_full_m: $}", "3000", "6000", "raise the maximum"),
    case("unknown time zone", "load: {timezone: $}", "Asia/Shanghai", "Asia/Beijing", "an IANA time zone"),
    case("summer in an abbreviation", "load: {timezone: $}", "Asia/Urumqi", "CST8", "such as Asia/Shanghai"),
    case("year of no weather", "weather: {year: $}", "2013", "2031", "a year of 2011 to 2020"),
    case("years out of order", "weather: {years: $}", "[2013, 2014]", "[2014, 2013]", "ascending years without repeats, found 2014, 2013"),
    case("year beside years", "weather: {years: [2013, 2014], year: $}", "2013", "2014", "year or years, found both"),
    case("negative seed", "weather: {seed: $}", "0", "-1", "greater than or equal to 0"),
]

CHOICES = [
    case("no target", "supply: {targets: [$, 0.9]}", "0.8", "0", "greater than 0, found 0"),
    case("negative target", "supply: {targets: [$, 0.9]}", "0.8", "-0.8", "greater than 0, found -0.8"),
    case("target above one", "supply: {targets: [0.9, $]}", "1", "1.1", "less than or equal to 1, found 1.1"),
    case("target that is no number", "supply: {targets: [$, 0.9]}", "0.8", ".nan", "found '.nan'"),
    case("target twice", "supply: {targets: [$, 0.9]}", "0.8", "0.9", "ascending targets without repeats"),
    case("targets that descend", "supply: {targets: [$]}", "0.8, 0.9", "0.9, 0.8", "ascending targets"),
    case("targets without that of the criteria", "supply: {targets: [$]}", "0.7, 0.9", "0.7", "found 0.9; fix: add it", line=2),
    case("weights below one", WEIGHTS, SECOND, second("0.5", "0.4"), "found 0.9; fix: divide each weight by 0.9"),
    case("weights above one", WEIGHTS, SECOND, second("0.5", "0.6"), "expected weights that sum to 1"),
    case("weight in per cent", WEIGHTS, SECOND, second("0.5", "50"), "50 % is 0.5", line=5),
    case("negative weight", WEIGHTS, SECOND, second("0.5", "-0.5"), "greater than 0, found -0.5", line=5),
    case("criterion twice", WEIGHTS, SECOND, second("altitude", "delivered_cost, target: 0.9"), "twice"),
    case("unknown variable", ONE, ALTITUDE, ALTITUDE.replace("altitude", "altitud"), "did you mean 'altitude'?"),
    case("variable in words", ONE, ALTITUDE, ALTITUDE.replace("altitude", "nearest_city"), "number per site"),
    case("criterion without its target", ONE, COST, COST.replace("target: 0.9, ", ""), "add a target"),
    case("target where there is none", ONE, ALTITUDE, f"{ALTITUDE}, target: 0.9", "remove it"),
    case("criterion at another target", ONE, COST, COST.replace("0.9,", "0.85,", 1), "among supply.targets (0.8, 0.9), found 0.85"),
    case("best as worst", ONE, ALTITUDE, ALTITUDE.replace("4000", "1000"), "two different finite levels"),
    case("no criterion", "criteria: [$]", f"{{{ALTITUDE}, weight: 1}}", "", "at least 1 item"),
    case("zones at another target", "zoning: {target: $}", "0.8", "0.85", "found 0.85; fix: add it"),
    case("more than all sites in zones", "zoning: {top_share: $}", "0.1", "10", "10 % is 0.1"),
    case("two exclusions of one name", "land: {exclusions: [$]}", "", "{name: a, path: a.tif}, {name: a, path: b.tif}", "different names"),
    case("storage below empty", "supply: {storage: {minimum_state_of_charge: $}}", "0.1", "1", "less than 1, found 1"),
    case("efficiency above one", "supply: {storage: {round_trip_efficiency: $}}", "0.86", "86", "86 % is 0.86"),
]

PATHS = [
    case(name, "layers: {$}", "", f"altitude: {{path: {path}, unit: m}}", words)
    for name, path, words in [
        ("missing raster", "none.tif", "found none; fix: check the path"),
        ("path out of the folder", "../elsewhere.tif", "inside the folder of the study"),
        ("absolute path", "/etc/hostname", "inside the folder of the study"),
        ("address with a password", "'https://me:pw@example.org/dem.tif'", "an address without keys"),
        ("address with a key", "'https://example.org/dem.tif?token=pw'", "write {NAME} in its place"),
        ("address of no file", "https://example.org/dem", "the address of one file"),
        ("address of several files", "https://example.org/roads.shp", "the address of one file"),
        ("address without a host", "'https:///dem.tif'", "without a host"),
        ("address of metadata", "http://169.254.169.254/dem.tif", "a server of data"),
        ("file transfer", "'ftp://example.org/dem.tif'", "path of a local file"),
        ("virtual file", "/vsicurl/https://example.org/dem.tif", "path of a local file"),
        ("database", "'PG:dbname=gis'", "path of a local file"),
        ("home", "~/dem.tif", "path of a local file"),
        ("folder", ".", "found none"),
        ("long name", "a" * 300 + ".tif", "too long"),
    ]
] + [
    case("missing exclusion", "land: {exclusions: [$]}", "", "{name: a, path: none.gpkg}", "found none; fix: check the path"),
    case("exclusion out of the folder", "land: {exclusions: [$]}", "", "{name: a, path: ../a.gpkg}", "inside the folder of the study"),
]

TURBINES = [
    case("unknown turbine", "wind: {turbine: $}", "NREL_6MW_196", "NREL_6MW", "did you mean 'NREL_6MW_196'?"),
    case("no such curve", CURVE_OF, "good.csv", "bad.csv", "found none", curves={"good.csv": CURVE}),
    case("curve out of the folder", CURVE_OF, "good.csv", "../bad.csv", "inside the folder", curves={"good.csv": CURVE}),
    case("curve without a hub", "wind: {turbine: $}", "good.csv, hub_height: 100", "good.csv", "give it in m", curves={"good.csv": CURVE}),
    case("cut-out beyond the curve", "wind: {cut_out: $}", "20", "39", "lower it"),
    curve("speeds that descend", "wind_speed,power\n0,0\n8,900\n3,20\n12,3000\n25,3000\n", "found 3 m s-1 out of order"),
    curve("speed twice", "wind_speed,power\n0,0\n3,20\n3,20\n12,3000\n25,3000\n", "found 3 m s-1 out of order"),
    curve("power above the nominal", nominal(2000, 100), "found 0 to 2500 kW"),
    curve("power in W", nominal(2500, 100_000), "times the nominal 2500 kW"),
    curve("negative power", "wind_speed,power\n0,-5\n3,20\n8,900\n12,3000\n25,3000\n", "found -5 to 3000 kW"),
    curve("gap in the curve", "wind_speed,power\n0,0\n3,20\n8,\n12,3000\n25,3000\n", "a gap in point 3"),
    curve("three points", "wind_speed,power\n0,0\n8,900\n25,3000\n", "at least 5 points"),
    curve("other columns", "v,p\n0,0\n3,20\n8,900\n12,3000\n25,3000\n", "columns wind_speed and power"),
    curve("words in the curve", "wind_speed,power\n0,zero\n3,20\n8,900\n12,3000\n25,3000\n", "a CSV table of numbers"),
    curve("semicolons", CURVE.replace(",", ";"), "a CSV table of numbers"),
    curve("empty curve", "", "a CSV table of numbers"),
]

CASES = [*KEYS, *UNITS, *TYPES, *PLACES, *CHOICES, *PATHS, *TURBINES]

_BOMB = "a: &a [x, x]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True))

#: Name -> content of a file that is no study, and words of the refusal; the twin is an ordinary study.
FILES: dict[str, tuple[bytes, str]] = {
    "broken mapping": (b"load: {mean_mw: 100\n", "found a mistake"),
    "tab": (b"load:\n\tmean_mw: 100\n", "indent with spaces, not tabs"),
    "missing space": (b"load:\n  mean_mw:100\n  profile: flat\n", "put a space after each colon"),
    "key twice": (b"title: a\nload: {}\ntitle: b\n", "study.yaml:3: expected each key once, found 'title' again (first on line 1)"),
    "alias bomb": (_BOMB.encode(), "study.yaml:1: expected plain values, found an anchor or alias"),
    "python tag": (b"title: !!python/object/apply:os.system ['touch sentinel']\n", "found the tag"),
    "binary tag": (b"title: !!binary aGVsbG8=\n", "found the tag"),
    "empty file": (b"", "found nothing"),
    "comment only": (b"# nothing\n", "found nothing"),
    "list at the top": (b"- title: a\n", "expected a mapping of keys to values"),
    "word at the top": (b"china\n", "expected a mapping of keys to values"),
    "two documents": (b"title: a\n---\ntitle: b\n", "found a mistake"),
    "latin-1": ("title: Zürich\n".encode("latin-1"), "expected UTF-8 text"),
    "utf-16": ("title: a\n".encode("utf-16"), "expected UTF-8 text"),
    "zero byte": (b"title: a\0b\n", "found a mistake"),
    "escape character": (b'title: "a\\e[31m"\n', "found the character U+001B"),
    "half a character": (b'title: "\\ud800"\n', "found the character U+D800"),
    "deep nesting": (b"title: " + b"[" * 3000 + b"]" * 3000 + b"\n", "at most 20 levels"),
    "a megabyte": (b"# " + b"a" * 1_000_000 + b"\ntitle: a\n", "expected at most 1000000 bytes"),
}
