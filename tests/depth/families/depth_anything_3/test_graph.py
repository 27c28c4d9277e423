from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from onnx import TensorProto, helper

import graphs
from vergence.depth import choice
from vergence.depth.cards import CARDS
from vergence.depth.families.depth_anything_3 import load, matches
from vergence.depth.families.depth_anything_3.graph import TOGETHER, decoded, is_graph
from vergence.depth.families.depth_anything_3.sky import fill_sky
from vergence.depth.model import load_model
from vergence.depth.runtimes import Port, RuntimeOptions
from vergence.errors import ModelError, SettingsError, WeightsError
from vergence.types import Frame

ENCODING = (0.5, -0.25, 2.0, 0.0, 0.0, 0.0, 2.0, 1.2, 1.5)  # of a camera that does not turn


def constant(name, values):
    array = np.array(values, np.float32)
    tensor = helper.make_tensor(f"{name}_value", TensorProto.FLOAT, array.shape, array.ravel())
    return helper.make_node("Constant", [], [name], value=tensor)


def many(path, *, views="views", height="height", width="width"):
    """A "network" of many views: depth is the mean of the channels, cameras are all `ENCODING`."""
    mean = "depth"
    nodes = [
        helper.make_node("ReduceMean", ["views"], [mean], axes=[1], keepdims=0),
        constant("one", [1.0]),
        helper.make_node("Add", [mean, "one"], ["confidence"]),
        helper.make_node("Identity", [mean], ["ray_confidence"]),
        helper.make_node("ReduceMean", ["views"], ["flat"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Squeeze", ["flat", "two_axes"], ["means"]),
        helper.make_node("Sub", ["means", "means"], ["nothing"]),
        constant("encoding", [ENCODING]),
        helper.make_node("Add", ["nothing", "encoding"], ["encodings"]),
        helper.make_node("Unsqueeze", ["depth", "last"], ["thick"]),
        helper.make_node("Concat", ["thick"] * 6, ["rays"], axis=3),
    ]
    for name, axes in (("two_axes", [2, 3]), ("last", [3])):
        value = helper.make_tensor(name, TensorProto.INT64, [len(axes)], axes)
        nodes.insert(0, helper.make_node("Constant", [], [name], value=value))
    map_ = (views, height, width)
    shapes = (map_, map_, (*map_, 6), map_, (views, 9))
    return graphs.save(path, nodes, {"views": (views, 3, height, width)}, dict(zip(TOGETHER, shapes, strict=True)))


def alone(path):
    """A "network" of one view: depth is the mean of the channels, and sky the second one."""
    nodes = [
        helper.make_node("ReduceMean", ["views"], ["depth"], axes=[1], keepdims=0),
        constant("weights", np.reshape([0.0, 1.0, 0.0], (1, 3, 1, 1))),
        helper.make_node("Mul", ["views", "weights"], ["second"]),
        helper.make_node("ReduceSum", ["second", "axes"], ["sky"], keepdims=0),
    ]
    nodes.insert(
        0, helper.make_node("Constant", [], ["axes"], value=helper.make_tensor("a", TensorProto.INT64, [1], [1]))
    )
    shape = (1, "height", "width")
    return graphs.save(path, nodes, {"views": (1, 3, "height", "width")}, {"depth": shape, "sky": shape})


def frame(height=42, width=56, value=255):
    return Frame(np.full((height, width, 3), value, dtype=np.uint8), 0, Fraction(0))


def small(**options):
    card = CARDS["depth-anything-3-small"]
    return replace(card, options={**card.options, "input_size": 56, **options})


def test_a_view_has_its_depth_its_confidence_and_the_camera_the_network_found(tmp_path):
    model = load(small(), many(tmp_path / "net.onnx"), RuntimeOptions())
    (found,) = model.estimate([frame()])
    assert found.depth.values.shape == (42, 56)
    np.testing.assert_allclose(found.depth.confidence, found.depth.values + 1, rtol=1e-6)
    camera = found.depth.intrinsics
    np.testing.assert_allclose([camera.fy, camera.fx], [21 / np.tan(0.6), 28 / np.tan(0.75)], rtol=1e-5)


def test_many_views_are_seen_together_and_begin_where_the_first_one_is(tmp_path):
    model = load(small(), many(tmp_path / "net.onnx"), RuntimeOptions())
    world = model.world([frame(), frame(value=200), frame(value=190)])
    assert [view.depth.values.shape for view in world.views] == [(42, 56)] * 3
    for view in world.views:
        np.testing.assert_allclose(view.depth.world_from_camera, np.eye(4), atol=1e-6)


def test_the_cameras_of_many_views_can_be_those_of_their_rays(tmp_path, monkeypatch):
    taken = []

    def found(rays, confidence, height, width):
        taken.append((rays.shape, confidence.shape, height, width))
        return decoded(np.array([ENCODING] * 2, np.float32), height, 2 * width)

    monkeypatch.setattr("vergence.depth.families.depth_anything_3.graph.found_by_rays", found)
    path = many(tmp_path / "net.onnx")
    worlds = [load(small(ray_poses=asked), path, RuntimeOptions()).world([frame()] * 2) for asked in (False, True)]
    assert taken == [((2, 42, 56, 6), (2, 42, 56), 42, 56)]
    by_head, by_rays = (world.views[1].depth.intrinsics for world in worlds)
    assert by_rays.fx == pytest.approx(2 * by_head.fx)


def test_pictures_are_brought_to_the_only_size_a_graph_takes(tmp_path):
    model = load(small(), many(tmp_path / "net.onnx", views=1, height=28, width=70), RuntimeOptions())
    (found,) = model.estimate([frame(50, 30)])
    assert found.depth.values.shape == (28, 70)
    (view,) = model.world([frame(50, 30)]).views
    assert view.depth.values.shape == (28, 70)


def test_a_graph_of_so_many_views_takes_no_others(tmp_path):
    model = load(small(), many(tmp_path / "net.onnx", views=2), RuntimeOptions())
    with pytest.raises(ModelError, match="exported for 2 views, not 3; export it for any number"):
        model.world([frame()] * 3)
    with pytest.raises(ModelError, match="exported for 2 views together, and here each is seen by itself"):
        list(model.estimate([frame()]))
    assert len(model.world([frame()] * 2).views) == 2


def test_the_sky_of_a_view_alone_is_not_valid_and_far(tmp_path):
    card = CARDS["depth-anything-3-mono-large"]
    card = replace(card, options={**card.options, "input_size": 56})
    picture = frame()
    picture.rgb[:14, :, 1] = 0  # the second channel of the rest is far above the mark of sky
    (found,) = load(card, alone(tmp_path / "net.onnx"), RuntimeOptions()).estimate([picture])
    assert not found.depth.valid[14:].any()
    assert found.depth.valid[:14].all()


def test_sky_becomes_as_far_as_the_farthest_things_as_in_torch():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from vergence.depth.networks.depth_anything_3 import nested

    random = np.random.default_rng(0)
    depth = random.uniform(1, 9, (2, 14, 28)).astype(np.float32)
    for sky in (random.uniform(0, 0.6, depth.shape), np.zeros(depth.shape), np.ones(depth.shape)):
        found = fill_sky(depth, sky.astype(np.float32))
        expected = nested.fill_sky(torch.from_numpy(depth), torch.from_numpy(sky.astype(np.float32)))
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-6)
        assert found.dtype == np.float32


def test_encoded_cameras_are_read_as_in_torch():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from vergence.depth.networks.depth_anything_3 import camera

    encodings = np.random.default_rng(0).normal(size=(5, 9)).astype(np.float32)
    encodings[:, 7:] = [[1.0, 1.5], [0.5, 0.1], [0.0, 0.0], [2.0, 3.0], [1.0, 1.0]]
    expected = camera.decoded(torch.from_numpy(encodings), 280, 504)
    for ours, theirs in zip(decoded(encodings, 280, 504), expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-5, atol=1e-5)


def test_a_graph_is_known_by_its_inputs_and_outputs(tmp_path):
    said = []
    options = {"max_depth": None, "accept_licence": False, "announce": said.append}
    card, _ = choice.own(many(tmp_path / "a.onnx"), "auto", kind=None, **options)
    assert (card.family, card.options["sees_many"], card.kind) == ("depth_anything_3", True, "scale_invariant")
    path = alone(tmp_path / "b.onnx")
    with pytest.raises(WeightsError, match="say --kind metric or --kind relative"):
        choice.own(path, "auto", kind=None, **options)
    for kind, size, gives in (("metric", "metric-large", "metric"), ("relative", "mono-large", "scale_invariant")):
        card, _ = choice.own(path, "auto", kind=kind, **options)
        assert (card.options["size"], card.kind) == (size, gives)
    assert load_model(weights=path, kind="metric").card.kind == "metric"


def test_other_graphs_are_not_taken_for_it(tmp_path):
    map_, views = (1, None, None), Port("views", (None, 3, None, None))
    good = [Port(name, (1,) * rank) for name, rank in zip(TOGETHER, (3, 3, 4, 3, 2), strict=True)]
    good[4] = Port("encodings", (1, 9))
    assert matches([views], good)
    assert matches([views], [Port("depth", map_), Port("sky", ())])
    assert not matches([views], good[:3])
    assert not matches([views, views], good)
    assert not matches([views], [*good[:4], Port("encodings", (1, 7))])
    assert not matches([views], [Port("depth", map_), Port("sky", (1, 1, None, None))])
    for shape in ((None, 4, None, None), (None, 3, 30, 28), (None, 3, 28, None), (3, None, None)):
        assert not matches([Port("views", shape)], good)
    with pytest.raises(WeightsError, match="is not a Depth Anything 3 network: it has 1 inputs and 1 outputs"):
        load(small(), graphs.depth_anything(tmp_path / "net.onnx"), RuntimeOptions())
    with pytest.raises(WeightsError, match="of a network of one view, but small is one of many views"):
        load(small(), alone(tmp_path / "net.onnx"), RuntimeOptions())
    assert not is_graph(tmp_path)


def test_views_that_need_more_memory_than_may_be_used_are_refused(tmp_path):
    model = load(small(max_memory=900_000_000), many(tmp_path / "net.onnx"), RuntimeOptions())
    assert len(model.world([frame()] * 2).views) == 2
    frames = [frame(450, 600)] * 40
    model = load(small(max_memory=900_000_000, input_size=504), many(tmp_path / "net.onnx"), RuntimeOptions())
    with pytest.raises(ModelError, match=r"GB for 40 views of 504x378, and 0\.9 GB may be used; show it fewer"):
        model.world(frames)


def test_torch_does_not_run_a_graph(tmp_path):
    with pytest.raises(ModelError, match="is an ONNX graph, which torch does not run"):
        load(small(), many(tmp_path / "net.onnx"), RuntimeOptions(runtime="torch"))


def test_a_patch_is_the_least_a_view_has(tmp_path):
    with pytest.raises(SettingsError, match="needs at least 14 pixels of input"):
        load(small(input_size=13), many(tmp_path / "net.onnx"), RuntimeOptions())
