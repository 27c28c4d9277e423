"""The store of weights: where they may lie, whether they are whole, and whether their licence was accepted.

Looked for, in this order: the store itself (`$VERGENCE_HOME/models`, else the user's data folder), the cache of the
Hugging Face hub, and the folders other programs keep the same files in. Only the store is ever written to. There

    NAME.onnx                   is a model's ONNX graph,
    NAME/                       the exported parts of a video model: encoder.onnx, temporal.onnx, decoder.onnx,
    depth_anything_v2_vits.pth  and the like are checkpoints, under the names their authors gave them,
    NAME.safetensors            is a checkpoint that they gave no name of its own.
"""

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Literal, get_args

import platformdirs

from vergence.depth import download
from vergence.depth.cards import Form, HubFile, ModelCard
from vergence.errors import LicenceError, WeightsError

logger = logging.getLogger(__name__)

EMBEDDED = Path(__file__).parent / "embedded"
LICENCES = "licences.json"  # in the store: {name of a model: licence accepted}
RECORDS = (".json", ".lock")  # what lies beside weights
TRUE = ("1", "true", "yes", "on")
FORMS: tuple[Form, ...] = get_args(Form)


def store() -> Path:
    """The folder weights are fetched into."""
    home = os.environ.get("VERGENCE_HOME")
    return (Path(home) if home else Path(platformdirs.user_data_dir("vergence", appauthor=False))) / "models"


def store_path(card: ModelCard, form: Form) -> Path:
    """Where weights of a model belong in the store.

    Raises:
        WeightsError: it has none of that form.
    """
    if form == "onnx" and not card.is_embedded:
        return store() / card.filename
    if form == "checkpoint" and card.checkpoint_name is not None:
        return store() / card.checkpoint_name
    raise _has_no(card, form)


def form_of(path: Path) -> Form:
    """Which form weights have, by their name."""
    return "onnx" if path.is_dir() or path.suffix.lower() == ".onnx" else "checkpoint"


def find(card: ModelCard, form: Form | Literal["any"] = "any") -> Path | None:
    """Where the weights of a model are on this machine; None when they are not.

    "any" is ONNX, wherever it is, before a checkpoint. An export that lacks a part is not there.
    """
    if form == "any":
        return find(card, "onnx") or find(card, "checkpoint")
    if card.is_embedded:
        return EMBEDDED / card.filename if form == "onnx" else None
    folders = (store(), Path("checkpoints"), Path.home() / ".spatial-maker" / "checkpoints")
    ours, *others = ([folder / name for name in _names(card, form)] for folder in folders)
    candidates = [*ours, *_in_hub_cache(_source(card, form)), *(path for paths in others for path in paths)]
    parts = card.parts if form == "onnx" else ()
    return next((path.absolute() for path in candidates if _is_there(path, parts)), None)


def check(card: ModelCard, path: Path) -> bool:
    """Compare weights with the record made when they were fetched; of an export's folder every file with its own.

    Returns:
        Whether the SHA-256 of all was known, and so compared.

    Raises:
        WeightsError: they are damaged.
    """
    is_known = True
    for file in weight_files(path):
        expected = download.read_record(file)
        found = file.stat().st_size
        if expected.size is not None and found != expected.size:
            raise _damaged(card, path, f"{file} has {found} bytes of {expected.size}")
        if expected.sha256 is None:
            is_known = False
        elif (actual := hash_file(file)) != expected.sha256:
            raise _damaged(card, path, f"sha256 of {file} is {actual[:12]}…, expected {expected.sha256[:12]}…")
    return is_known


def weight_files(path: Path) -> list[Path]:
    """The files of weights: what lies in an export's folder, less the records, or the one file."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.is_file() and file.suffix not in RECORDS)


def fetch(
    card: ModelCard,
    *,
    form: Form | Literal["any"] = "any",
    offline: bool = False,
    progress: download.Progress | None = None,
) -> Path:
    """Return the weights of a model, downloading them into the store if they are nowhere on this machine.

    Args:
        card: whose licence has been accepted where that is needed, see `require_licence`.
        form: "any" takes what is here, and else downloads ONNX where it is published.
        offline: forbid the network, as `VERGENCE_OFFLINE=1` and `HF_HUB_OFFLINE=1` do.
        progress: called as `progress(bytes so far, bytes in all or None)`.

    Raises:
        WeightsError: they cannot be had, are not published in that form, or are damaged.
    """
    path = find(card, form)
    if path is None:
        path = _download(card, require_published(card, form), offline=offline, progress=progress)
    if not card.is_embedded:
        check(card, path)
    return path


def _download(card: ModelCard, form: Form, *, offline: bool, progress: download.Progress | None) -> Path:
    if is_offline(offline):
        raise WeightsError(
            f"the weights of {card.name!r} are not on this machine and the network is forbidden; {by_hand(card, form)}"
        )
    source, path = _source(card, form), store_path(card, form)
    assert source is not None
    try:
        download.download(source, path, progress=progress)
    except WeightsError as error:
        raise WeightsError(f"cannot fetch {card.name!r}: {error}; {by_hand(card, form)}") from error
    return path


def require_published(card: ModelCard, form: Form | Literal["any"] = "any") -> Form:
    """The form that `fetch` would download.

    Raises:
        WeightsError: the model is not published in that form.
    """
    for candidate in FORMS if form == "any" else (form,):
        if _source(card, candidate) is not None:
            return candidate
    raise _has_no(card, "onnx" if form == "any" else form)


def remove(card: ModelCard) -> list[Path]:
    """Delete the weights of a model from the store, in all forms, with what lies beside them; returns what was there.

    Copies that belong to other programs are left alone.
    """
    paths = [store() / name for name in card.filenames]
    removed = [path for path in paths if path.exists()]
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        for leftover in (path, download.record_path(path), *download.parts(path)):
            leftover.unlink(missing_ok=True)
    return removed


def require_licence(card: ModelCard, *, accept: bool = False) -> None:
    """Let commercial weights pass, and others once their licence was accepted, now or at any time before.

    Raises:
        LicenceError: it was not.
    """
    if card.is_commercial:
        return
    path = store() / LICENCES
    try:
        accepted: dict[str, str] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise LicenceError(f"{path} is not readable ({error}); delete it and accept the licences again") from error
    if accepted.get(card.name) == card.licence:
        return
    if not accept:
        raise LicenceError(
            f"the weights of {card.name!r} may not be used commercially ({card.licence}); if that suits you, "
            f"accept it once: vergence models pull {card.name} --accept-licence"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(accepted | {card.name: card.licence}, indent=2) + "\n", "utf-8")


def is_offline(offline: bool = False) -> bool:
    """Whether the network is forbidden: by the caller, or by `VERGENCE_OFFLINE=1` or `HF_HUB_OFFLINE=1`."""
    return offline or any(os.environ.get(name, "").lower() in TRUE for name in ("VERGENCE_OFFLINE", "HF_HUB_OFFLINE"))


def by_hand(card: ModelCard, form: Form) -> str:
    """What to do where this program cannot reach the weights."""
    source = _source(card, form)
    assert source is not None
    return f"download {download.address(source)} elsewhere and save it as {store_path(card, form)}"


def hash_file(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names(card: ModelCard, form: Form) -> tuple[str, ...]:
    if form == "onnx":
        return (card.filename, *card.also_called)
    return (card.checkpoint_name,) if card.checkpoint_name else ()


def _source(card: ModelCard, form: Form) -> HubFile | str | None:
    return card.onnx if form == "onnx" else card.checkpoint


def _is_there(path: Path, parts: tuple[str, ...]) -> bool:
    return all((path / part).is_file() for part in parts) if parts else path.is_file()


def _has_no(card: ModelCard, form: Form) -> WeightsError:
    if card.is_embedded:
        return WeightsError(f"{card.name!r} is part of the package and has no {form} to fetch; leave the form out")
    if form == "onnx":
        return WeightsError(
            f"{card.name!r} is published only as a checkpoint of torch; `vergence models export {card.name}` makes "
            f"ONNX of it, which belongs at {store_path(card, form)}"
        )
    return WeightsError(f"{card.name!r} is published only as ONNX: vergence models pull {card.name} --form onnx")


def _damaged(card: ModelCard, path: Path, fault: str) -> WeightsError:
    if path.is_dir():
        mend = f"run `vergence models export {card.name}` again"
    else:
        mend = f"delete it and run `vergence models pull {card.name} --form {form_of(path)}`"
    return WeightsError(f"weights of {card.name!r} are damaged: {fault}; {mend}")


def _in_hub_cache(source: HubFile | str | None) -> list[Path]:
    """The hub's own cache: models--owner--name/snapshots/<commit>/<path>, the commit last fetched first."""
    if not isinstance(source, HubFile):
        return []
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = cache / f"models--{source.repo.replace('/', '--')}" / "snapshots"
    found = (path for path in snapshots.glob(f"*/{source.path}") if path.is_file())
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
