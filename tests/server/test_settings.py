import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import SettingsError
from vergence.server.settings import CHECKS, LiveSettings, UnknownSettingError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


@pytest.mark.parametrize(
    ("path", "value", "attribute"),
    [
        ("depth.bits", 16, 16),
        ("depth.bits", "auto", None),
        ("colour.quality", 80, 80),
        ("picture.side", 504, 504),
        ("camera.fov", 70, 70.0),
        ("camera.fov", None, None),
        ("film.every_frame", True, True),
        ("stabilise.method", "none", "none"),
    ],
)
def test_a_setting_takes_its_values(path, value, attribute):
    settings = LiveSettings().with_value(path, value)
    assert getattr(settings, path.replace(".", "_")) == attribute
    group, name = path.split(".")
    assert settings.nested()[group][name] == value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("depth.bits", 14),
        ("depth.bits", True),
        ("colour.quality", 5),
        ("picture.side", 640.0),
        ("film.speed", 0),
        ("film.speed", float("nan")),
        ("film.loop", 1),
        ("camera.fov", "wide"),
        ("stabilise.method", "magic"),
        ("rate.most", 1e9),
    ],
)
def test_a_value_out_of_range_names_the_path(path, value):
    with pytest.raises(SettingsError, match=path):
        LiveSettings().with_value(path, value)


@given(path=st.sampled_from([*CHECKS, "view.x", "view.", "nothing", ""]), value=JSON)
def test_whatever_is_set_can_be_told_to_everyone_or_is_refused(path, value):
    try:
        settings = LiveSettings().with_value(path, value)
    except SettingsError:
        return
    json.dumps(settings.nested(), allow_nan=False)


def test_unknown_paths_are_told_apart():
    with pytest.raises(UnknownSettingError, match=r"depth\.bits"):
        LiveSettings().with_value("depth.bytes", 12)


def test_view_settings_are_handed_on_up_to_a_number():
    settings = LiveSettings().with_value("view.mode", "mesh")
    assert settings.nested()["view"] == {"mode": "mesh"}
    for index in range(63):
        settings = settings.with_value(f"view.k{index}", index)
    settings = settings.with_value("view.k5", "changed")
    with pytest.raises(SettingsError, match="already"):
        settings.with_value("view.more", 1)
    with pytest.raises(SettingsError):
        settings.with_value("view.mode", "x" * 100)
