"""A capture of higher quality: the picture now shown, by a bigger model, while the stream goes on.

One at a time, in a thread of its own. The viewer gets the depth in 16 bits at the picture's own size, and an archive of
files: the picture, its depth, and where the depth is one that points can be made of, a cloud, a mesh and splats.
"""

import itertools
import logging
import threading
import zipfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from vergence.depth.model import DepthModel
from vergence.errors import VergenceError
from vergence.media.camera import CameraSettings
from vergence.media.cloud_file import write_cloud
from vergence.media.depth_file import write_depth
from vergence.media.image import save_picture
from vergence.media.splats.open import write_gaussians
from vergence.pipelines.points import CloudSettings, scenes
from vergence.pipelines.splats import SplatSettings, lift_picture
from vergence.server.adaptation import Quality
from vergence.server.pack import Header, Spans, lens_of, rgbd_packet
from vergence.server.protocol import Flag
from vergence.server.shown import Arrival
from vergence.types import DepthFrame, Intrinsics

logger = logging.getLogger(__name__)

FINE = Quality(bits=16, jpeg=92, side=1920)
KEPT = 20  # archives, of which the oldest goes first
JPEG = 95  # quality of the picture in the archive
THREAD_NAME = "vergence-capture"


@dataclass(frozen=True)
class Step:
    """How far a capture is.

    Attributes:
        state, progress, message: as `capture` of docs/protocol.md has them.
        archive: its name, once it is done.
        packet: sequence and bytes, once there is one.
    """

    state: Literal["working", "done", "failed"]
    progress: float
    message: str
    archive: str | None = None
    packet: tuple[int, bytes] | None = None


class Capturer:
    """Makes captures.

    Args:
        load: gives the model, which is kept once it was needed.
        next_sequence: numbers packets.
    """

    def __init__(self, load: Callable[[], DepthModel], next_sequence: Callable[[], int]) -> None:
        self._load, self._next_sequence = load, next_sequence
        self._model: DepthModel | None = None
        self._busy = threading.Lock()
        self._numbers = itertools.count(1)
        self._folder = TemporaryDirectory(prefix="vergence-captures-")
        self._archives: deque[Path] = deque()

    def start(
        self, arrival: Arrival, camera: CameraSettings | None, tell: Callable[[Step], None], *, was_sent: bool = False
    ) -> bool:
        """Begin a capture; False where one is being made.

        Args:
            arrival: the picture.
            camera: what is known of its camera.
            tell: called by the capture's thread, last with done or failed.
            was_sent: the picture is only what viewers were sent, often a smaller one, which is told.
        """
        if not self._busy.acquire(blocking=False):
            return False
        threading.Thread(
            target=self._run, args=(arrival, camera, tell, was_sent), name=THREAD_NAME, daemon=True
        ).start()
        return True

    def archive(self, name: str) -> Path | None:
        """Where an archive of this name lies."""
        return next((path for path in list(self._archives) if path.name == name), None)

    def close(self) -> None:
        """Throw the archives away."""
        self._folder.cleanup()

    def _run(
        self, arrival: Arrival, camera: CameraSettings | None, tell: Callable[[Step], None], was_sent: bool
    ) -> None:
        try:
            tell(Step("working", 0.0, "loading the model"))
            self._model = self._model or self._load()
            frame = arrival.frame()
            tell(Step("working", 0.3, f"depth by {self._model.card.name}"))
            item = next(iter(self._model.estimate([frame])))
            known = None if camera is None else camera.of(frame.width, frame.height)
            sequence = self._next_sequence()
            header = Header(
                arrival.source, sequence, arrival.time_us, is_still=True, flags=Flag.HIGH_QUALITY | Flag.LAST_OF_CAPTURE
            )
            packet = rgbd_packet(item, Spans()(item), FINE, header, camera=known)
            tell(Step("working", 0.7, "writing files", packet=(sequence, packet)))
            path = self._archived(item, lens_of(item, known, frame.width, frame.height))
            whence = f" from the {frame.width} x {frame.height} px that were sent" if was_sent else ""
            tell(Step("done", 1.0, f"by {self._model.card.name}{whence}", archive=path.name))
        except VergenceError as error:
            tell(Step("failed", 0.0, str(error)))
        except Exception as error:
            logger.exception("a capture failed")
            tell(Step("failed", 0.0, f"{type(error).__name__}: {error}"))
        finally:
            self._busy.release()

    def _archived(self, item: DepthFrame, lens: Intrinsics) -> Path:
        name = f"capture-{next(self._numbers):03d}"
        path = Path(self._folder.name) / f"{name}.zip"
        with TemporaryDirectory(dir=self._folder.name) as work:
            folder = Path(work)
            write_files(item, lens, folder)
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                for file in sorted(folder.iterdir()):
                    archive.write(file, f"{name}/{file.name}")
        self._archives.append(path)
        while len(self._archives) > KEPT:
            self._archives.popleft().unlink(missing_ok=True)
        return path


def write_files(item: DepthFrame, lens: Intrinsics, folder: Path) -> None:
    """Write the files of a capture; `lens` is of the whole picture. Relative depth gives neither points nor splats."""
    frame = item.frame
    save_picture(folder / "picture.jpg", frame, quality=JPEG)
    for name in ("depth.npz", "depth.png"):
        write_depth(folder / name, item.depth, width=frame.width, height=frame.height)
    if item.depth.kind not in ("metric", "scale_invariant"):
        return
    for name, settings in (("points.ply", CloudSettings()), ("mesh.glb", CloudSettings(mesh=True))):
        for scene in scenes([(item, lens)], settings):
            write_cloud(folder / name, scene)
    write_gaussians(lift_picture(item, lens, SplatSettings()), folder / "splats.spz")
