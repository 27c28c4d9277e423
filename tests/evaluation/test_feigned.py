import numpy as np
import pytest

from rooms import circle, film
from vergence.depth.cards import CARDS
from vergence.errors import ModelError
from vergence.evaluation.feigned import Faults, FeignedModel

CARD = next(iter(CARDS.values()))
NONE = Faults(depth=0, grain=0, lens=0, turn=0, step=0, bend=0)


def test_without_faults_only_the_world_and_its_unit_are_others():
    pictures, truth = film(circle(12)[:4])
    model = FeignedModel(CARD, truth, faults=NONE)
    units = []
    for _ in range(2):
        views = model.world(pictures[1:]).views
        np.testing.assert_allclose(views[0].depth.world_from_camera, np.eye(4), atol=1e-9)
        unit = float(np.median(views[0].depth.values / truth[1].values))
        begin = np.linalg.inv(truth[1].world_from_camera)
        for view in views:
            true = truth[view.frame.index]
            np.testing.assert_allclose(view.depth.values, unit * true.values, rtol=1e-5)
            expected = begin @ true.world_from_camera
            expected[:3, 3] *= unit
            np.testing.assert_allclose(view.depth.world_from_camera, expected, atol=1e-6)
        units.append(unit)
    assert abs(np.log(units[0] / units[1])) > 0.01


def test_faults_have_the_size_they_are_given():
    pictures, truth = film(circle(60)[:1] * 40)
    views = (
        FeignedModel(CARD, truth, faults=Faults(scale=0, depth=0, grain=0.05, lens=0, turn=0.01)).world(pictures).views
    )
    logs = [np.log(view.depth.values / truth[view.frame.index].values) for view in views]
    assert np.std(logs) == pytest.approx(0.05, rel=0.05)
    angles = [np.arccos(np.clip(view.depth.world_from_camera[2, 2], -1, 1)) for view in views[1:]]
    assert np.mean(angles) == pytest.approx(0.01 * np.sqrt(np.pi / 2), rel=0.3)  # about two of three axes


def test_what_it_cannot_do_is_refused():
    pictures, truth = film(circle(3))
    with pytest.raises(ModelError, match="no Gaussians"):
        FeignedModel(CARD, truth).world(pictures, gaussians=True)
