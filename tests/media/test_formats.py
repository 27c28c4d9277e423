"""The table of formats."""

from pathlib import Path

import pytest

from vergence.errors import MediaError
from vergence.media.formats import FORMATS, by_content, by_suffix, is_pattern, read_suffixes, written_suffixes
from vergence.media.video_writer import CONTAINERS

FIXTURES = Path(__file__).parent.parent / "fixtures"
FILES = [path for path in FIXTURES.rglob("*.*") if path.name not in ("README.md", "empty.mp4")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_content_and_name_tell_the_same(path):
    by_name = by_suffix(path)
    assert by_content(path) is (by_name or by_suffix(Path("x.mp4")))  # .m4a is in no row, but an MP4 inside


def test_no_suffix_stands_in_two_rows():
    suffixes = [suffix for row in FORMATS for suffix in row.suffixes]
    assert len(set(suffixes)) == len(suffixes)
    assert all(suffix == suffix.lower() for suffix in suffixes)


def test_names_are_read_in_any_case():
    assert by_suffix(Path("IMG_0001.JPG")).name == "JPEG"
    assert by_suffix(Path("README")) is None


def test_films_are_written_into_the_containers_of_the_writer():
    assert set(written_suffixes("film")) == set(CONTAINERS)


def test_what_is_written_can_be_read():
    for holds in ("picture", "film", "depth"):
        assert set(written_suffixes(holds)) <= set(read_suffixes(holds))


def test_unknown_content_is_none_and_a_missing_file_an_error(tmp_path):
    (tmp_path / "notes").write_text("near and far")
    assert by_content(tmp_path / "notes") is None
    with pytest.raises(MediaError, match="there is no file"):
        by_content(tmp_path / "none")


def test_a_pattern_is_one_only_where_no_file_has_that_name(tmp_path):
    assert is_pattern(tmp_path / "shot_%04d.png")
    assert is_pattern(tmp_path / "%d.png")
    assert not is_pattern(tmp_path / "100%.png")
    (tmp_path / "%d.png").touch()
    assert not is_pattern(tmp_path / "%d.png")
