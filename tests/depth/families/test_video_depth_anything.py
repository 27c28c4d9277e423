import gc
import json
import weakref
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import parity
from vergence.depth.cards import find_card
from vergence.depth.families import patches
from vergence.depth.families.video_depth_anything import VideoDepthAnything, short_side
from vergence.depth.families.video_depth_anything.windows import scale_and_shift
from vergence.depth.runtimes import RuntimeOptions
from vergence.geometry.resample import resize_depth
from vergence.types import Frame

FAMILY = "video_depth_anything"
MAX, RMS = 1e-4, 2e-5  # of the golden's standard deviation


class Features:
    def __init__(self, number):
        self.number = number


class Numbers:
    """A "network" whose depth is the number painted on the frame, times a factor of each window; it keeps count."""

    size = (14, 14)

    def __init__(self, factors=(1.0,)):
        self.encoded, self.windows, self.contexts = [], [], []
        self._factors = factors
        self._alive = weakref.WeakSet()
        self.most_alive = 0

    def encode(self, pictures):
        made = []
        for picture in pictures:
            # back from normalised values to what was painted
            features = Features(round((picture[0, 0, 0, 0] * 0.229 + 0.485) * 255))
            self.encoded.append(features.number)
            self._alive.add(features)
            made.append(features)
        self.most_alive = max(self.most_alive, len(self._alive))
        return made

    def decode(self, features):
        numbers = [one.number for one in features]
        factor = self._factors[len(self.windows) % len(self._factors)]
        self.windows.append(numbers)
        ramp = np.linspace(0, 1, 14, dtype=np.float32)
        return np.stack([np.tile(np.float32(factor) * (n + 1 + ramp), (14, 1)) for n in numbers])

    def step(self, features, context):
        self.contexts.append(list(context))
        return np.full((14, 14), features.number, dtype=np.float32), features.number


def frames(count, *, shots=(), size=(14, 14)):
    for n in range(count):
        rgb = np.full((*size, 3), n, dtype=np.uint8)
        yield Frame(rgb, index=n, time=Fraction(n, 25), shot=sum(cut <= n for cut in shots))


def model(network, *, kind="affine_inverse", **options):
    card = find_card("video-depth-anything-small")
    return VideoDepthAnything(replace(card, kind=kind, options={"input_size": 14, **options}), network)


@pytest.mark.parametrize("count", [1, 2, 10, 22, 23, 31, 32, 33, 44, 54, 55, 76, 100])
@pytest.mark.parametrize("is_exact", [False, True])
def test_every_frame_comes_once_in_order_and_is_encoded_once(count, is_exact):
    network = Numbers()
    results = list(model(network, is_exact=is_exact).estimate(frames(count)))
    assert [item.frame.index for item in results] == list(range(count))
    assert network.encoded == list(range(count))
    for item in results:  # windows that agree fade into each other without a trace
        np.testing.assert_allclose(item.depth.values[0], item.frame.index + 1 + np.linspace(0, 1, 14), rtol=1e-5)


@pytest.mark.parametrize("count", [1, 22, 23, 32, 33, 44, 45, 54, 55, 66, 67])
def test_windows_are_those_of_the_authors_or_one_fewer(count):
    exact, plain = Numbers(), Numbers()
    list(model(exact, is_exact=True).estimate(frames(count)))
    list(model(plain).estimate(frames(count)))
    authors = -(-count // 22)
    assert len(exact.windows) == authors
    assert len(plain.windows) == max(1, -(-(count - 10) // 22))
    for number, window in enumerate(exact.windows):
        keys = [0, 22 * (number - 1) + 12] if number else [0, 1]
        expected = keys + [22 * number + slot for slot in range(2, 32)]
        assert window == [min(frame, count - 1) for frame in expected]


def test_windows_are_brought_to_one_scale():
    results = list(model(Numbers(factors=(1.0, 3.0, 0.5))).estimate(frames(70)))
    for item in results:
        np.testing.assert_allclose(item.depth.values[0], item.frame.index + 1 + np.linspace(0, 1, 14), rtol=1e-4)


def test_metres_are_left_as_they_are():
    results = list(model(Numbers(factors=(1.0, 2.0)), kind="metric").estimate(frames(54)))
    assert results[20].depth.values[0, 0] == pytest.approx(21)
    assert results[24].depth.values[0, 0] == pytest.approx(25)  # the fade begins purely old
    assert results[31].depth.values[0, 0] == pytest.approx(64)  # and ends purely new
    assert results[40].depth.values[0, 0] == pytest.approx(82)
    assert results[0].depth.kind == "metric"


def test_a_cut_begins_anew():
    network = Numbers(factors=(1.0, 5.0))
    results = list(model(network).estimate(frames(60, shots=(30,))))
    assert [item.frame.index for item in results] == list(range(60))
    assert network.windows[0][30:] == [29, 29]
    assert network.windows[1][:3] == [30, 31, 32]
    assert results[30].depth.values[0, 0] == pytest.approx(5 * 31)  # not fitted to the shot before


def test_memory_does_not_grow_with_the_film():
    short, long = Numbers(), Numbers()
    for network, count in ((short, 60), (long, 250)):
        for _ in model(network).estimate(frames(count)):
            gc.collect(0)
    assert long.most_alive == short.most_alive <= 32 + 10


def test_no_frame_is_read_before_it_is_needed():
    read = []

    def watched():
        for frame in frames(80):
            read.append(frame.index)
            yield frame

    film = model(Numbers())
    results = film.estimate(watched())
    next(results)
    assert len(read) == film.lookahead + 1 == 32
    live = model(Numbers(), is_streaming=True)
    read.clear()
    results = live.estimate(watched())
    for n in range(40):
        assert next(results).frame.index == n
        assert len(read) == n + 1
    assert live.lookahead == 0


def test_a_stream_attends_to_what_the_authors_do():
    golden = parity.golden(FAMILY, "vits_stream52")
    network = Numbers()
    list(model(network, is_streaming=True).estimate(frames(52)))
    assert network.contexts[0] == []
    np.testing.assert_array_equal(network.contexts[1:], golden["context_ids"])


def test_a_stream_forgets_at_a_cut():
    network = Numbers()
    list(model(network, is_streaming=True).estimate(frames(50, shots=(45,))))
    assert network.contexts[45] == []
    assert network.contexts[46] == [45] * 31


def test_the_fit_is_exact_and_a_flat_map_keeps_its_scale():
    generator = np.random.default_rng(0)
    maps = [generator.normal(100, 0.5, (108, 192)).astype(np.float32) for _ in range(2)]
    scale, shift = scale_and_shift(maps, [(1.5 * one - 20).astype(np.float32) for one in maps])
    assert scale == pytest.approx(1.5, abs=1e-4)
    assert shift == pytest.approx(-20, abs=1e-2)
    flat = [np.full((4, 4), 2, dtype=np.float32)] * 2
    assert scale_and_shift(flat, [one[:4, :4] for one in maps]) == (1.0, 0.0)


def test_the_size_of_the_input_is_the_authors():
    cases = json.loads((parity.GOLDENS / "depth_anything_v2" / "resize_cases.json").read_text("utf-8"))
    compared = 0
    for case in cases:
        side = short_side(case["width"], case["height"], case["input_size"])
        width, height = patches.input_size(case["width"], case["height"], side)
        if case["video_net_hw"] is None:
            assert min(width, height) >= 14  # the authors' code asks for a picture of no size
        else:
            assert [height, width] == case["video_net_hw"]
            compared += 1
    assert compared > 60


OFFLINE = [
    "offline40",
    "offline40_metric",
    "offline60",
    "offline44_exact",
    "offline44_clamp",
    "offline24_wide",
    "offline5_short",
]


@pytest.fixture(scope="module")
def from_checkpoint(tmp_path_factory):
    """Make the model of a golden, through a checkpoint file as its authors publish it."""
    torch = pytest.importorskip("torch", reason="torch is not installed; it runs the checkpoints")
    from vergence.depth.runtimes.torch import open_video

    manifest = parity.manifest(FAMILY, "vits")
    folder = tmp_path_factory.mktemp("checkpoints")

    def make(golden, **options):
        path = folder / "video_depth_anything_vits.pth"
        state = parity.weights(manifest, golden.meta["overrides"])
        torch.save({name: torch.from_numpy(value) for name, value in state.items()}, path)
        kind = "metric" if golden.meta.get("metric") else "affine_inverse"
        network = open_video(path, RuntimeOptions())
        return model(network, kind=kind, input_size=golden.meta["input_size"], **options)

    return make


def film_of(golden):
    for n, rgb in enumerate(golden["frames"]):
        yield Frame(rgb, index=n, time=Fraction(n, 25))


@pytest.mark.slow
@pytest.mark.parametrize("name", OFFLINE)
def test_films_have_the_authors_depth(name, from_checkpoint):
    golden = parity.golden(FAMILY, f"vits_{name}")
    found = np.stack([item.depth.values for item in from_checkpoint(golden, is_exact=True).estimate(film_of(golden))])
    parity.assert_agrees(found, golden["depth"], max_error=MAX, rms_error=RMS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["offline40", "offline60"])
def test_depth_at_the_networks_size_is_the_same_once_resized(name, from_checkpoint):
    golden = parity.golden(FAMILY, f"vits_{name}")
    height, width = golden["depth"].shape[1:]
    items = list(from_checkpoint(golden).estimate(film_of(golden)))
    assert items[0].depth.values.shape == tuple(golden.meta["net_hw"])
    found = np.stack([resize_depth(item.depth.values, width, height, sampling="corners") for item in items])
    parity.assert_agrees(found, golden["depth"], max_error=MAX, rms_error=RMS)


@pytest.mark.slow
def test_streams_have_the_authors_depth(from_checkpoint):
    golden = parity.golden(FAMILY, "vits_stream52")
    height, width = golden["depth"].shape[1:]
    items = from_checkpoint(golden, is_streaming=True).estimate(film_of(golden))
    found = np.stack([resize_depth(item.depth.values, width, height, sampling="corners") for item in items])
    parity.assert_agrees(found, golden["depth"], max_error=MAX, rms_error=RMS)
