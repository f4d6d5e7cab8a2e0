"""Every faulty study is refused when it is read, with its line; its sound twin is read."""

from __future__ import annotations

import pytest
from faults.study_cases import CASES, FILES, HEAD

from siting.study import Study, read_study, shipped_studies
from siting.vocabulary import StudyError


@pytest.fixture
def write(tmp_path):
    def write(content, files):
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        path = tmp_path / "study.yaml"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_faulty_study_is_refused_and_its_twin_is_read(write, tally, case):
    good = HEAD + case.good + "\n"
    assert isinstance(read_study(write(good.encode(), case.curves)), Study)
    bad = HEAD + case.bad + "\n"
    error = tally.refusal(case.name, lambda: read_study(write(bad.encode(), case.curves)))
    assert isinstance(error, StudyError)
    assert str(error).startswith(f"study.yaml:{case.line}: ")
    assert case.words in str(error)
    assert len(str(error)) < 800


@pytest.mark.parametrize("name", FILES)
def test_file_that_is_no_study_is_refused(write, tally, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    content, words = FILES[name]
    error = tally.refusal(name, lambda: read_study(write(content, {})))
    assert isinstance(error, StudyError)
    assert words in str(error)
    assert not (tmp_path / "sentinel").exists()


def test_ordinary_file_is_read(write):
    assert read_study(write("\N{BYTE ORDER MARK}title: 青海\r\nload: {mean_mw: 50}\r\n".encode(), {})).title == "青海"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("northwset", "(china, northwest, northwest_10km, northwest_real), found 'northwset'; fix: did you mean 'northwest'?"),
        ("peru", "found 'peru'; fix: check the path"),
        ("none/study.yaml", "found none at 'none/study.yaml'"),
        ("study\n.yaml", "found none"),
        ("a" * 300 + ".yaml", "a"),
        (".", "found none"),
        ("northwest_10km", "northwest_10km.yaml:7: expected a file at 'wind_speed_100m.tif', found none"),
    ],
)
def test_study_that_is_not_there_is_refused(tally, tmp_path, monkeypatch, name, words):
    monkeypatch.chdir(tmp_path)
    error = tally.refusal(f"study {name[:20]!r}", lambda: read_study(name))
    assert isinstance(error, StudyError)
    assert words in str(error)


@pytest.mark.parametrize("name", ["china", "northwest"])
def test_shipped_study_is_read_by_name_and_by_path(name):
    assert read_study(name) == read_study(shipped_studies()[name])


def test_several_faults_are_counted(write):
    with pytest.raises(StudyError, match=r"found 20; .* \(2 more faults after this one\.\)$"):
        read_study(write(b"pv: {losses: 14, albedo: 20}\nload: {mean_mw: -1}\n", {}))
