import json
from collections import Counter

import numpy as np
import pytest
from typer.testing import CliRunner

from layered import scene
from vergence.cli.main import app
from vergence.errors import SettingsError
from vergence.evaluation.stereo import report, scenes, shipped
from vergence.evaluation.stereo.methods import METHODS, Method, find_methods
from vergence.evaluation.stereo.protocol import run
from vergence.evaluation.stereo.scenes import SceneSet, find_scenes

HAND = SceneSet("hand", {"card": lambda: iter([scene().truth()])})
KNOWS = Method("knows", lambda items: (scene().truth().right for _ in items))


def scores(methods, scenes=HAND, track="exact"):
    return {row.method: row.scores for row in run([scenes], [track], methods)}


def test_the_truth_itself_scores_perfectly():
    found = scores([KNOWS])["knows"]
    assert found.psnr == found.disoccluded == np.inf
    assert found.ssim == pytest.approx(1)
    assert found.sharpness == 1
    assert found.slope == pytest.approx(1, abs=0.02)
    assert np.isnan(found.flicker)


def test_ours_beats_the_floors_and_has_the_right_sign():
    found = scores([METHODS["identity"], METHODS["whole shift"], METHODS["ours, layered"]])
    ours = found["ours, layered"]
    assert ours.psnr > found["identity"].psnr + 3
    assert ours.psnr > found["whole shift"].psnr + 3
    assert ours.slope == pytest.approx(1, abs=0.05)
    assert ours.vertical < 0.2


def test_a_still_clip_of_a_still_method_does_not_flicker():
    still = SceneSet("still", {"card": lambda: (scene().truth() for _ in range(3))})
    assert scores([METHODS["forward_fill"]], still)["forward_fill"].flicker == 0


def test_every_method_gets_the_same_depth():
    given = []

    def spy(items):
        for item in items:
            given.append(item.depth.values)
            yield item.frame.rgb

    scores([Method("a", spy), Method("b", spy)], track="degraded")
    np.testing.assert_array_equal(given[0], given[1])
    assert given[0].shape[1] < 160


def test_a_table_has_means_over_scenes_or_a_row_each():
    two = SceneSet("hand", {"one": HAND.scenes["card"], "two": HAND.scenes["card"]})
    rows = list(run([two], ["exact"], [METHODS["identity"]]))
    assert len(report.table(rows).splitlines()) == 3
    assert [line.split(" | ")[0] for line in report.table(rows, each=True).splitlines()[2:]] == ["| one", "| two"]
    assert "flicker" not in report.table(rows)  # nothing moves


def test_json_has_null_where_nothing_can_be_said():
    row = json.loads(report.as_json(list(run([HAND], ["exact"], [METHODS["identity"]]))))[0]
    assert (row["scenes"], row["scene"], row["track"], row["method"]) == ("hand", "card", "exact", "identity")
    assert row["flicker"] is None
    assert 5 < row["psnr"] < 40


def test_methods_are_found_by_short_names_and_refused_by_wrong_ones():
    assert [m.name for m in find_methods(["fast", "ident"])] == ["ours, fast", "identity"]
    assert len(find_methods([])) == len(METHODS)
    with pytest.raises(SettingsError, match="did you mean 'identity'"):
        find_methods(["idenity"])


def test_wrong_scenes_are_refused_and_missing_ones_told(tmp_path):
    with pytest.raises(SettingsError, match="analytic, photographs"):
        find_scenes(["nature"])
    with pytest.raises(SettingsError, match="sprites 0, sprites 1"):
        find_scenes(["analytic"], only=["nothing"])
    found, missing = find_scenes(["aloe", "analytic"], only=["sprites 1"], folder=tmp_path)
    assert [list(s.scenes) for s in found] == [["sprites 1"]]
    assert "run this in a checkout" in missing[0]


def test_as_shipped_depth_stays_in_its_budget_and_the_window_is_mended():
    row = next(shipped.shipped([HAND]))
    assert -0.02 <= row.far < row.near <= 0.02
    assert row.near - row.far <= 0.0201
    assert row.cut_after <= row.cut
    assert row.cut_after == 0
    assert row.slope == pytest.approx(1, abs=0.1)
    assert shipped.table([row]).splitlines()[-1].startswith("| card | ")


def test_drawn_scenes_are_as_hard_at_every_width():
    hidden = [
        next(scenes.analytic(width, scenes.FIXTURES).scenes["sprites 0"]()).disoccluded.mean() for width in (320, 480)
    ]
    assert hidden[0] == pytest.approx(hidden[1], rel=0.15)


def test_the_command_prints_a_table_and_writes_pictures(tmp_path):
    arguments = ["eval", "stereo", "--scenes", "analytic", "--only", "sprites 0", "--method", "identity"]
    arguments += ["--depth", "exact", "--width", "320", "--pictures", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert Counter("analytic" in line for line in result.stdout.splitlines())[True] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["sprites 0, exact, identity.png"]
