"""Depth models: what a stage needs of one, and how to get one by name."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from vergence.depth import choice, download
from vergence.depth.cards import ModelCard
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
        input_size: pixels of the short side of what the network sees, for families that leave the choice; None is
            what the model was made for.
        streaming: of a video model: answer each frame at once, from those before it.
        exact: of a video model: as its authors' code to the last digit, at more memory; see `video_depth_anything`.
        offline: forbid the network, as `VERGENCE_OFFLINE=1` does.
        accept_licence: accept a licence that forbids commercial use; remembered.
        progress: called as `progress(bytes so far, bytes in all or None)` during a download.
        announce: called with one line when "auto" fetches a model or makes do with the one inside the package, and
            when something about a file had to be assumed.

    Raises:
        UnknownModelError, WeightsError, LicenceError, DeviceError, ModelError, SettingsError: see errors.py.
    """
    options = RuntimeOptions(device, precision, runtime, threads)
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
        card, path = choice.named(name, options, offline=offline, accept_licence=accept_licence, progress=progress)
    card = _with_option(card, "input_size", input_size)
    card = _with_option(card, "is_streaming", streaming or None)
    card = _with_option(card, "is_exact", exact or None)
    model: DepthModel = import_module(f"vergence.depth.families.{card.family}").load(card, path, options)
    return model


REFUSED = {
    "input_size": "the input size of {!r} is fixed; leave it out or choose another model",
    "is_streaming": "{!r} answers every frame by itself already; --streaming is of video models",
    "is_exact": "{!r} is exact already; --exact is of video models",
}


def _with_option(card: ModelCard, name: str, value: Any) -> ModelCard:
    if value is None:
        return card
    if name not in card.options:
        raise SettingsError(REFUSED[name].format(card.name))
    return replace(card, options={**card.options, name: value})
