"""The table of depth models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from vergence.errors import UnknownModelError
from vergence.types import DepthKind

DEPTH_ANYTHING_V2 = {"input_size": 518}  # pixels of the short side, as its authors run it
EXPORTS = "https://github.com/fabio-sim/Depth-Anything-ONNX/releases/download/v2.0.0"


@dataclass(frozen=True)
class HubFile:
    """A file of a repository on the Hugging Face hub; `revision` is a branch, a tag or a commit."""

    repo: str
    path: str
    revision: str = "main"


@dataclass(frozen=True)
class ModelCard:
    """What a person would ask about a model before using it.

    Attributes:
        name: what it is called on the command line.
        family: module of `vergence.depth.families` that runs it.
        kind: of the depth it gives.
        licence: of its weights, an SPDX identifier.
        is_commercial: that licence allows commercial use.
        source: where its weights come from: a file of the hub, a URL, or None when they are part of the package.
        parameters: of the network.
        summary: one line: what it is good for.
        sha256, size: of the weights, hexadecimal and bytes; None where the source's own word is taken.
        rank: which one `auto` prefers among those on disk: quality for its cost on a laptop, higher first;
            0 is the one inside the package, None what `auto` never takes.
        lookahead: frames read past the one being answered; 0 can run live.
        also_called: file names other programs give the same weights.
        options: what its family needs to know besides.
    """

    name: str
    family: str
    kind: DepthKind
    licence: str
    is_commercial: bool
    source: HubFile | str | None
    parameters: int
    summary: str
    sha256: str | None = None
    size: int | None = None
    rank: int | None = None
    lookahead: int = 0
    also_called: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        """What its weights are called in the store."""
        return f"{self.name}.onnx"


_ROWS = (
    ModelCard(
        name="preview",
        family="preview",
        kind="scale_invariant",
        licence="Apache-2.0",
        is_commercial=True,
        source=None,
        parameters=3_560_000,
        summary="part of the package: works at once and offline, soft edges, a sketch of the depth",
        rank=0,
    ),
    ModelCard(
        name="depth-anything-v2-small",
        family="depth_anything_v2",
        kind="affine_inverse",
        licence="Apache-2.0",
        is_commercial=True,
        source=HubFile("onnx-community/depth-anything-v2-small", "onnx/model.onnx"),
        parameters=24_785_089,
        summary="sharp relative depth of any picture; the one to use (about 99 MB)",
        rank=3,
        also_called=("depth_anything_v2_vits.onnx",),
        options=DEPTH_ANYTHING_V2,
    ),
    ModelCard(
        name="depth-anything-v2-base",
        family="depth_anything_v2",
        kind="affine_inverse",
        licence="CC-BY-NC-4.0",
        is_commercial=False,
        source=HubFile("onnx-community/depth-anything-v2-base", "onnx/model.onnx"),
        parameters=97_470_785,
        summary="finer than small at about three times its cost (about 390 MB)",
        rank=2,
        also_called=("depth_anything_v2_vitb.onnx",),
        options=DEPTH_ANYTHING_V2,
    ),
    ModelCard(
        name="depth-anything-v2-large",
        family="depth_anything_v2",
        kind="affine_inverse",
        licence="CC-BY-NC-4.0",
        is_commercial=False,
        source=HubFile("onnx-community/depth-anything-v2-large", "onnx/model.onnx"),
        parameters=335_315_649,
        summary="the finest of its family, slow without a GPU (about 1.3 GB)",
        rank=1,
        also_called=("depth_anything_v2_vitl.onnx",),
        options=DEPTH_ANYTHING_V2,
    ),
    ModelCard(
        name="depth-anything-v2-metric-indoor-small",
        family="depth_anything_v2",
        kind="metric",
        licence="Apache-2.0",
        is_commercial=True,
        source=f"{EXPORTS}/depth_anything_v2_vits_indoor_dynamic.onnx",
        parameters=24_785_089,
        summary="metres, trained on rendered rooms up to 20 m (about 99 MB)",
        also_called=("depth_anything_v2_vits_indoor_dynamic.onnx", "depth_anything_v2_metric_hypersim_vits.onnx"),
        options=DEPTH_ANYTHING_V2,
    ),
    ModelCard(
        name="depth-anything-v2-metric-outdoor-small",
        family="depth_anything_v2",
        kind="metric",
        licence="Apache-2.0",
        is_commercial=True,
        source=f"{EXPORTS}/depth_anything_v2_vits_outdoor_dynamic.onnx",
        parameters=24_785_089,
        summary="metres, trained on rendered streets up to 80 m (about 99 MB)",
        also_called=("depth_anything_v2_vits_outdoor_dynamic.onnx", "depth_anything_v2_metric_vkitti_vits.onnx"),
        options=DEPTH_ANYTHING_V2,
    ),
)

CARDS: dict[str, ModelCard] = {card.name: card for card in _ROWS}


def find_card(name: str) -> ModelCard:
    """Return the card called `name`; raises `UnknownModelError` with the nearest name."""
    if name in CARDS:
        return CARDS[name]
    near = get_close_matches(name, CARDS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UnknownModelError(f"no depth model is called {name!r}{hint} (see `vergence models list`)")
