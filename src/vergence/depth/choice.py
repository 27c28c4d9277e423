"""Which model a name, or a file of the user's own, means, and which file of weights it runs from."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from vergence.depth import download
from vergence.depth import weights as store
from vergence.depth.cards import CARDS, Form, ModelCard, find_card
from vergence.depth.runtimes import RuntimeOptions, is_checkpoint
from vergence.errors import LicenceError, ModelError, SettingsError, WeightsError
from vergence.types import DepthKind

if TYPE_CHECKING:
    from torch import Tensor

KindName = Literal["relative", "metric"]  # as `--kind` has them
KINDS: dict[KindName, DepthKind] = {"relative": "affine_inverse", "metric": "metric"}
FOLDER_FILE = "model.safetensors"  # in a folder as the hub has it
FETCHED_BY_AUTO = "depth-anything-v2-small"


def named(
    name: str,
    options: RuntimeOptions,
    *,
    offline: bool = False,
    accept_licence: bool = False,
    progress: download.Progress | None = None,
) -> tuple[ModelCard, Path]:
    """The card called `name`, and its weights, fetched if need be.

    Raises:
        UnknownModelError, LicenceError, WeightsError, ModelError: see errors.py.
    """
    card = find_card(name)
    store.require_licence(card, accept=accept_licence)
    form = form_to_run(card, options)
    return card, store.fetch(card, form=form, offline=offline, progress=progress)


def best(
    options: RuntimeOptions,
    *,
    offline: bool,
    accept_licence: bool,
    progress: download.Progress | None,
    announce: Callable[[str], None],
) -> tuple[ModelCard, Path]:
    """What "auto" means here and now."""
    ranked = sorted((card for card in CARDS.values() if card.rank), key=lambda card: card.rank or 0, reverse=True)
    for card in ranked:
        path = next(filter(None, (store.find(card, form) for form in _runnable(options))), None)
        if path is not None and may_use(card, accept_licence):
            store.check(card, path)
            return card, path
    card, preview = CARDS[FETCHED_BY_AUTO], CARDS["preview"]
    assert card.onnx is not None
    if options.runtime == "torch":
        raise ModelError(
            "no model with a checkpoint of torch is on this machine; name one (see `vergence models list`), "
            "or leave out --runtime torch"
        )
    if not store.is_offline(offline) and download.is_reachable(card.onnx):
        announce(f"fetching {card.name}: {card.summary}, {card.licence}")
        try:
            return card, store.fetch(card, form="onnx", progress=progress)
        except WeightsError as error:
            announce(f"using the built-in preview model, with soft edges: {error}")
    else:
        announce(
            "using the built-in preview model, with soft edges; "
            f"for sharp depth go online once and run: vergence models pull {card.name}"
        )
    return preview, store.fetch(preview)


def own(
    weights: Path,
    name: str,
    *,
    kind: KindName | None,
    max_depth: float | None,
    accept_licence: bool,
    announce: Callable[[str], None],
) -> tuple[ModelCard, Path]:
    """A card for weights of the user's own, by the model's `name`, or by what they are called and hold for "auto".

    Raises:
        WeightsError: there is no such file, or it belongs to no family.
        SettingsError: `kind` is unknown, or metric depth lacks its `max_depth`.
    """
    if kind is not None and kind not in KINDS:
        raise SettingsError(f"no kind of weights is called {kind!r}; choose from {', '.join(get_args(KindName))}")
    if not weights.exists():
        raise WeightsError(f"there is no file {weights}; give an ONNX graph, a checkpoint, or an export's folder")
    if (weights / FOLDER_FILE).is_file():
        weights = weights / FOLDER_FILE
    if is_checkpoint(weights) and find_spec("torch") is None:
        raise ModelError(
            f"{weights} is a checkpoint of torch, which is not installed; `pip install torch==2.13.0` and "
            "`pip install 'vergence[torch]'`, or give an ONNX graph"
        )
    if name != "auto":
        card = find_card(name)
        store.require_licence(card, accept=accept_licence)
    elif (known := _by_file_name(weights)) is not None:
        card = known
    else:
        card = _by_contents(weights, kind)
        if kind is None and card.kind == "affine_inverse":
            announce(f"{weights} is taken as {card.family} with relative depth; say --kind metric if it gives metres")
        elif card.family == "depth_anything_3":
            announce(f"{weights} is taken as depth-anything-3-{card.options['size']}")
    if kind is not None:
        is_z = kind == "relative" and card.family == "depth_anything_3"  # whose depth is never inverse
        card = replace(card, kind="scale_invariant" if is_z else KINDS[kind])
    return _with_max_depth(card, weights, max_depth), weights


def _with_max_depth(card: ModelCard, weights: Path, max_depth: float | None) -> ModelCard:
    """Only checkpoints of Depth Anything V2 need it: their network gives a share of it."""
    if card.family != "depth_anything_v2" or not is_checkpoint(weights):
        if max_depth is not None:
            raise SettingsError(f"{weights} gives metres by itself; leave out the greatest depth")
        return card
    if card.kind != "metric":
        if max_depth is not None:
            raise SettingsError("a greatest depth is of metric weights; say --kind metric too")
        return replace(card, options={**card.options, "max_depth": None})
    found = max_depth or card.options.get("max_depth")
    if found is None:
        raise SettingsError(
            f"{weights} gives a share of the greatest depth it was trained on, which is not in it; "
            "say --max-depth 20 for indoor weights, 80 for outdoor ones"
        )
    return replace(card, options={**card.options, "max_depth": float(found)})


def form_to_run(card: ModelCard, options: RuntimeOptions) -> Form:
    """Which weights of a model to run: what is here before what would be fetched, ONNX before a checkpoint."""
    if card.is_embedded:
        return "onnx"
    forms = _runnable(options)
    has: dict[Form, bool] = {
        "onnx": card.onnx is not None,
        "checkpoint": card.checkpoint is not None,
    }
    here = next((form for form in forms if store.find(card, form) is not None), None)
    chosen = here or next((form for form in forms if has[form]), None)
    if chosen is not None:
        return chosen
    if options.runtime == "torch" and not has["checkpoint"]:
        raise ModelError(f"{card.name!r} has no checkpoint of torch; leave out --runtime torch")
    raise ModelError(
        f"{card.name!r} is published for torch, which is not installed: either `pip install torch==2.13.0` and "
        f"`pip install 'vergence[torch]'`, or on a machine that has them run `vergence models export {card.name}` and "
        f"bring the result to {store.store_path(card, 'onnx')}"
    )


def _runnable(options: RuntimeOptions) -> list[Form]:
    """The forms of weights that what was asked for can run, the faster first."""
    has_torch = find_spec("torch") is not None
    if options.runtime == "torch":
        if not has_torch:
            raise ModelError("torch is not installed; `pip install torch==2.13.0`, or leave out --runtime torch")
        return ["checkpoint"]
    if options.runtime != "auto":
        return ["onnx"]
    if has_torch and (options.precision == "f16" or (options.device == "cuda" and not _has_onnx_cuda())):
        return ["checkpoint"]
    return ["onnx", "checkpoint"] if has_torch else ["onnx"]


def _has_onnx_cuda() -> bool:
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def require_torch() -> None:
    """Raise `ModelError` where torch, or what exporting from it takes, is not installed."""
    missing = [name for name in ("torch", "onnx", "onnxscript") if find_spec(name) is None]
    if missing:
        raise ModelError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed; "
            "`pip install torch==2.13.0` and then `pip install 'vergence[torch]'`"
        )


def may_use(card: ModelCard, accept_licence: bool) -> bool:
    """Whether its licence lets anybody use it, was accepted before, or is now."""
    try:
        store.require_licence(card, accept=accept_licence)
    except LicenceError:
        return False
    return True


def _by_file_name(weights: Path) -> ModelCard | None:
    """The card whose published file, or export, is called so."""
    return next((card for card in CARDS.values() if not card.is_embedded and weights.name in card.filenames), None)


def _by_contents(weights: Path, kind: KindName | None) -> ModelCard:
    """A card for a file of unknown name: its family and size by its tensors, or by its graph's inputs and outputs."""
    if is_checkpoint(weights):
        from vergence.depth.networks.checkpoints import identify, read_state

        state = read_state(weights)
        family, size = identify(state)
        if family == "depth_anything_3":
            size = _with_or_without_metres(weights, state, kind)
        of_family = [card for card in CARDS.values() if card.family == family]
        like = next((card for card in of_family if card.options["size"] == size), of_family[0])
    elif weights.is_dir():
        is_film = any((weights / part).is_file() for part in CARDS["video-depth-anything-small"].parts)
        like = CARDS["video-depth-anything-small" if is_film else "depth-anything-3-giant"]
    else:
        like = _by_signature(weights, kind)
    return replace(
        like,
        name=weights.absolute().parent.name if weights.name == FOLDER_FILE else weights.stem,
        licence="unknown",
        is_commercial=False,
        onnx=None,
        checkpoint=None,
        rank=None,
        summary=f"{like.family} weights from {weights}",
    )


def _with_or_without_metres(weights: Path, state: "Mapping[str, Tensor]", kind: KindName | None) -> str:
    """Which network of Depth Anything 3 it is: two have the same tensors, and only one of them gives metres."""
    from vergence.depth.networks.depth_anything_3.checkpoints import ALONE, arranged, candidates

    found = candidates(weights, arranged(state))
    if len(found) == 1:
        return found[0]
    if kind is None:
        raise WeightsError(
            f"nothing says whether {weights} gives metres: its tensors are those of both {' and '.join(found)}; "
            "say --kind metric or --kind relative, or put its config.json beside it"
        )
    return ALONE[kind == "metric"]


def _by_signature(weights: Path, kind: KindName | None) -> ModelCard:
    from vergence.depth.runtimes.onnx import signature

    inputs, outputs = signature(weights)
    for known in (CARDS["preview"], CARDS[FETCHED_BY_AUTO]):
        if import_module(f"vergence.depth.families.{known.family}").matches(inputs, outputs):
            return known
    from vergence.depth.families.depth_anything_3 import graph

    if graph.matches(inputs, outputs):
        if graph.gives_many(outputs):
            return CARDS["depth-anything-3-small"]  # larger ones run alike
        if kind is None:
            raise WeightsError(
                f"nothing says whether {weights} gives metres: networks of Depth Anything 3 that do and that do not "
                "look alike; say --kind metric or --kind relative"
            )
        return CARDS[f"depth-anything-3-{'metric' if kind == 'metric' else 'mono'}-large"]
    raise WeightsError(
        f"{weights} belongs to no family known here: its inputs are {', '.join(map(str, inputs))}, its outputs "
        f"{', '.join(map(str, outputs))}; see `vergence models list` for those that are"
    )
