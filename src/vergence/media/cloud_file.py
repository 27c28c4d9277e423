"""Points and meshes into files; the suffix chooses the format."""

from pathlib import Path

from vergence.errors import FormatError
from vergence.media.formats import written_suffixes
from vergence.media.frames import FileOrFolder
from vergence.media.ply import write_ply
from vergence.media.scene.glb import write_glb
from vergence.media.scene.scene import Scene
from vergence.types import MediaInfo, PointCloud


def write_cloud(path: str | Path, scene: Scene, *, overwrite: bool = False) -> None:
    """Write the points of a scene and, where it has them, its triangles; GLB shows its cameras too.

    Raises:
        FormatError: no points can be written under this suffix.
        TargetError: see `Target`.
    """
    path = Path(path)
    check_cloud_name(path)
    if path.suffix.lower() == ".glb":
        write_glb(path, scene, overwrite=overwrite)
    else:
        write_ply(path, scene.cloud or PointCloud.empty(), triangles=scene.triangles, overwrite=overwrite)


def check_cloud_name(path: Path) -> None:
    """Raise `FormatError` where no points can be written under this suffix."""
    known = written_suffixes("points")
    if path.suffix.lower() not in known:
        named = f"{path.stem or 'cloud'}{known[0]}"
        raise FormatError(f"cannot write points to {path}; name the result {named} (or {', '.join(known[1:])})")


class CloudSink(FileOrFolder):
    """Clouds into files: `NAME.ply` for a photo, `NAME/000000.ply, ...` for a film, or by a pattern `shot/%04d.glb`.

    Attributes:
        path: the file or folder that is written.

    Raises:
        FormatError: no points can be written under this suffix.
        TargetError: see `Target`.
    """

    def __init__(self, path: str | Path, *, like: MediaInfo, overwrite: bool = False) -> None:
        path = Path(path)
        check_cloud_name(path)
        super().__init__(path, suffix=path.suffix, is_film=like.is_film, overwrite=overwrite)

    def write(self, scene: Scene) -> None:
        """Write the next one."""
        path = self.path if self._folder is None else self._folder.next()
        write_cloud(path, scene, overwrite=self._overwrite)
