from pathlib import Path

import numpy as np

import vergence


def test_every_public_name_is_there_and_documented():
    for name in vergence.__all__:
        value = getattr(vergence, name)
        if not name.startswith("__") and not isinstance(value, dict):
            assert value.__doc__, f"{name} has no docstring"


def test_the_lazy_table_and_all_agree():
    assert {*vergence._HOME_OF, "__version__"} == set(vergence.__all__)


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(vergence, "no_such_name")


def test_paths_may_be_plain_strings(tmp_path):
    depth = vergence.DepthMap(np.full((4, 6), 2, np.float32), np.ones((4, 6), bool), "metric")
    path = str(tmp_path / "depth.npz")
    vergence.write_depth(path, depth, width=6, height=4)
    np.testing.assert_array_equal(vergence.read_depth(path).values, depth.values)
    assert vergence.DepthSource(path).frames == 1
    weights = str(Path(vergence.__file__).parent / "depth" / "embedded" / "preview.onnx")
    assert vergence.load_model(weights=weights).card.family == "preview"
