"""Never half a file: a result lies under its name only when it is whole.

It is written beside its target under a temporary name, renamed when done and removed on any failure, so a full disk,
a damaged source or Ctrl-C leave what was there before.
"""

import errno
import logging
import os
import platform
import re
import shutil
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

from vergence.errors import TargetError

logger = logging.getLogger(__name__)

FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
STEM_CHARACTERS = 40  # of the target's own name in the temporary one, which must stay under 255 bytes
MB = 1_000_000
MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"  # others may write to the same folder
TEMPORARY = re.compile(rf"\..*\.{MACHINE}-([0-9]+)-[0-9a-f]+\.part(\.[^.]*)?")  # its group: the process
NUMBERED = re.compile(r"[0-9]+(\.[^.]*)?")  # names of files in a folder of ours


class Target:
    """A file, or a folder of numbered files, that appears under its name only when it is whole.

    A context manager: write to `temporary` inside the block. It has the target's suffix and folder, and exists already
    (an empty file or folder). What processes of this machine that were killed have left of the same target goes first.

    Args:
        path: where the result shall lie.
        overwrite: replace what lies there. Of a folder only one that holds nothing but numbered files is replaced.
        needed_bytes: rough size of the result; refused at once where the disk has less.
        is_folder: the result is a folder.
        also_ours: names of files in it that are ours too, besides numbers.
        keeps_leftovers: what killed processes have left of it stays: it is good for something.

    Raises:
        TargetError: when made: the folder around it is missing, something is in the way, or the disk has too little
            room. On entering: no right to write there. On leaving: the disk ran full inside the block.
    """

    def __init__(
        self,
        path: Path,
        *,
        overwrite: bool,
        needed_bytes: int | None = None,
        is_folder: bool = False,
        also_ours: re.Pattern[str] = NUMBERED,
        keeps_leftovers: bool = False,
    ) -> None:
        if is_folder and path.resolve() == Path.cwd():  # replaced, it would take the ground from under the shell
            raise TargetError("numbered files need a folder of their own, not the one you are in; name one before them")
        self.path = path
        self._overwrite = overwrite
        self._is_folder = is_folder
        self._also_ours = also_ours
        self._keeps_leftovers = keeps_leftovers
        # The process and the object make it unique; the hidden name keeps it out of people's way.
        self._stem = f".{path.stem[:STEM_CHARACTERS]}.{MACHINE}-"
        self.temporary = path.with_name(f"{self._stem}{os.getpid()}-{id(self):x}.part{path.suffix}")
        self._check_way()
        if needed_bytes is not None and (free := shutil.disk_usage(path.parent).free) < needed_bytes:
            raise TargetError(
                f"{path} needs about {needed_bytes // MB} MB, but its disk has {free // MB} MB free; "
                "make room or write to another disk"
            )

    def __enter__(self) -> Self:
        if not self._keeps_leftovers:
            self._sweep()
        try:
            self.temporary.mkdir() if self._is_folder else self.temporary.touch(exist_ok=False)
        except OSError as error:
            raise self._translated(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._remove(self.temporary)
            if _says_full(error):
                raise self._translated(error) from error
            return
        try:
            self._check_way()
            self._commit()
        except OSError as failure:
            self._remove(self.temporary)
            raise self._translated(failure) from failure
        except BaseException:
            self._remove(self.temporary)
            raise

    def _sweep(self) -> None:
        """Remove what processes that were killed have left of this target; within a temporary folder nothing can be."""
        folder = self.path.parent
        try:
            names = [] if TEMPORARY.fullmatch(folder.name) else os.listdir(folder)
        except OSError:  # one may write there and not look
            names = []
        for name in names:
            found = TEMPORARY.fullmatch(name) if name.startswith(self._stem) else None
            item = folder / name
            if (
                found
                and item.suffix == self.temporary.suffix
                and item.is_dir() == self._is_folder
                and not _is_running(int(found[1]))
            ):
                self._remove(item)

    def _check_way(self) -> None:
        path, kind = self.path, "folder" if self._is_folder else "file"
        if not path.parent.is_dir():
            raise TargetError(f"cannot write {path}: there is no folder {path.parent}; make it first")
        if not os.path.lexists(path):
            return
        if path.exists() and not (path.is_dir() if self._is_folder else path.is_file()):
            raise TargetError(f"cannot write {path}: what lies there is not a {kind}; choose another name")
        if self._is_folder and (foreign := self._foreign_file()):
            raise TargetError(f"cannot write {path}: it holds {foreign.name}, which is not ours; choose another folder")
        if not self._overwrite and not (self._is_folder and not any(path.iterdir())):
            raise TargetError(f"{path} exists; use --overwrite to replace it")

    def _foreign_file(self) -> Path | None:
        """Something in the folder that is no numbered file, so not ours to delete."""

        def is_ours(item: Path) -> bool:
            return item.is_file() and any(names.fullmatch(item.name) for names in (NUMBERED, self._also_ours))

        return next((item for item in self.path.iterdir() if not is_ours(item)), None)

    def _commit(self) -> None:
        if not (self._is_folder and self.path.exists()):
            os.replace(self.temporary, self.path)
            return
        old = self.temporary.with_suffix(".old")  # a folder cannot be replaced in one step
        os.replace(self.path, old)
        try:
            os.replace(self.temporary, self.path)
        except BaseException:
            os.replace(old, self.path)
            raise
        self._remove(old)

    def _remove(self, path: Path) -> None:
        try:
            shutil.rmtree(path) if self._is_folder else path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s is left over and could not be removed: %s", path, error)

    def _translated(self, error: BaseException) -> TargetError:
        if _says_full(error):
            return TargetError(f"the disk of {self.path} is full; make room or write to another disk")
        return TargetError(f"cannot write {self.path}: {getattr(error, 'strerror', None) or error}")


def _is_running(process: int) -> bool:
    """Whether there is such a process; always on Windows, where asking would end it."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _says_full(error: BaseException | None) -> bool:
    """Whether the disk ran full, at the root of `error`; FFmpeg's errors carry `errno` without being an OSError."""
    while error is not None:
        if getattr(error, "errno", None) in FULL:
            return True
        error = error.__cause__
    return False
