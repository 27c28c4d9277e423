"""How much memory a network of Depth Anything 3 takes, told before it is taken, and what fits instead.

A run takes what its program and weights take, some numbers for every token of every view, all of which are held at
once because every view attends to every other, and the decoder's maps of as many views as are decoded at a time. The
constants were fitted to what such runs took at their peaks; `benchmarks/memory.py` measures it again.
"""

import logging
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from vergence.depth.cards import CARDS, ModelCard
from vergence.depth.families.patches import PATCH
from vergence.depth.runtimes import Precision, RuntimeOptions
from vergence.errors import ModelError, SettingsError

logger = logging.getLogger(__name__)

FAMILY = "depth_anything_3"
GB, MB = 10**9, 10**6
UNITS = {"": 1, "K": 10**3, "M": MB, "G": GB, "KI": 2**10, "MI": 2**20, "GI": 2**30}

PROGRAM = 260 * MB  # Python, torch and OpenCV
SCRATCH = 170 * MB  # what the transformer's libraries keep beside their results
CONTEXT = 700 * MB  # what CUDA and the convolutions' workspaces take on a GPU
HELD = 10  # numbers a channel of a token, while views are decoded: four levels of two widths each, and some
AT_WORK = 26  # likewise while the last block is at work
HALVED = 2.5  # bytes of a parameter in half precision, in which the decoders never are
PER_PIXEL = 3.0  # numbers a feature of the decoder, of each pixel decoded at a time
PER_GAUSSIAN = 160  # numbers of a pixel that has one: what the network says, and what is made of it
PER_VIEW = 12  # numbers of any pixel: the picture, depth and confidence, in the network and out of it


@dataclass(frozen=True)
class Shape:
    """What the size of a run depends on, of the largest network in each.

    Attributes:
        channels: of a token.
        features: of the decoder.
        folded: parameters that a CPU holds twice, as they are in the file and as they are computed.
    """

    channels: int
    features: int
    folded: int


SHAPES = {
    "small": Shape(384, 64, 8_847_360),
    "base": Shape(768, 128, 35_389_440),
    "large": Shape(1024, 256, 125_829_120),
    "giant": Shape(1536, 256, 346_030_080),
    "mono-large": Shape(1024, 256, 125_829_120),
    "metric-large": Shape(1024, 256, 125_829_120),
    "nested-giant-large": Shape(1536, 256, 471_859_200),
}
CHUNKS = (8, 4, 2, 1)  # views that a GPU decodes at a time, as memory allows


@dataclass(frozen=True)
class Views:
    """What a network is shown at once: how many, of how many pixels, and whether Gaussians are asked for."""

    count: int
    height: int
    width: int
    gaussians: bool = False

    def __str__(self) -> str:
        plural = "s" if self.count != 1 else ""
        return f"{self.count} view{plural} of {self.width}x{self.height}{' with Gaussians' if self.gaussians else ''}"


@dataclass(frozen=True)
class Budget:
    """What a model may take.

    Attributes:
        card: of the model.
        limit: bytes, of the program and all it holds, or on a GPU of the GPU's own; None where nobody knows.
        on_gpu: it runs on a GPU.
        precision: what the backbone computes in.
    """

    card: ModelCard
    limit: int | None
    on_gpu: bool = False
    precision: Precision = "f32"

    def need(self, views: Views, chunk: int = 1) -> int:
        """Bytes that looking at `views` together takes, decoding `chunk` of them at a time."""
        shape = SHAPES[self.card.options["size"]]
        number = 2 if self.on_gpu and self.precision != "f32" else 4  # a CPU converts to and fro, and saves nothing
        tokens = views.count * ((views.height // PATCH) * (views.width // PATCH) + 1) * shape.channels * number
        pixels = views.height * views.width * 4
        decoding = min(chunk, views.count) * pixels * shape.features * PER_PIXEL
        if self.on_gpu:
            fixed = CONTEXT + self.card.parameters * (HALVED if number == 2 else 4)
        else:
            fixed = PROGRAM + (self.card.parameters + shape.folded) * 4
        seen = views.count * pixels * (PER_VIEW + (PER_GAUSSIAN if views.gaussians else 0))
        return int(fixed + seen + max(tokens * AT_WORK + SCRATCH, tokens * HELD + decoding))

    def chunk(self, views: Views) -> int:
        """How many views to decode at a time: a CPU is as fast one by one, a GPU takes what it has memory for."""
        if not self.on_gpu:
            return 1
        return next((n for n in CHUNKS if self.limit is None or self.need(views, n) <= self.limit), 1)

    def batch(self, views: Views) -> int:
        """How many views to look at together that have nothing to do with each other; one by one on a CPU."""
        if not self.on_gpu:
            return 1
        alike = ((n, replace(views, count=n)) for n in CHUNKS)
        return next((n for n, some in alike if self.limit is None or self.need(some, n) <= self.limit), 1)

    def most(self, views: Views) -> int:
        """How many views of this size fit; 0 where not even one does."""
        if self.limit is None:
            return sys.maxsize
        few, many = 0, 1
        while self.need(replace(views, count=many)) <= self.limit:
            few, many = many, 2 * many
        while many - few > 1:
            middle = (few + many) // 2
            few, many = (middle, many) if self.need(replace(views, count=middle)) <= self.limit else (few, middle)
        return few

    def require(self, views: Views, *, alternative: str = "") -> None:
        """Raise `ModelError` where `views` do not fit, with what is missing and what would fit."""
        need = self.need(views)
        if self.limit is None or need <= self.limit:
            return
        most = self.most(views)
        ways = [f"show it {most} views at most"] if 0 < most < views.count else []
        ways += [f"choose {alternative}, which fits"] if alternative else []
        if self.need(replace(views, height=PATCH, width=PATCH)) <= self.limit:
            ways.append("choose a smaller --input-size")
        elif not ways:
            ways.append("the program and its weights alone take more, so allow more or choose a smaller model")
        where = "of the GPU" if self.on_gpu else "of this machine"
        raise ModelError(
            f"{self.card.name} needs about {_gigabytes(need)} for {views}, and {_gigabytes(self.limit)} {where} may be "
            f"used: {_gigabytes(need - self.limit)} are missing; {', or '.join(ways)}"
        )


def budget(card: ModelCard, options: RuntimeOptions) -> Budget:
    """What a checkpoint may take here: no more than is free, nor than the card's option `max_memory` says."""
    from vergence.depth.runtimes.torch import free_gpu_memory

    on_gpu = free_gpu_memory(options)
    known = [size for size in (on_gpu or free_memory(), card.options["max_memory"]) if size is not None]
    return Budget(card, min(known, default=None), on_gpu is not None, options.precision)


def usual(card: ModelCard, count: int = 1) -> Views:
    """Views of a photo's shape, 4:3, where no picture is known yet."""
    side = max(card.options["input_size"], PATCH)
    count = count if card.options["sees_many"] else 1
    return Views(count, max(round(side * 3 / 4 / PATCH), 1) * PATCH, side // PATCH * PATCH)


def fitting(budget: Budget, views: Views, *, allowed: Callable[[ModelCard], bool], fall_back: bool) -> ModelCard:
    """The card of a budget where `views` fit, else with `fall_back` the next smaller one in which they do.

    Args:
        budget: of the model asked for.
        views: the most it will be shown at once.
        allowed: whether a card may be used, such as by its licence.
        fall_back: take another model with a warning, instead of raising.

    Raises:
        ModelError: they do not fit.
    """
    try:
        budget.require(views)
    except ModelError:
        smaller = next(
            (card for card in smaller_than(budget.card, views.count) if allowed(card) and _fits(budget, card, views)),
            None,
        )
        if smaller is None:
            budget.require(views)
        assert smaller is not None
        if not fall_back:
            budget.require(views, alternative=f"{smaller.name} (--model-fallback does)")
        logger.warning(
            "%s needs about %s for %s and %s may be used: %s takes its place",
            budget.card.name,
            _gigabytes(budget.need(views)),
            views,
            _gigabytes(budget.limit or 0),
            smaller.name,
        )
        return smaller
    return budget.card


def smaller_than(card: ModelCard, views: int = 1) -> list[ModelCard]:
    """What could do a model's work in less memory, the largest first.

    One view is answered in the same kind of depth. Of several the unit may get lost: only nested networks have metres.
    """
    of_family = [other for other in CARDS.values() if other.family == FAMILY and other.parameters < card.parameters]
    alike = [
        other
        for other in of_family
        if (other.options["sees_many"] if views > 1 else other.kind == card.kind)
        and (other.options["sees_many"] or not card.options["sees_many"] or card.kind == "metric")
    ]
    return sorted(alike, key=lambda other: other.parameters, reverse=True)


def read_size(text: str) -> int:
    """Bytes that `4GB`, `512 MB`, `3.5GiB` or plain digits mean.

    Raises:
        SettingsError: it is no size.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG]I?)?B?\s*", text.upper())
    if found is None or float(found[1]) == 0:
        raise SettingsError(f"{text!r} is no size of memory; write one like 4GB or 800MB")
    return round(float(found[1]) * UNITS[found[2] or ""])


def free_memory() -> int | None:
    """Bytes of this machine's memory that are free or can be freed, by the system and this program's own limits."""
    known = [found for found in (_free_by_system(), _free_by_group()) if found is not None]
    return min(known, default=None)


def _fits(budget: Budget, card: ModelCard, views: Views) -> bool:
    return budget.limit is None or replace(budget, card=card).need(views) <= budget.limit


def _gigabytes(size: int) -> str:
    return f"{size / GB:.1f} GB"


def _free_by_system() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        pass
    if sys.platform == "win32":
        return _free_on_windows()
    try:  # all there is: macOS makes room by itself
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _free_by_group() -> int | None:
    """What is left of a container's memory; files it has read are not counted, since they can be dropped."""
    for folder, limit, used in (
        ("/sys/fs/cgroup", "memory.max", "memory.current"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            most, now = (int(Path(folder, name).read_text("ascii")) for name in (limit, used))
            lines = Path(folder, "memory.stat").read_text("ascii").splitlines()
        except (OSError, ValueError):  # there is none, or it is "max"
            continue
        files = sum(int(line.split()[1]) for line in lines if line.split()[0] == "inactive_file")
        return max(0, most - now + files)
    return None


def _free_on_windows() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong)
            for name in ("total", "free", "pages", "free_pages", "space", "free_space", "more")
        ]

    status = Status(length=ctypes.sizeof(Status))
    has_answered = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    return int(status.free) if has_answered else None
