"""The frame that is shown as files on the server's machine: the picture as JPEG, its depth as 16-bit PNG."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vergence.errors import VergenceError
from vergence.media.depth_file import write_depth
from vergence.media.image import save_picture
from vergence.media.targets import Target
from vergence.pipelines.recorded import named_by_time
from vergence.types import DepthFrame

logger = logging.getLogger(__name__)

JPEG = 95
THREAD_NAME = "vergence-snapshot"


@dataclass(frozen=True)
class Saved:
    """What became of a snapshot: names of files in `folder`, or why there are none."""

    files: tuple[str, ...]
    folder: Path
    message: str = ""


class Snapshots:
    """Saves frames to a folder, one at a time, in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._busy = threading.Lock()

    def save(self, item: Callable[[], DepthFrame], tell: Callable[[Saved], None]) -> bool:
        """Begin to save a frame; False where one is being saved. `tell` is called by the thread, once."""
        if not self._busy.acquire(blocking=False):
            return False
        threading.Thread(target=self._run, args=(item, tell), name=THREAD_NAME).start()
        return True

    def _run(self, item: Callable[[], DepthFrame], tell: Callable[[Saved], None]) -> None:
        try:
            saved = Saved(write_snapshot(item(), self.folder), self.folder)
            logger.info("saved %s in %s", " and ".join(saved.files), self.folder)
        except VergenceError as error:
            saved = Saved((), self.folder, str(error))
        except Exception as error:
            logger.exception("a snapshot failed")
            saved = Saved((), self.folder, f"{type(error).__name__}: {error}")
        finally:
            self._busy.release()
        tell(saved)


def write_snapshot(item: DepthFrame, folder: Path) -> tuple[str, str]:
    """Write a frame's picture and depth; returns their names. Raises `TargetError` where they cannot be written."""
    picture = named_by_time(folder, ".jpg")
    depth = picture.with_name(f"{picture.stem}_depth.png")
    with Target(picture, overwrite=False) as target:
        save_picture(target.temporary, item.frame, quality=JPEG)
    write_depth(depth, item.depth, width=item.frame.width, height=item.frame.height)
    return picture.name, depth.name
