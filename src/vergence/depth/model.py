"""Depth models: what a stage needs of one, and how to get one by name."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol

from vergence.depth import download
from vergence.depth import weights as store
from vergence.depth.cards import CARDS, ModelCard, find_card
from vergence.depth.runtimes import Device, Precision, RuntimeName, RuntimeOptions
from vergence.errors import LicenceError, SettingsError, WeightsError
from vergence.types import DepthFrame, Frame

logger = logging.getLogger(__name__)

FETCHED_BY_AUTO = "depth-anything-v2-small"
CHECKPOINTS = (".pth", ".pt", ".safetensors", ".ckpt", ".bin")  # of torch


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
    device: Device = "auto",
    precision: Precision = "f32",
    runtime: RuntimeName = "auto",
    threads: int | None = None,
    input_size: int | None = None,
    offline: bool = False,
    accept_licence: bool = False,
    progress: download.Progress | None = None,
    announce: Callable[[str], None] = logger.warning,
) -> DepthModel:
    """Make a model ready to run, fetching its weights when they are not on this machine.

    Args:
        name: of a card, or "auto": the best model on this machine, else a good one over the network, else the
            one inside the package.
        weights: an ONNX file to use instead; with "auto" its inputs and outputs tell the family.
        device, precision, runtime, threads: see `RuntimeOptions`.
        input_size: pixels of the short side of what the network sees, for families that leave the choice; None is
            what the model was made for.
        offline: forbid the network, as `VERGENCE_OFFLINE=1` does.
        accept_licence: accept a licence that forbids commercial use; remembered.
        progress: called as `progress(bytes so far, bytes in all or None)` during a download.
        announce: called with one line when "auto" fetches a model or makes do with the one inside the package.

    Raises:
        UnknownModelError, WeightsError, LicenceError, DeviceError, ModelError, SettingsError: see errors.py.
    """
    options = RuntimeOptions(device, precision, runtime, threads)
    if weights is not None:
        weights = Path(weights)
        _require_onnx(weights)
        card = _card_of(weights) if name == "auto" else _licensed(name, accept_licence)
    elif name == "auto":
        card, weights = _choose(offline, accept_licence, progress, announce)
    else:
        card = _licensed(name, accept_licence)
        weights = store.fetch(card, offline=offline, progress=progress)
    if input_size is not None:
        if "input_size" not in card.options:
            raise SettingsError(f"the input size of {card.name!r} is fixed; leave it out or choose another model")
        card = replace(card, options={**card.options, "input_size": input_size})
    model: DepthModel = _family(card.family).load(card, weights, options)
    return model


def _choose(
    offline: bool, accept_licence: bool, progress: download.Progress | None, announce: Callable[[str], None]
) -> tuple[ModelCard, Path]:
    """What "auto" means here and now."""
    ranked = sorted((card for card in CARDS.values() if card.rank), key=lambda card: card.rank or 0, reverse=True)
    for card in ranked:
        if (path := store.find(card)) is not None and _may_use(card, accept_licence):
            store.check(card, path)
            return card, path
    card, preview = CARDS[FETCHED_BY_AUTO], CARDS["preview"]
    assert card.source is not None
    if not store.is_offline(offline) and download.is_reachable(card.source):
        announce(f"fetching {card.name}: {card.summary}, {card.licence}")
        try:
            return card, store.fetch(card, progress=progress)
        except WeightsError as error:
            announce(f"using the built-in preview model, with soft edges: {error}")
    else:
        announce(
            "using the built-in preview model, with soft edges; "
            f"for sharp depth go online once and run: vergence models pull {card.name}"
        )
    return preview, store.fetch(preview)


def _licensed(name: str, accept_licence: bool) -> ModelCard:
    card = find_card(name)
    store.require_licence(card, accept=accept_licence)
    return card


def _may_use(card: ModelCard, accept_licence: bool) -> bool:
    try:
        store.require_licence(card, accept=accept_licence)
    except LicenceError:
        return False
    return True


def _require_onnx(weights: Path) -> None:
    if weights.suffix.lower() in CHECKPOINTS:
        raise WeightsError(
            f"{weights} is a torch checkpoint, which this version does not read; export it to ONNX and give that file"
        )
    if not weights.is_file():
        raise WeightsError(f"there is no file {weights}; give the path of an ONNX graph")


def _card_of(weights: Path) -> ModelCard:
    """A card for a file of the user's own, its family told by the inputs and outputs of its graph."""
    from vergence.depth.runtimes.onnx import signature

    inputs, outputs = signature(weights)
    for known in (CARDS["preview"], CARDS[FETCHED_BY_AUTO]):
        if _family(known.family).matches(inputs, outputs):
            return replace(
                known,
                name=weights.stem,
                licence="unknown",
                is_commercial=False,
                source=None,
                sha256=None,
                size=None,
                rank=None,
                also_called=(),
                summary=f"{known.family} weights from {weights}",
            )
    raise WeightsError(
        f"{weights} belongs to no family known here: its inputs are {', '.join(map(str, inputs))}, its outputs "
        f"{', '.join(map(str, outputs))}; see `vergence models list` for those that are"
    )


def _family(name: str) -> ModuleType:
    return import_module(f"vergence.depth.families.{name}")
