"""Checkpoint files: what the authors published, or users fine-tuned, into a network that is ready to run."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc"

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vergence.depth.networks.dpt import SIZES, DepthAnythingV2
from vergence.depth.networks.temporal import PositionEncoder
from vergence.depth.networks.video_depth_anything import VideoDepthAnything
from vergence.errors import WeightsError

WRAPPERS = ("model", "state_dict", "module")  # keys training scripts put the tensors under
PREFIXES = ("module.", "_orig_mod.")  # put before every name by data-parallel training, and by torch.compile
NAMED = 3  # tensors an error names
ENDINGS = (".mask_token", ".pe")  # may be missing: of training alone, and computed
# Names of the files of Depth Anything V1: by their tensors they cannot be told from V2's, which reads other blocks.
OF_VERSION_1 = {f"depth_anything_{size}14" for size in SIZES}

FAMILIES: dict[str, type[DepthAnythingV2] | type[VideoDepthAnything]] = {
    "depth_anything_v2": DepthAnythingV2,
    "video_depth_anything": VideoDepthAnything,
}


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by their names, without wrappers and prefixes; nothing in it is executed.

    Takes what `torch.save` writes (.pth, .pt, .ckpt, .bin) and .safetensors.

    Raises:
        WeightsError: it is damaged, or holds anything but tensors.
    """
    if not path.is_file():
        raise WeightsError(f"there is no file {path}; give the path of a checkpoint")
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            found: Any = load_file(path)
        else:
            with warnings.catch_warnings(action="ignore"):  # about how it was pickled; the error says enough
                found = torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} is damaged, or holds more than tensors, which could run any program when read; fetch it again, or "
            "save its state_dict alone"
        ) from error
    except ImportError as error:
        raise WeightsError(f"{path} needs the package safetensors; `pip install 'vergence[torch]'`") from error
    except Exception as error:  # torch and safetensors raise whatever the bytes lead them to
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        raise WeightsError(f"{path} is no checkpoint that can be read ({reason}); fetch it again") from error
    while isinstance(found, Mapping) and (
        inner := next((k for k in WRAPPERS if isinstance(found.get(k), Mapping)), "")
    ):
        found = found[inner]
    state = {}
    for name, value in found.items() if isinstance(found, Mapping) else ():
        if isinstance(value, Tensor):
            state[_without_prefixes(str(name))] = value
    if not state:
        raise WeightsError(f"{path} holds no tensors; give a checkpoint of a depth network")
    return state


def identify(state: Mapping[str, Tensor]) -> tuple[str, str]:
    """The family and size of a network by its tensors; of several sizes of the same tensors the first.

    Raises:
        WeightsError: they belong to no family known here.
    """
    from vergence.depth.networks.depth_anything_3 import checkpoints as depth_anything_3

    if any(name.startswith("head.motion_modules.") for name in state):
        family = "video_depth_anything"
    elif any(name.startswith("depth_head.") for name in state):
        family = "depth_anything_v2"
    elif depth_anything_3.is_of_family(state):
        return "depth_anything_3", depth_anything_3.identify(depth_anything_3.arranged(state))[0]
    else:
        known = ", ".join((*FAMILIES, "depth_anything_3"))
        hint = "; it looks like a DINOv2 backbone alone" if "cls_token" in state or "pos_embed" in state else ""
        raise WeightsError(f"the tensors ({some(sorted(state))}) belong to no network known here ({known}){hint}")
    token = state.get("pretrained.cls_token")
    size = next(
        (name for name, (backbone, _) in SIZES.items() if token is not None and token.shape[-1] == backbone.width), None
    )
    if size is None:
        found = "is missing" if token is None else f"has {token.shape[-1]} channels"
        raise WeightsError(
            f"it looks like {family}, but its pretrained.cls_token {found}; known are {', '.join(SIZES)}"
        )
    return family, size


def load_network(
    path: Path, family: str, *, size: str | None = None, max_depth: float | None = None
) -> DepthAnythingV2 | VideoDepthAnything:
    """Build the network a checkpoint is of, in float32, ready for inference.

    Args:
        path: see `read_state`.
        family: a key of `FAMILIES`.
        size: "vits" to "vitg"; None takes what the tensors say.
        max_depth: of metric Depth Anything V2, metres; None is relative.

    Raises:
        WeightsError: its tensors are not those of this network, or its name is one of Depth Anything V1.
    """
    if path.stem.lower() in OF_VERSION_1:
        raise WeightsError(
            f"{path} is called as a checkpoint of Depth Anything V1, which computes something else from tensors of the "
            "same names; give one of V2, or another name to what is V2"
        )
    state = read_state(path)
    try:
        looks = identify(state)
    except WeightsError as error:
        raise WeightsError(f"{path} does not fit {family}: {error}") from error
    if looks[0] not in FAMILIES:
        raise WeightsError(f"{path} is not {family}; it looks like {' '.join(looks)}, so give it as that, or as auto")
    size = size or looks[1]
    with torch.device("meta"):
        network = DepthAnythingV2(size, max_depth) if family == "depth_anything_v2" else VideoDepthAnything(size)
    wanted = network.state_dict()
    if faults := differences(wanted, state):
        raise WeightsError(f"{path} is not {family} {size}: {some(faults)}; it looks like {' '.join(looks)}")
    network.load_state_dict({name: state[name].float() for name in wanted if name in state}, strict=False, assign=True)
    for module in network.modules():
        if isinstance(module, PositionEncoder) and module.pe.is_meta:
            module.reset()
    if "pretrained.mask_token" not in state:
        network.pretrained.mask_token = nn.Parameter(torch.zeros(network.pretrained.mask_token.shape))
    return network.eval().requires_grad_(False)


def differences(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """What is wrong with the tensors found for those wanted, one text each."""
    missing = [f"{name} is missing" for name in wanted if name not in found and not name.endswith(ENDINGS)]
    shapes = [
        f"{name} is {tuple(found[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in wanted
        if name in found and found[name].shape != wanted[name].shape
    ]
    return shapes + missing + [f"{name} is unknown" for name in found if name not in wanted]


def some(texts: list[str]) -> str:
    """The first few, and how many more there are."""
    return ", ".join(texts[:NAMED]) + (f" and {len(texts) - NAMED} more" if len(texts) > NAMED else "")


def _without_prefixes(name: str) -> str:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _is_zip(path: Path) -> bool:
    """Whether it can be mapped into memory: files before torch 1.6 cannot."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"
