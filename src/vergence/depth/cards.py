"""The table of depth models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal

from vergence.errors import UnknownModelError
from vergence.types import DepthKind

Form = Literal["onnx", "checkpoint"]
"""What weights may come as: an ONNX graph (of a video model the folder of its parts), or what torch saved."""

EXPORTS = "https://github.com/fabio-sim/Depth-Anything-ONNX/releases/download/v2.0.0"
PREVIEW_SIZE = 192  # px, short side of 4:3, as measured best; more draws sharper edges, less sees the whole better
INPUT_SIZE = 518  # pixels of the short side, as the authors of both families run them
VIDEO_PARTS = ("encoder.onnx", "temporal.onnx", "decoder.onnx")
GAUSSIAN_PARTS = ("views.onnx", "gaussians.onnx")
LONGER_SIDE = 504  # pixels of the longer side, as the authors of Depth Anything 3 run it
NAMELESS = ("model", "pytorch_model")  # what checkpoints are called that only their folder tells apart
VIDEO_WINDOW = 32  # frames that Video Depth Anything sees at once

Size = Literal["small", "base", "large"]
CODES: dict[Size, str] = {"small": "vits", "base": "vitb", "large": "vitl"}  # as the authors call the sizes
LICENCES: dict[Size, str] = {"small": "Apache-2.0", "base": "CC-BY-NC-4.0", "large": "CC-BY-NC-4.0"}
COMMERCIAL = ("Apache-2.0",)
PICTURE_PARAMETERS: dict[Size, int] = {"small": 24_785_089, "base": 97_470_785, "large": 335_315_649}
VIDEO_PARAMETERS: dict[Size, int] = {"small": 29_035_137, "base": 114_441_409, "large": 384_390_337}


@dataclass(frozen=True)
class HubFile:
    """A file of a repository on the Hugging Face hub; `revision` is a branch, a tag or a commit."""

    repo: str
    path: str
    revision: str = "main"


@dataclass(frozen=True)
class ModelCard:
    """What a person would ask about a model before using it.

    Its SHA-256 is not among it: that is recorded beside a file when it is first fetched, after the hub's own word where
    the hub gives one, and the file is held to it from then on; see `download`.

    Attributes:
        name: what it is called on the command line.
        family: module of `vergence.depth.families` that runs it.
        kind: of the depth it gives.
        licence: of its weights, an SPDX identifier.
        is_commercial: that licence allows commercial use.
        parameters: of the network, buffers not counted.
        summary: one line: what it is good for.
        onnx: where its ONNX graph is published: a file of the hub, or a URL; None where it is not.
        checkpoint: where the file of torch is published that its authors trained; None where it is not. What is
            published as neither is part of the package.
        rank: which one `auto` prefers among those on disk: quality for its cost on a laptop, higher first;
            0 is the one inside the package, None what `auto` never takes.
        lookahead: frames read past the one being answered; 0 can run live.
        parts: files that must be in the folder of its ONNX graphs; none where the graph is one file.
        also_called: file names other programs give the same ONNX graph.
        options: what its family needs to know besides.
    """

    name: str
    family: str
    kind: DepthKind
    licence: str
    is_commercial: bool
    parameters: int
    summary: str
    onnx: HubFile | str | None = None
    checkpoint: HubFile | str | None = None
    rank: int | None = None
    lookahead: int = 0
    parts: tuple[str, ...] = ()
    also_called: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_embedded(self) -> bool:
        """Whether its weights are part of the package."""
        return self.onnx is None and self.checkpoint is None

    @property
    def filename(self) -> str:
        """What its ONNX is called in the store: a file, or the folder of its parts."""
        return self.name if self.parts else f"{self.name}.onnx"

    @property
    def checkpoint_name(self) -> str | None:
        """What its checkpoint is called everywhere: as it was published, or its own name where that tells nothing."""
        path = self.checkpoint.path if isinstance(self.checkpoint, HubFile) else self.checkpoint
        if not path:
            return None
        stem, dot, suffix = path.rpartition("/")[2].rpartition(".")
        return f"{self.name if stem in NAMELESS else stem}{dot}{suffix}"

    @property
    def filenames(self) -> tuple[str, ...]:
        """All names its weights go by, ONNX first."""
        return (self.filename, *self.also_called, *filter(None, (self.checkpoint_name,)))


def _relative(size: Size, *, rank: int, summary: str) -> ModelCard:
    code = CODES[size]
    return ModelCard(
        name=f"depth-anything-v2-{size}",
        family="depth_anything_v2",
        kind="affine_inverse",
        licence=LICENCES[size],
        is_commercial=LICENCES[size] in COMMERCIAL,
        parameters=PICTURE_PARAMETERS[size],
        summary=summary,
        onnx=HubFile(f"onnx-community/depth-anything-v2-{size}", "onnx/model.onnx"),
        checkpoint=HubFile(f"depth-anything/Depth-Anything-V2-{size.title()}", f"depth_anything_v2_{code}.pth"),
        rank=rank,
        also_called=(f"depth_anything_v2_{code}.onnx",),
        options={"size": code, "input_size": INPUT_SIZE},
    )


def _metric(scene: Literal["indoor", "outdoor"], size: Size, *, summary: str) -> ModelCard:
    code = CODES[size]
    dataset, max_depth = {"indoor": ("Hypersim", 20.0), "outdoor": ("VKITTI", 80.0)}[scene]
    published = f"depth_anything_v2_metric_{dataset.lower()}_{code}"
    export = f"depth_anything_v2_{code}_{scene}_dynamic.onnx"
    return ModelCard(
        name=f"depth-anything-v2-metric-{scene}-{size}",
        family="depth_anything_v2",
        kind="metric",
        licence=LICENCES[size],
        is_commercial=LICENCES[size] in COMMERCIAL,
        parameters=PICTURE_PARAMETERS[size],
        summary=summary,
        onnx=f"{EXPORTS}/{export}",
        checkpoint=HubFile(f"depth-anything/Depth-Anything-V2-Metric-{dataset}-{size.title()}", f"{published}.pth"),
        also_called=(export, f"{published}.onnx"),
        options={"size": code, "input_size": INPUT_SIZE, "max_depth": max_depth},
    )


def _video(kind: Literal["affine_inverse", "metric"], size: Size, *, summary: str) -> ModelCard:
    code, is_metric = CODES[size], kind == "metric"
    return ModelCard(
        name=f"video-depth-anything-{'metric-' if is_metric else ''}{size}",
        family="video_depth_anything",
        kind=kind,
        licence=LICENCES[size],
        is_commercial=LICENCES[size] in COMMERCIAL,
        parameters=VIDEO_PARAMETERS[size],
        summary=summary,
        checkpoint=HubFile(
            f"depth-anything/{'Metric-' if is_metric else ''}Video-Depth-Anything-{size.title()}",
            f"{'metric_' if is_metric else ''}video_depth_anything_{code}.pth",
        ),
        lookahead=VIDEO_WINDOW - 1,
        parts=VIDEO_PARTS,
        options={"size": code, "input_size": INPUT_SIZE, "is_streaming": False, "is_exact": False},
    )


def _depth_anything_3(size: str, published: str, *, licence: str, parameters: int, summary: str) -> ModelCard:
    """Networks of many views, "small" to "giant" and "nested-...", and of one, "mono-" and "metric-large"."""
    is_nested, is_metric = size.startswith("nested-"), "metric" in size or size.startswith("nested-")
    return ModelCard(
        name=f"depth-anything-3-{size}",
        family="depth_anything_3",
        kind="metric" if is_metric else "scale_invariant",
        licence=licence,
        is_commercial=licence in COMMERCIAL,
        parameters=parameters,
        summary=summary,
        checkpoint=HubFile(f"depth-anything/{published}", "model.safetensors"),
        parts=("views.onnx",) if size == "giant" else (),
        options={
            "size": size,
            "sees_many": is_nested or size not in ("mono-large", "metric-large"),
            "has_gaussians": "giant" in size,
            "input_size": LONGER_SIDE,
            "batch": 1,
            "max_memory": None,
            **({"ray_poses": False} if is_nested or size not in ("mono-large", "metric-large") else {}),
        },
    )


_ROWS = (
    ModelCard(
        name="preview",
        family="preview",
        kind="scale_invariant",
        licence="Apache-2.0",
        is_commercial=True,
        parameters=3_560_000,
        summary="part of the package: works at once and offline, soft edges, a sketch of the depth",
        rank=0,
        options={"input_size": PREVIEW_SIZE},
    ),
    _relative("small", rank=3, summary="sharp relative depth of any picture; the one to use (about 99 MB)"),
    _relative("base", rank=2, summary="finer than small at about three times its cost (about 390 MB)"),
    _relative("large", rank=1, summary="the finest of its family, slow without a GPU (about 1.3 GB)"),
    _metric("indoor", "small", summary="metres, trained on rendered rooms up to 20 m (about 99 MB)"),
    _metric("indoor", "base", summary="metres in rooms, finer than small (about 390 MB)"),
    _metric("indoor", "large", summary="metres in rooms, the finest, slow without a GPU (about 1.3 GB)"),
    _metric("outdoor", "small", summary="metres, trained on rendered streets up to 80 m (about 99 MB)"),
    _metric("outdoor", "base", summary="metres outdoors, finer than small (about 390 MB)"),
    _metric("outdoor", "large", summary="metres outdoors, the finest, slow without a GPU (about 1.3 GB)"),
    _video("affine_inverse", "small", summary="relative depth of films that holds still over time (about 116 MB)"),
    _video("affine_inverse", "base", summary="steady films, finer than small (about 460 MB)"),
    _video("affine_inverse", "large", summary="steady films, the finest; wants a GPU (about 1.5 GB)"),
    _video("metric", "small", summary="metres of films, steady over time (about 116 MB)"),
    _video("metric", "base", summary="metres of films, finer than small (about 460 MB)"),
    _video("metric", "large", summary="metres of films, the finest; wants a GPU (about 1.5 GB)"),
    _depth_anything_3(
        "small",
        "DA3-SMALL",
        licence="Apache-2.0",
        parameters=34_299_463,
        summary="depth and cameras of one view or many, in a unit of its own (about 137 MB)",
    ),
    _depth_anything_3(
        "base",
        "DA3-BASE",
        licence="Apache-2.0",
        parameters=135_366_599,
        summary="one view or many, finer than small (about 540 MB)",
    ),
    _depth_anything_3(
        "large",
        "DA3-LARGE-1.1",
        licence="CC-BY-NC-4.0",
        parameters=410_941_767,
        summary="one view or many, finer than base; wants a GPU (about 1.6 GB)",
    ),
    _depth_anything_3(
        "giant",
        "DA3-GIANT-1.1",
        licence="CC-BY-NC-4.0",
        parameters=1_355_674_125,
        summary="one view or many, the finest, and Gaussians; wants a GPU (about 5.4 GB)",
    ),
    _depth_anything_3(
        "mono-large",
        "DA3MONO-LARGE",
        licence="Apache-2.0",
        parameters=334_171_394,
        summary="depth of single views up to a factor, and sky (about 1.3 GB)",
    ),
    _depth_anything_3(
        "metric-large",
        "DA3METRIC-LARGE",
        licence="Apache-2.0",
        parameters=334_171_394,
        summary="metres of single views whose focal length is known, and sky (about 1.3 GB)",
    ),
    _depth_anything_3(
        "nested-giant-large",
        "DA3NESTED-GIANT-LARGE-1.1",
        licence="CC-BY-NC-4.0",
        parameters=1_689_845_519,
        summary="metres of one view or many, sky and Gaussians; wants a GPU (about 6.8 GB)",
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
