"""Depth models: what a stage needs of one, and how to get one by name."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from vergence.depth import choice, download, memory
from vergence.depth import weights as store
from vergence.depth.cards import ModelCard, find_card
from vergence.depth.runtimes import Device, Precision, RuntimeName, RuntimeOptions
from vergence.errors import SettingsError
from vergence.types import DepthFrame, Frame

logger = logging.getLogger(__name__)


class DepthModel(Protocol):
    """Estimates the depth of every frame, in order.

    Attributes:
        card: what it is.
        lookahead: frames read past the one being answered; 0 can run live.
    """

    card: ModelCard
    lookahead: int

    def estimate(self, frames: Iterable[Frame]) -> Iterator[DepthFrame]:
        """Yield one `DepthFrame` per frame, in their order."""
        ...


def load_model(
    name: str = "auto",
    *,
    weights: str | Path | None = None,
    kind: choice.KindName | None = None,
    max_depth: float | None = None,
    device: Device = "auto",
    precision: Precision = "f32",
    runtime: RuntimeName = "auto",
    threads: int | None = None,
    input_size: int | None = None,
    streaming: bool = False,
    exact: bool = False,
    ray_poses: bool = False,
    batch: int | None = None,
    max_memory: int | str | None = None,
    model_fallback: bool = False,
    views: int = 1,
    offline: bool = False,
    accept_licence: bool = False,
    progress: download.Progress | None = None,
    announce: Callable[[str], None] = logger.warning,
) -> DepthModel:
    """Make a model ready to run, fetching its weights when they are not on this machine.

    Args:
        name: of a card, or "auto": the best model on this machine, else a good one over the network, else the
            one inside the package.
        weights: a file to use instead: an ONNX graph, a checkpoint of torch, or the folder of an exported video model;
            with "auto" its contents tell the family and the size.
        kind: with `weights`: what they give, which cannot be seen in them: "relative" or "metric".
        max_depth: with `weights` of Depth Anything V2 metric checkpoints: what they were trained up to, metres.
        device, precision, runtime, threads: see `RuntimeOptions`.
        input_size: pixels of the short side of what the network sees; None is what the model was made for.
        streaming: of a video model: answer each frame at once, from those before it.
        exact: of a video model: as its authors' code to the last digit, at more memory; see `video_depth_anything`.
        ray_poses: of Depth Anything 3: the cameras of many views are found by the rays the network sees, the authors'
            slower second way, not by its camera head.
        batch: of Depth Anything 3: frames that the network is given at once, which a GPU answers sooner than one after
            the other; a live source has to wait for the last of them.
        max_memory: of Depth Anything 3: bytes, or text such as "4GB", that it may take, of the GPU where it runs on
            one; None is what is free. What does not fit raises, before it is fetched.
        model_fallback: take the next smaller model, with a warning, where the one asked for does not fit.
        views: how many pictures a model of many views will be shown together; for these two.
        offline: forbid the network, as `VERGENCE_OFFLINE=1` does.
        accept_licence: accept a licence that forbids commercial use; remembered.
        progress: called as `progress(bytes so far, bytes in all or None)` during a download.
        announce: called with one line when "auto" fetches a model or makes do with the one inside the package, and
            when something about a file had to be assumed.

    Raises:
        UnknownModelError, WeightsError, LicenceError, DeviceError, ModelError, SettingsError: see errors.py.
    """
    options = RuntimeOptions(device, precision, runtime, threads)
    limit = memory.read_size(max_memory) if isinstance(max_memory, str) else max_memory
    if batch is not None and batch < 1:
        raise SettingsError(f"a network is given at least 1 frame at once, not {batch}")
    if weights is not None:
        card, path = choice.own(
            Path(weights), name, kind=kind, max_depth=max_depth, accept_licence=accept_licence, announce=announce
        )
    elif (kind, max_depth) != (None, None):
        raise SettingsError("--kind and --max-depth are of --weights of your own; a model by name has its own")
    elif name == "auto":
        card, path = choice.best(
            options, offline=offline, accept_licence=accept_licence, progress=progress, announce=announce
        )
    else:
        if find_card(name).family == memory.FAMILY:
            name = _fitting(name, options, limit, input_size, views, accept=accept_licence, fall_back=model_fallback)
        card, path = choice.named(name, options, offline=offline, accept_licence=accept_licence, progress=progress)
    card = _with_option(card, "input_size", input_size)
    card = _with_option(card, "is_streaming", streaming or None)
    card = _with_option(card, "is_exact", exact or None)
    card = _with_option(card, "ray_poses", ray_poses or None)
    card = _with_option(card, "batch", batch)
    card = _with_option(card, "max_memory", limit)
    if model_fallback and (weights is not None or card.family != memory.FAMILY):
        raise SettingsError("--model-fallback is of Depth Anything 3 by name: what else is smaller nobody knows here")
    model: DepthModel = import_module(f"vergence.depth.families.{card.family}").load(card, path, options)
    return model


def _fitting(
    name: str,
    options: RuntimeOptions,
    limit: int | None,
    input_size: int | None,
    views: int,
    *,
    accept: bool,
    fall_back: bool,
) -> str:
    """The model to take where `name` was asked for: itself, or where its checkpoint does not fit a smaller one."""
    card = _with_option(_with_option(find_card(name), "max_memory", limit), "input_size", input_size)
    store.require_licence(card, accept=accept)
    if choice.form_to_run(card, options) != "checkpoint":
        return name
    return memory.fitting(
        memory.budget(card, options),
        memory.usual(card, views),
        allowed=lambda other: choice.may_use(other, accept_licence=accept),
        fall_back=fall_back,
    ).name


REFUSED = {
    "is_streaming": "{!r} answers every frame by itself already; --streaming is of video models",
    "ray_poses": "{!r} finds no cameras by rays; --ray-poses is of Depth Anything 3's networks of many views",
    "batch": "{!r} takes frames one by one; --batch is of Depth Anything 3",
    "max_memory": "what {!r} takes nobody has measured; --max-memory is of Depth Anything 3",
    "is_exact": "{!r} is exact already; --exact is of video models",
}


def _with_option(card: ModelCard, name: str, value: Any) -> ModelCard:
    if value is None:
        return card
    if name not in card.options:
        raise SettingsError(REFUSED[name].format(card.name))
    return replace(card, options={**card.options, name: value})
