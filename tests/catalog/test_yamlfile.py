import time

import pytest
from pydantic import Field

from siting import catalog
from siting.vocabulary import CatalogError, Parameters, StudyError


@pytest.fixture
def write(tmp_path):
    def write(text, name="study.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def one_line(error):
    text = str(error.value)
    return "\n" not in text and "fix: " in text


def test_lines_of_nested_keys_and_items(write):
    data, lines = catalog.read_yaml(write("title: a\nland:\n  altitude_max_m: 4500\ncriteria:\n  - {variable: score, weight: 1.0}\n"))
    assert data == {"title": "a", "land": {"altitude_max_m": 4500}, "criteria": [{"variable": "score", "weight": 1.0}]}
    assert lines["land", "altitude_max_m"] == 3
    assert lines["criteria", 0, "weight"] == 5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("010", "010"),
        ("12:30:00", "12:30:00"),
        ("1e3", 1000.0),
        ("-0.5", -0.5),
        (".5", 0.5),
        ("7", 7),
        ("'7'", "7"),
        ("2013-01-01", "2013-01-01"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("~", None),
        ("", None),
        (".nan", ".nan"),
        ("青海", "青海"),
    ],
)
def test_scalars_mean_what_they_look_like(write, text, value):
    found = catalog.read_yaml(write(f"key: {text}\n"))[0]["key"]
    assert found == value
    assert type(found) is type(value)


BOMB = "a: &a [x, x]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("title: a\ntitle: b\n", 2, "found 'title' again (first on line 1)"),
        ("land:\n  a: 1\n  b: 2\n  a: 3\n", 4, "found 'a' again (first on line 2)"),
        ("x: !!python/object/apply:os.system ['touch sentinel']\n", 1, "tag"),
        ("x: 1\ny: !include other.yaml\n", 2, "tag"),
        ("x: !!set {a}\n", 1, "tag"),
        (BOMB, 1, "anchor or alias"),
        ("x: 1\n<<: *x\n", 2, "anchor or alias"),
        ("x: [1, 2\n", 2, "a mistake"),
        ("a: 1\n\tb: 2\n", 2, "a mistake"),
        ("- 1\n", 1, "a mapping"),
        ("", 1, "a mapping"),
        ("? [a, b]\n: 1\n", 1, "a collection"),
        ("x: " + "[" * 30 + "]" * 30 + "\n", 1, "levels"),
        ("x: " + "[" * 5000 + "]" * 5000 + "\n", 1, "levels"),
        ("x: [" + "1," * 30_000 + "1]\n", 1, "levels"),
        ("a: 1\n---\nb: 2\n", 2, "a mistake"),
    ],
)
def test_bad_yaml_is_refused_with_its_line(write, tmp_path, monkeypatch, text, line, words):
    monkeypatch.chdir(tmp_path)
    begin = time.perf_counter()
    with pytest.raises(StudyError) as error:
        catalog.read_yaml(write(text), error=StudyError)
    assert str(error.value).startswith(f"study.yaml:{line}: ")
    assert words in str(error.value)
    assert one_line(error)
    assert time.perf_counter() - begin < 2
    assert not (tmp_path / "sentinel").exists()


@pytest.mark.parametrize("content", [b"a: \xff\xfe\n", b"a: 1\n" * 300_000, b"a: \x00\n"])
def test_bytes_that_are_no_yaml_are_refused(write, content):
    with pytest.raises(CatalogError) as error:
        catalog.read_yaml(write(content))
    assert one_line(error)


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(StudyError, match="found none") as error:
        catalog.read_yaml(tmp_path / "none.yaml", error=StudyError)
    assert one_line(error)


class Inner(Parameters):
    altitude_max_m: float = Field(default=4500, le=6000)


class Outer(Parameters):
    title: str
    land: Inner = Inner()
    criteria: tuple[Inner, ...] | None = None
    layers: dict[str, Inner] | None = None


@pytest.mark.parametrize(
    ("text", "start", "words"),
    [
        ("title: a\nland:\n  altitude_max: 1\n", "study.yaml:3:", "did you mean 'altitude_max_m'"),
        ("title: a\ncriteria:\n  - {altitude_max_m: 1, alitude_max_m: 1}\n", "study.yaml:3:", "did you mean 'altitude_max_m'"),
        ("title: a\nlayers:\n  x:\n    altitude_max_km: 1\n", "study.yaml:4:", "did you mean 'altitude_max_m'"),
        ("title: a\ntitel: 1\nland: {}\n", "study.yaml:2:", "did you mean 'title'"),
        ("title: a\nxyzzy: 1\n", "study.yaml:2:", "known keys are criteria, land, layers, title"),
        ("land: {}\n", "study.yaml:1:", "expected the key 'title'"),
        ("title: a\nland:\n  altitude_max_m: 9000\n", "study.yaml:3:", "less than or equal to 6000"),
        ("title: a\nland:\n  altitude_max_m: .nan\n", "study.yaml:3:", "'land.altitude_max_m'"),
        ("title: a\nland:\n  altitude_max_m: high\n", "study.yaml:3:", "found 'high'"),
    ],
)
def test_invalid_values_name_line_field_and_fix(write, text, start, words):
    with pytest.raises(StudyError) as error:
        catalog.read_model(write(text), Outer, StudyError)
    assert str(error.value).startswith(start)
    assert words in str(error.value)
    assert one_line(error)


def test_valid_model_is_read(write):
    model, lines = catalog.read_model(write("title: 西宁\nland: {altitude_max_m: 3000}\n"), Outer, StudyError)
    assert model.land.altitude_max_m == 3000
    assert lines[("title",)] == 1
