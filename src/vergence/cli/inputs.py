"""What a command line names: each photo and film of it, and where its result goes."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from vergence.cli.options import is_folder
from vergence.errors import MediaError, SettingsError, TargetError, VergenceError
from vergence.media.formats import is_pattern, read_suffixes
from vergence.media.frames import is_frames_folder
from vergence.media.live import is_live
from vergence.media.open import open_source
from vergence.pipelines.job import Result
from vergence.stereo.layout import LAYOUTS
from vergence.types import MediaInfo

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


def target_for(
    sources: Sequence[str], target: str | None, named: Callable[[MediaInfo, Path | None], Path]
) -> Path | None:
    """The target as a path; where it is a folder, as that of several results has to be, that is made.

    Args:
        sources: what `expand` gave.
        target: as it was written.
        named: gives a source's result, given the target.

    Raises:
        SettingsError: several results would go to one file, or two of them to the same.
        TargetError: the folder cannot be made.
    """
    path = None if target is None else Path(target)
    if target is not None and path is not None and (len(sources) > 1 or is_folder(target)):
        if len(sources) > 1 and (path.is_file() or (path.suffix and not path.is_dir() and not is_folder(target))):
            raise SettingsError(f"{len(sources)} inputs need a folder to go to, but {target} is a file name")
        make_folder(path)
    check_apart(sources, lambda info: named(info, path))
    return path


def make_folder(path: Path) -> None:
    """Make a folder, unless it is there; raises `TargetError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"cannot make the folder {path}: {error.strerror}") from error


def check_apart(sources: Sequence[str], named: Callable[[MediaInfo], Path]) -> None:
    """Raise `SettingsError` where two sources would become one file; only those of one stem are looked at."""
    of_stem: dict[str, list[str]] = defaultdict(list)
    for source in sources:
        if not is_live(source):
            of_stem[Path(source).stem].append(source)
    for alike in of_stem.values():
        taken: dict[Path, str] = {}
        for source in alike if len(alike) > 1 else ():
            result = _result_of(source, named)
            if result in taken:
                raise SettingsError(
                    f"{taken[result]} and {source} would both become {result}; rename one, or convert them apart"
                )
            if result is not None:
                taken[result] = source


def _result_of(source: str, named: Callable[[MediaInfo], Path]) -> Path | None:
    """None where something is wrong with the source, which is told in its turn."""
    try:
        with open_source(source) as media:
            return named(media.info)
    except VergenceError:
        return None


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
