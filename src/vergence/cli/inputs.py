"""What a command line names: each photo and film of it, and where its result goes."""

from collections.abc import Callable, Sequence
from pathlib import Path

from vergence.errors import MediaError, SettingsError, TargetError, VergenceError
from vergence.media.formats import is_pattern, read_suffixes
from vergence.media.frames import is_frames_folder
from vergence.media.live import is_live
from vergence.pipelines.job import Result
from vergence.stereo.layout import LAYOUTS

RESULT_TAGS = ("_depth", *(tag for layout in LAYOUTS.values() for tag in (layout.tag, layout.headset_tag)))


def expand(inputs: Sequence[str]) -> list[str]:
    """Put each photo and film of a folder in its place; a folder of numbered frames is a film and stays.

    Results of ours that lie beside their sources are passed over. Raises `MediaError` where a folder has neither, or
    where there is nothing of that name: before a model is fetched and hours are spent.
    """
    found: list[str] = []
    for text in inputs:
        if not is_live(text) and not Path(text).exists() and not is_pattern(Path(text)):
            raise MediaError(f"there is no file {text}")
    for text in inputs:
        path = Path(text)
        found += [text] if is_live(text) or not path.is_dir() or is_frames_folder(path) else _media_in(path)
    return found


def _media_in(folder: Path) -> list[str]:
    suffixes = {*read_suffixes("picture"), *read_suffixes("film")}
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in suffixes and p.name[0] != ".")
    stems = {p.stem for p in files}
    sources = [p for p in files if not any(p.stem.endswith(t) and p.stem.removesuffix(t) in stems for t in RESULT_TAGS)]
    if not sources:
        raise MediaError(f"no photos or films in {folder}; looked for {', '.join(sorted(suffixes))}")
    return [str(path) for path in sources]


def check_target(sources: Sequence[str], target: Path | None) -> None:
    """Make the folder several results go into; raises `SettingsError` where the target is a file."""
    if target is None or (len(sources) == 1 and not str(target).endswith("/")):
        return
    if target.is_file() or (target.suffix and not target.is_dir()):
        raise SettingsError(f"{len(sources)} inputs need a folder to go to, but {target} is a file name")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"cannot make the folder {target}: {error.strerror}") from error


def each(
    sources: Sequence[str], job: Callable[[str], Result], *, tell: Callable[[Result], None], fail: Callable[[str], None]
) -> bool:
    """Run `job` for every source; one that fails is told and the others go on. Returns whether all were done."""
    all_done = True
    for source in sources:
        try:
            tell(job(source))
        except VergenceError as error:
            if len(sources) == 1:
                raise
            fail(str(error))
            all_done = False
    return all_done
