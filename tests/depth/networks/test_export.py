import importlib.util
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

import parity

pytest.importorskip("torch", reason="torch is not installed; exporting needs it")
pytest.importorskip("onnxscript", reason="onnxscript is not installed; exporting needs it")

from vergence.depth.cards import CARDS
from vergence.depth.families import depth_anything_v2
from vergence.depth.runtimes import RuntimeOptions
from vergence.geometry.resample import resize_depth
from vergence.types import Frame

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "export_stand_in.py"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    spec = importlib.util.spec_from_file_location("export_stand_in", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    path = tmp_path_factory.mktemp("exported") / "stand_in.onnx"
    script.export(script.stand_in(), path)
    return path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("name", ["vits_image_126", "vits_image_portrait_84"])
def test_an_exported_network_gives_the_originals_depth_of_a_picture(exported, name):
    golden = parity.golden("depth_anything_v2", name)
    card = replace(CARDS["depth-anything-v2-small"], options={"input_size": golden.meta["input_size"]})
    model = depth_anything_v2.load(card, exported, RuntimeOptions())
    (item,) = model.estimate([Frame(golden["rgb"], 0, Fraction(0))])
    height, width = golden["depth"].shape
    found = resize_depth(item.depth.values, width, height, sampling=item.depth.sampling)
    parity.assert_agrees(found, golden["depth"], max_error=5e-4, rms_error=5e-5)
