from dataclasses import replace
from pathlib import Path

import pytest

from vergence.depth import memory
from vergence.depth import weights as store
from vergence.depth.cards import CARDS
from vergence.depth.memory import GB, MB, SHAPES, Budget, Views, fitting, read_size, smaller_than, usual
from vergence.depth.model import load_model
from vergence.errors import LicenceError, ModelError, SettingsError, WeightsError

FAMILY = {card.options["size"]: card for card in CARDS.values() if card.family == memory.FAMILY}
VIEW = Views(1, 378, 504)

# What `benchmarks/memory.py` measured on a CPU, MB; the most of two runs, with one thread and with two.
MEASURED = [
    ("small", Views(1, 252, 336), 493),
    ("small", Views(1, 378, 504), 571),
    ("small", Views(1, 756, 1008), 960),
    ("small", Views(4, 378, 504), 776),
    ("small", Views(10, 378, 504), 919),
    ("base", Views(1, 378, 504), 1156),
    ("base", Views(1, 756, 1008), 1847),
    ("base", Views(4, 378, 504), 1234),
    ("base", Views(10, 378, 504), 1754),
    ("metric-large", Views(1, 378, 504), 2589),
    ("giant", Views(1, 126, 168, gaussians=True), 6737),
]


def budget(size, limit, **options):
    return Budget(FAMILY[size], limit, **options)


@pytest.mark.parametrize(("size", "views", "found"), MEASURED)
def test_the_estimate_is_a_little_above_what_was_measured(size, views, found):
    assert found * MB <= budget(size, None).need(views) <= 1.3 * found * MB


def test_what_sizes_depend_on_is_that_of_the_networks():
    pytest.importorskip("torch", reason="torch is not installed; it runs Depth Anything 3")
    from vergence.depth.networks.depth_anything_3.variants import VARIANTS, NestedVariant

    assert set(SHAPES) == set(VARIANTS) == set(FAMILY)
    for name, variant in VARIANTS.items():
        parts = (variant.any_view, variant.metric) if isinstance(variant, NestedVariant) else (variant,)
        folded = 0
        for backbone in (part.backbone for part in parts):
            hidden = -(-8 * backbone.width // 3 // 8) * 8 if backbone.is_gated else 4 * backbone.width
            folded += backbone.blocks * backbone.width * (backbone.width + hidden)
        shape = SHAPES[name]
        assert (shape.channels, shape.features, shape.folded) == (
            parts[0].backbone.width,
            parts[0].decoder.features,
            folded,
        )


def test_ten_views_of_the_smallest_stay_under_4_gb():
    assert budget("small", None).need(Views(10, 504, 504)) < 4 * GB


@pytest.mark.parametrize("size", SHAPES)
def test_more_of_anything_takes_more(size):
    need = budget(size, None).need
    assert need(replace(VIEW, count=40)) > need(replace(VIEW, count=20)) > need(VIEW)
    assert need(Views(1, 756, 1008)) > need(VIEW)
    assert need(replace(VIEW, gaussians=True)) > need(VIEW)


def test_half_precision_takes_less_on_a_gpu():
    full, half = (budget("giant", None, on_gpu=True, precision=name) for name in ("f32", "f16"))
    assert half.need(VIEW) < full.need(VIEW) - 2 * GB


def test_a_gpu_decodes_and_batches_what_it_has_memory_for():
    views = replace(VIEW, count=20)
    assert budget("small", None).chunk(views) == 1
    wide, tight, narrow = (budget("small", limit, on_gpu=True) for limit in (None, 1250 * MB, 10 * MB))
    assert wide.chunk(views) == wide.batch(VIEW) == 8
    assert 1 < tight.batch(VIEW) < 8
    assert narrow.chunk(views) == narrow.batch(VIEW) == 1
    assert tight.need(replace(VIEW, count=tight.batch(VIEW)), tight.batch(VIEW)) <= 1250 * MB


@pytest.mark.parametrize("limit", [500 * MB, 700 * MB, 1 * GB, 3 * GB])
def test_the_most_views_that_fit_do_and_one_more_does_not(limit):
    small = budget("small", limit)
    most = small.most(VIEW)
    assert most == 0 or small.need(replace(VIEW, count=most)) <= limit
    assert small.need(replace(VIEW, count=most + 1)) > limit


def test_what_is_missing_and_what_fits_is_said():
    views = replace(VIEW, count=50)
    small = budget("small", 1 * GB)
    with pytest.raises(ModelError) as caught:
        small.require(views)
    text = str(caught.value)
    assert "depth-anything-3-small needs about 3.0 GB for 50 views of 504x378" in text
    assert "1.0 GB of this machine may be used: 2.0 GB are missing" in text
    assert f"show it {small.most(VIEW)} views at most, or choose a smaller --input-size" in text
    with pytest.raises(ModelError, match=r"of the GPU may be used.*the program and its weights alone take more"):
        budget("giant", 2 * GB, on_gpu=True).require(VIEW)
    budget("giant", None).require(replace(VIEW, count=1000))


def test_the_next_smaller_model_that_fits_is_named_and_taken_only_when_asked(caplog):
    giant = budget("giant", 4 * GB)
    with pytest.raises(ModelError, match=r"choose depth-anything-3-large \(--model-fallback does\), which fits"):
        fitting(giant, VIEW, allowed=lambda card: True, fall_back=False)
    assert fitting(giant, VIEW, allowed=lambda card: True, fall_back=True).name == "depth-anything-3-large"
    assert "depth-anything-3-large takes its place" in caplog.text
    free = fitting(giant, VIEW, allowed=lambda card: card.is_commercial, fall_back=True)
    assert free.name == "depth-anything-3-base"
    assert fitting(replace(giant, limit=20 * GB), VIEW, allowed=lambda card: False, fall_back=True) == giant.card
    with pytest.raises(ModelError, match="are missing"):
        fitting(replace(giant, limit=100 * MB), VIEW, allowed=lambda card: True, fall_back=True)


def test_metres_of_one_view_are_not_traded_for_less_and_many_views_not_for_one():
    assert [card.name for card in smaller_than(FAMILY["nested-giant-large"])] == ["depth-anything-3-metric-large"]
    assert smaller_than(FAMILY["metric-large"]) == []
    several = [card.name.removeprefix("depth-anything-3-") for card in smaller_than(FAMILY["nested-giant-large"], 5)]
    assert several == ["giant", "large", "base", "small"]
    assert [card.options["size"] for card in smaller_than(FAMILY["large"])] == ["base", "small"]
    assert [card.options["size"] for card in smaller_than(FAMILY["mono-large"])] == ["base", "small"]


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GB", 4 * GB), ("800 mb", 800 * MB), ("1.5G", 1500 * MB), ("2GiB", 2**31), ("1000000", MB), ("64k", 64_000)],
)
def test_sizes_are_read(text, size):
    assert read_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1GB", "0", "4 TB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(SettingsError, match="write one like 4GB or 800MB"):
        read_size(text)


def test_free_memory_is_more_than_nothing():
    free = memory.free_memory()
    assert free is None or free > 10 * MB


def test_a_containers_limit_counts(monkeypatch):
    files = {
        "/sys/fs/cgroup/memory.max": "3000000000\n",
        "/sys/fs/cgroup/memory.current": "2500000000\n",
        "/sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 400000000\n",
        "/proc/meminfo": "MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\n",
    }

    def read(path, encoding=None):
        if str(path) not in files:
            raise FileNotFoundError(path)
        return files[str(path)]

    monkeypatch.setattr(Path, "read_text", read)
    assert memory.free_memory() == 900_000_000
    files["/sys/fs/cgroup/memory.max"] = "max\n"
    assert memory.free_memory() == 8_000_000 * 1024


def test_a_photo_of_the_usual_shape_is_reckoned_with_where_none_is_known():
    assert usual(FAMILY["small"], 3) == Views(3, 378, 504)
    assert usual(FAMILY["metric-large"], 3) == VIEW


def test_a_model_that_does_not_fit_is_refused_before_it_is_fetched(monkeypatch):
    pytest.importorskip("torch", reason="torch is not installed; it runs Depth Anything 3")
    with pytest.raises(ModelError, match=r"needs about .*0\.3 GB of this machine may be used") as caught:
        load_model("depth-anything-3-small", device="cpu", max_memory="300MB")
    assert not isinstance(caught.value, WeightsError)
    with pytest.raises(WeightsError, match="'depth-anything-3-small' are not on this machine"):
        load_model("depth-anything-3-base", device="cpu", max_memory="1GB", model_fallback=True)
    with pytest.raises(ModelError, match=r"for 12 views.*show it \d+ views at most"):
        load_model("depth-anything-3-small", device="cpu", max_memory=GB, views=12)
    monkeypatch.setattr(memory, "free_memory", lambda: 400 * MB)
    with pytest.raises(ModelError, match=r"0\.4 GB of this machine may be used"):
        load_model("depth-anything-3-small", device="cpu", max_memory="4GB")


def test_a_licence_is_asked_for_before_anything_else():
    with pytest.raises(LicenceError, match="depth-anything-3-giant"):
        load_model("depth-anything-3-giant", device="cpu", max_memory="1GB", model_fallback=True)
    assert not store.store().exists()


def test_limits_are_of_models_whose_need_is_known():
    with pytest.raises(SettingsError, match=r"nobody has measured; --max-memory is of Depth Anything 3"):
        load_model("preview", max_memory="4GB")
    with pytest.raises(SettingsError, match="--model-fallback is of Depth Anything 3"):
        load_model("preview", model_fallback=True)
    with pytest.raises(SettingsError, match="frames one by one; --batch is of"):
        load_model("preview", batch=4)
    with pytest.raises(SettingsError, match="at least 1 frame at once, not 0"):
        load_model("preview", batch=0)
