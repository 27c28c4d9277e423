from typing import get_args

import pytest

from vergence.errors import SettingsError
from vergence.stereo.layout import LAYOUTS
from vergence.stereo.presets import PRESETS, find_preset
from vergence.stereo.settings import StereoSettings
from vergence.stereo.window import FOR_SCREENS, WITHOUT_BORDER, is_floating


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_preset_can_be_made_and_is_comfortable(preset):
    assert preset.layout in LAYOUTS
    StereoSettings(strength=preset.strength, screen=preset.screen)
    ends = (-0.6 * preset.strength / 100, 0.4 * preset.strength / 100)
    assert all(abs(preset.screen.vergence(share)) < 1 for share in ends)
    assert 0.6 * preset.strength / 100 * preset.screen.width <= preset.screen.ipd + 1e-9, "eyes would diverge"


def test_the_presets_on_the_command_line_are_those_there_are():
    from vergence.cli.options import Place

    assert set(get_args(Place)) == set(PRESETS)


def test_a_cinema_has_less_than_a_television():
    assert PRESETS["cinema"].strength < PRESETS["tv"].strength


def test_an_unknown_preset_brings_the_nearest_name():
    with pytest.raises(SettingsError, match="'visionpro'"):
        find_preset("vision-pro")


def test_windows_float_on_screens_and_not_in_headsets():
    floating = {
        name for name, preset in PRESETS.items() if is_floating(StereoSettings(screen=preset.screen), preset.layout)
    }
    assert floating == {"tv", "cinema", "anaglyph"}


def test_without_a_screen_the_layout_says_whether_windows_float():
    assert {*FOR_SCREENS, *WITHOUT_BORDER} <= set(LAYOUTS)
    auto = StereoSettings()
    assert is_floating(auto, "half-sbs")
    assert is_floating(auto, "anaglyph")
    assert not is_floating(auto, "sbs")
    assert not is_floating(auto, "right")


def test_what_is_said_of_floating_windows_wins():
    screen = PRESETS["tv"].screen
    assert not is_floating(StereoSettings(screen=screen, floating_window="off"), "half-sbs")
    assert is_floating(StereoSettings(floating_window="on"), "sbs")
    assert not is_floating(StereoSettings(screen=screen), "vr180")
