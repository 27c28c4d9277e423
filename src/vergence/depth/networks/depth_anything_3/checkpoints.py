"""Published checkpoints into networks: which one it is, is read from the tensors, so nothing can be taken for another.

The authors publish a folder of `model.safetensors` and `config.json`. The latter is not needed, but for one thing: the
networks of one view that give metres and that do not have the same tensors.
"""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc"

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from vergence.depth.networks.checkpoints import differences, read_state, some
from vergence.depth.networks.depth_anything_3.network import AnyView, Nested, OneView
from vergence.depth.networks.depth_anything_3.variants import VARIANTS, NestedVariant, Sizes, Variant
from vergence.depth.networks.dinov2 import BackboneSize
from vergence.depth.networks.dpt import DecoderSize
from vergence.errors import WeightsError

Network = AnyView | OneView | Nested

FILE, CONFIG = "model.safetensors", "config.json"  # in a published folder
PREFIX = "model."  # before every name in a published file
ALONE = ("mono-large", "metric-large")  # told apart by nothing in the tensors
OF_RAYS = re.compile(r"(.*scratch\.output_conv[12]_aux\.)([0-3])(\..*)")
_HEAD = re.compile(r"(model\.)?(da3\.)?head\.projects\.0\.weight")  # Video Depth Anything has it too, beside much else
SHARED = ".2."  # the layer of `output_conv2_aux` that all levels share


def load_network(path: Path, variant: str | None = None) -> tuple[str, Network]:
    """Build the network a checkpoint is of, in float32, ready for inference.

    Args:
        path: a published folder, or a file as `read_state` takes it; a `config.json` beside it is read.
        variant: a key of `VARIANTS`; None takes what the tensors and the configuration say.

    Returns:
        Its key in `VARIANTS`, and the network.

    Raises:
        WeightsError: the tensors are of no network known here, or not of the one asked for; or nothing says whether
            its depth is in metres.
    """
    file = path / FILE if path.is_dir() else path
    state = arranged(read_state(file))
    try:
        looks = identify(state)
    except WeightsError as error:
        raise WeightsError(f"{file} does not fit Depth Anything 3: {error}") from error
    if variant is not None and variant not in looks:
        raise WeightsError(
            f"{file} is {' or '.join(looks)} by its tensors, but asked for is {variant}; give the right one"
        )
    found = (variant,) if variant is not None else candidates(file, state)
    if len(found) > 1:
        raise WeightsError(
            f"{file} may be {' or '.join(found)}, which have the same tensors, and there is no {CONFIG} beside it; "
            "say which, for only one of them gives metres"
        )
    (name,) = found
    sizes = _with_gaussians_of(VARIANTS[name], state)
    with torch.device("meta"):
        network = build(sizes)
    wanted = network.state_dict()
    if faults := differences(wanted, state):
        raise WeightsError(f"{file} looks like {name}, but {some(faults)}; fetch it again")
    network.load_state_dict({name: state[name].float() for name in wanted}, assign=True)
    return name, network.eval().requires_grad_(False)


def candidates(file: Path, state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """What `identify` says of a file's arranged tensors, less what its `config.json` or its name rules out.

    Raises:
        WeightsError: they are of no network known here, or the configuration is of another.
    """
    looks = identify(state)
    said = _configured(file.with_name(CONFIG))
    if said is not None and said not in looks:
        raise WeightsError(
            f"{file} is {' or '.join(looks)} by its tensors, but what its {CONFIG} says is {said}; give the right one"
        )
    if said is None and len(looks) > 1:
        said = next((name for name in looks if _is_called(file, name)), None)
    return looks if said is None else (said,)


def is_of_family(state: Mapping[str, Tensor]) -> bool:
    """Whether tensors as a file has them are of Depth Anything 3, known or not."""
    return any(_HEAD.fullmatch(name) for name in state)


def build(sizes: Sizes) -> Network:
    """A network of these sizes, its parameters not yet of any use."""
    if isinstance(sizes, NestedVariant):
        return Nested(sizes)
    return AnyView(sizes) if sizes.is_any_view else OneView(sizes)


def arranged(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a published file under their names here.

    Of the last layers of rays those of the finest level alone are used. One of them, a LayerNorm, is shared by all
    levels, and files hold it once, under the first level's name; where one holds more the last counts.
    """
    found: dict[str, Tensor] = {}
    for name in sorted(state):  # levels in order
        value = state[name]
        name = name.removeprefix(PREFIX).replace("backbone.pretrained.", "pretrained.")
        if match := OF_RAYS.fullmatch(name):
            before, level, after = match.groups()
            is_shared = before.endswith("conv2_aux.") and after.startswith(SHARED)
            if level != "3" and not is_shared:
                continue
            name = f"{before}3{after}"
        found[name] = value
    return found


def identify(state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The keys of `VARIANTS` that arranged tensors may be of: one, or both of the networks of one view.

    Raises:
        WeightsError: they are of none.
    """
    if any(name.startswith("da3_metric.") for name in state):
        parts = (_sizes(_under("da3.", state)), _sizes(_under("da3_metric.", state)))
        found: Sizes | None = None if None in parts else NestedVariant(*parts)  # type: ignore[arg-type]
    else:
        found = _sizes(state)
    looks = tuple(name for name, sizes in VARIANTS.items() if found is not None and _is_alike(found, sizes))
    if looks:
        return looks
    known = ", ".join(VARIANTS)
    if not isinstance(found, Variant):
        raise WeightsError(f"the tensors ({some(sorted(state))}) are of no Depth Anything 3 network; known are {known}")
    backbone = found.backbone
    raise WeightsError(
        f"the tensors are of a Depth Anything 3 network of {backbone.blocks} blocks of {backbone.width} channels, "
        f"which is none of those known: {known}; give one of these"
    )


def _sizes(state: Mapping[str, Tensor]) -> Variant | None:
    """What the shapes tell; which blocks are `taken` they do not. None where it is another network altogether."""
    token, fused = state.get("pretrained.cls_token"), state.get("head.scratch.layer1_rn.weight")
    channels = [state.get(f"head.projects.{level}.weight") for level in range(4)]
    if token is None or fused is None or any(weight is None for weight in channels):
        return None
    c0, c1, c2, c3 = (len(weight) for weight in channels if weight is not None)
    blocks = {int(name.split(".")[2]): name for name in state if name.startswith("pretrained.blocks.")}
    normed = [index for index in blocks if f"pretrained.blocks.{index}.attn.q_norm.weight" in state]
    backbone = BackboneSize(
        token.shape[-1],
        len(blocks),
        (0, 0, 0, 0),
        is_gated="pretrained.blocks.0.mlp.w12.weight" in state,
        normed_from=min(normed, default=None),
    )
    has_gaussians = any(name.startswith("gs_head.") for name in state)
    return Variant(backbone, DecoderSize(len(fused), (c0, c1, c2, c3)), has_gaussians)


def _is_alike(found: Sizes, known: Sizes) -> bool:
    """The Gaussian head may be left out, as some converted files do."""
    if isinstance(found, NestedVariant) or isinstance(known, NestedVariant):
        return (
            isinstance(found, NestedVariant)
            and isinstance(known, NestedVariant)
            and _is_alike(found.any_view, known.any_view)
            and _is_alike(found.metric, known.metric)
        )
    backbone = replace(known.backbone, taken=found.backbone.taken)
    return found.backbone == backbone and found.decoder == known.decoder and found.has_gaussians <= known.has_gaussians


def _with_gaussians_of(sizes: Sizes, state: Mapping[str, Tensor]) -> Sizes:
    if isinstance(sizes, NestedVariant):
        any_view = _with_gaussians_of(sizes.any_view, _under("da3.", state))
        assert isinstance(any_view, Variant)
        return replace(sizes, any_view=any_view)
    return replace(sizes, has_gaussians=any(name.startswith("gs_head.") for name in state))


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _is_called(file: Path, name: str) -> bool:
    """Whether the file or its folder has the name of this network, as the authors spell it."""
    kind = re.compile(rf"da3[-_]?{name.partition('-')[0]}")
    return any(kind.search(part.lower()) for part in (file.stem, file.absolute().parent.name))


def _configured(config: Path) -> str | None:
    """The key of `VARIANTS` a configuration names; None where there is no configuration, or another program's."""
    try:
        said = json.loads(config.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{config} cannot be read ({error}); fetch it again, or delete it") from error
    name = said.get("model_name") if isinstance(said, dict) else None
    if not isinstance(name, str) or not name.startswith("da3"):
        return None
    return re.sub(r"-\d+(\.\d+)*$", "", name.removeprefix("da3").removeprefix("-"))
