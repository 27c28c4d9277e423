"""The store of weights: where they may lie, whether they are whole, and whether their licence was accepted.

Looked for, in this order: the store itself (`$VERGENCE_HOME/models`, else the user's data folder), the cache of the
Hugging Face hub, and the folders other programs keep the same files in. Only the store is ever written to.
"""

import hashlib
import json
import logging
import os
from pathlib import Path

import platformdirs

from vergence.depth import download
from vergence.depth.cards import HubFile, ModelCard
from vergence.errors import LicenceError, WeightsError

logger = logging.getLogger(__name__)

EMBEDDED = Path(__file__).parent / "embedded"
LICENCES = "licences.json"  # in the store: {name of a model: licence accepted}
TRUE = ("1", "true", "yes", "on")


def store() -> Path:
    """The folder weights are fetched into."""
    home = os.environ.get("VERGENCE_HOME")
    return (Path(home) if home else Path(platformdirs.user_data_dir("vergence", appauthor=False))) / "models"


def find(card: ModelCard) -> Path | None:
    """Where the weights of a model are on this machine; None when they are not."""
    if card.source is None:
        return EMBEDDED / card.filename
    names = (card.filename, *card.also_called)
    folders = (store(), Path("checkpoints"), Path.home() / ".spatial-maker" / "checkpoints")
    ours, *others = ([folder / name for name in names] for folder in folders)
    candidates = [*ours, *_in_hub_cache(card), *(path for paths in others for path in paths)]
    return next((path.absolute() for path in candidates if path.is_file()), None)


def check(card: ModelCard, path: Path) -> bool:
    """Compare a file with what its card, or the record made when it was fetched, says of it.

    Returns:
        Whether its SHA-256 was known, and so compared.

    Raises:
        WeightsError: it is damaged.
    """
    expected = download.read_record(path)
    size, sha256 = card.size or expected.size, card.sha256 or expected.sha256
    mend = f"delete it and run `vergence models pull {card.name}`"
    found = path.stat().st_size
    if size is not None and found != size:
        raise WeightsError(f"weights of {card.name!r} are damaged: {path} has {found} bytes of {size}; {mend}")
    if sha256 is not None and (actual := hash_file(path)) != sha256:
        raise WeightsError(
            f"weights of {card.name!r} are damaged: sha256 of {path} is {actual[:12]}…, expected {sha256[:12]}…; {mend}"
        )
    return sha256 is not None


def fetch(card: ModelCard, *, offline: bool = False, progress: download.Progress | None = None) -> Path:
    """Return the weights of a model, downloading them into the store if they are nowhere on this machine.

    Args:
        card: whose licence has been accepted where that is needed, see `require_licence`.
        offline: forbid the network, as `VERGENCE_OFFLINE=1` and `HF_HUB_OFFLINE=1` do.
        progress: called as `progress(bytes so far, bytes in all or None)`.

    Raises:
        WeightsError: they cannot be had, or are damaged.
    """
    path = find(card)
    if card.source is None and path is not None:
        return path
    if path is None:
        if is_offline(offline):
            raise WeightsError(
                f"the weights of {card.name!r} are not on this machine and the network is forbidden; {by_hand(card)}"
            )
        assert card.source is not None
        path = store() / card.filename
        try:
            download.download(card.source, path, sha256=card.sha256, size=card.size, progress=progress)
        except WeightsError as error:
            raise WeightsError(f"cannot fetch {card.name!r}: {error}; {by_hand(card)}") from error
    check(card, path)
    return path


def remove(card: ModelCard) -> Path | None:
    """Delete the weights of a model from the store; returns what was deleted, None when there was nothing.

    Copies that belong to other programs are left alone.
    """
    path = store() / card.filename
    was_there = path.is_file()
    for leftover in (path, download.record_path(path), *download.parts(path)):
        leftover.unlink(missing_ok=True)
    return path if was_there else None


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


def by_hand(card: ModelCard) -> str:
    """What to do where this program cannot reach the weights."""
    assert card.source is not None
    return f"download {download.address(card.source)} elsewhere and save it as {store() / card.filename}"


def hash_file(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _in_hub_cache(card: ModelCard) -> list[Path]:
    """The hub's own cache: models--owner--name/snapshots/<commit>/<path>, the commit last fetched first."""
    if not isinstance(card.source, HubFile):
        return []
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = cache / f"models--{card.source.repo.replace('/', '--')}" / "snapshots"
    found = (path for path in snapshots.glob(f"*/{card.source.path}") if path.is_file())
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
