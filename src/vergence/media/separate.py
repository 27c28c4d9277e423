"""The two eyes as two files: NAME_left and NAME_right."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vergence.media.formats import is_pattern
from vergence.media.open import Sink, open_sink
from vergence.types import Frame, MediaInfo, StereoPair

if TYPE_CHECKING:
    from vergence.media.video_writer import EncodeSettings

LEFT, RIGHT = "_left", "_right"


class SeparateSink:
    """A sink of pairs that writes each eye as `open_sink` would, sound and all, under names of its own.

    Args:
        path: the name without the eye, or the left one's: `a.mp4` and `a_left.mp4` both give `a_left.mp4` and
            `a_right.mp4`. Of numbered pictures it is their folder that is named so.
        like, settings, overwrite: as `open_sink`.

    Attributes:
        path, right_path: where the two lie in the end.

    Raises:
        VergenceError: as `open_sink`.
    """

    def __init__(
        self, path: Path, *, like: MediaInfo, settings: "EncodeSettings | None" = None, overwrite: bool = False
    ) -> None:
        self._sinks: list[Sink[Frame]] = [
            open_sink(eye, like=like, settings=settings, overwrite=overwrite) for eye in separate_paths(path)
        ]
        self.path, self.right_path = (sink.path for sink in self._sinks)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as entered:
            for sink in self._sinks:
                entered.enter_context(sink)
            self._stack = entered.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def write(self, pair: StereoPair) -> None:
        """Append each eye's view to its file."""
        for sink, view in zip(self._sinks, (pair.left, pair.right), strict=True):
            sink.write(replace(pair.frame, rgb=view))


def separate_paths(path: Path) -> tuple[Path, Path]:
    """Where the left and the right eye of `path` lie."""
    if is_pattern(path):
        left, right = separate_paths(path.parent)
        return left / path.name, right / path.name
    stem = path.stem.removesuffix(LEFT)
    return path.with_name(stem + LEFT + path.suffix), path.with_name(stem + RIGHT + path.suffix)
