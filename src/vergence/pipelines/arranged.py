"""Between pairs and the file: which layout suits which source, where it goes, and the eyes as it arranges them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from vergence.errors import FormatError, SettingsError
from vergence.media.formats import written_suffixes
from vergence.media.open import Source
from vergence.media.sampling import Shrunk
from vergence.media.separate import separate_paths
from vergence.media.video_writer import EncodeSettings
from vergence.pipelines.job import check_not_its_own, result_path
from vergence.stereo.layout import LAYOUTS, Layout, LayoutSettings
from vergence.stereo.parallax import Sway, swaying
from vergence.stereo.settings import StereoSettings
from vergence.types import Frame, MediaInfo, StereoPair

PARALLAX = "parallax-mp4"  # the layout that makes a film of a photo
LARGEST_PARALLAX = 1920  # px of the longer side: a film for screens and phones
FILM_EYE = 2880  # px of a half sphere in films: the 5760x2880 that headsets decode, in H.264 too


def target_of(
    info: MediaInfo, target: str | Path | None, layout: Layout, tag: str, *, encode: EncodeSettings | None = None
) -> Path:
    """Where a source's result in this layout goes, as `result_path` says.

    Raises:
        SettingsError: the layout is for photos and the source is a film.
        FormatError: the suffix asked for belongs to another layout, or the layout's own is another.
        TargetError: the result would replace its source.
    """
    if info.is_film and layout.for_films is not None:
        raise SettingsError(
            f"--layout {layout.name} is made of a photo, and {info.path or 'the source'} is a film; "
            f"take --layout {layout.for_films}"
        )
    path = result_path(info, target, tag, encode=encode, photo_suffix=layout.suffix, film_suffix=layout.film_suffix)
    own = None if layout.packer is not None else (layout.film_suffix if info.is_film else None) or layout.suffix
    suffix = path.suffix.lower()
    if own is not None and suffix != own and suffix not in _also(own):
        raise FormatError(f"--layout {layout.name} is written as {own}; name the result {path.stem}{own}")
    holds_pairs = next((row.name for row in LAYOUTS.values() if row.suffix == suffix), None)
    if own is None and suffix in written_suffixes("pair") and holds_pairs is not None:
        raise FormatError(
            f"{path.name} would hold two views, which --layout {layout.name} does not; take --layout {holds_pairs}"
        )
    for written in separate_paths(path) if layout.name == "separate" else (path,):
        check_not_its_own(written, info)
    return path


def _also(own: str) -> tuple[str, ...]:
    """Suffixes a layout is written under besides its own: one film is as good as another."""
    return written_suffixes("film") if own in written_suffixes("film") else ()


def with_layouts_convergence(settings: StereoSettings, layout: Layout) -> StereoSettings:
    """`settings` with what "auto" means for the convergence in this layout."""
    if layout.convergence is None or settings.convergence != "auto":
        return settings
    return replace(settings, convergence=layout.convergence)


def arranged(pairs: Iterable[StereoPair], layout: Layout, info: MediaInfo) -> Iterator[Frame]:
    """Each pair as one picture; the layout has a packer."""
    assert layout.packer is not None
    usual = LayoutSettings(colour=info.colour)
    pack = layout.packer(replace(usual, largest_eye=FILM_EYE) if info.is_film else usual)
    for pair in pairs:
        yield replace(pair.frame, rgb=pack(pair))


def fitting(media: Source, layout: Layout) -> Source:
    """`media`, its pictures no larger than the layout makes use of."""
    is_large = max(media.info.width, media.info.height) > LARGEST_PARALLAX
    return Shrunk(media, LARGEST_PARALLAX) if layout.name == PARALLAX and is_large else media


def parallax_info(info: MediaInfo, sway: Sway) -> MediaInfo:
    """What is known of the film that a photo becomes."""
    return MediaInfo(
        path=None,
        is_film=True,
        width=info.width,
        height=info.height,
        frames=sway.frames,
        rate=sway.rate,
        time_base=1 / sway.rate,
    )


def swayed(pairs: Iterable[StereoPair], sway: Sway, settings: StereoSettings) -> Iterator[Frame]:
    """The photo's film, as `stereo.parallax` makes it."""
    for pair in pairs:
        yield from swaying(pair, sway, method=settings.method)
