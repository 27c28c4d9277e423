"""The one door to files of cameras, in and out, and which of them took which picture."""

import logging
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path, PurePosixPath

from vergence.errors import FormatError, MediaError
from vergence.media.scene.camera_list import read_camera_list, write_camera_list
from vergence.media.scene.colmap import read_colmap, write_colmap
from vergence.media.scene.npz import read_npz, write_npz
from vergence.media.scene.scene import Scene, View, read_json
from vergence.media.scene.transforms import read_transforms, write_transforms
from vergence.media.scene.tum import Moment, write_tum

logger = logging.getLogger(__name__)

TRANSFORMS = "transforms.json"
TUM = (".tum", ".txt")
COLMAP_NAMES = {"cameras.txt": True, "cameras.bin": False}  # whether that is text
WRITTEN = f"a folder for COLMAP, {TRANSFORMS}, .json, .npz or .tum"
ALIKE = 0.02  # by which share the shapes of a picture and of its camera's may differ: rounding of a small copy
TOLD = 5  # names in a message


def read_cameras(path: str | Path) -> Scene:
    """Read cameras, and points where there are some.

    `path` is a folder with a model of COLMAP (text or binary) or a transforms.json, or such a file, or a .json or .npz
    of our own.

    Raises:
        MediaError: nothing lies there, or it is damaged.
        FormatError: it holds no cameras.
    """
    path = Path(path)
    if path.name in COLMAP_NAMES:
        path = path.parent
    if path.is_dir():
        if (path / TRANSFORMS).is_file():
            return Scene(read_transforms(path / TRANSFORMS))
        return read_colmap(path)
    if not path.exists():
        raise MediaError(f"there is no file {path}")
    match path.suffix.lower():
        case ".json":
            root = read_json(path)
            is_ours = isinstance(root, dict) and "cameras" in root
            scene = Scene(read_camera_list(path) if is_ours else read_transforms(path))
        case ".npz":
            scene = read_npz(path)
        case _:
            raise FormatError(f"{path} holds no cameras with their lenses; give a COLMAP folder, a .json or an .npz")
    if not scene.views:
        raise FormatError(f"{path} has no camera; give one with the cameras of your pictures")
    return scene


def write_cameras(path: str | Path, scene: Scene, times: Sequence[Fraction], *, overwrite: bool = False) -> Path:
    """Write the cameras of a scene; COLMAP's with its points. Returns where they lie.

    Args:
        path: `transforms.json` for nerfstudio's way (so any name that ends with it), another .json for
            `media.scene.camera_list`, .npz for the whole scene, .tum or .txt for a trajectory without lenses; any name
            without one of those suffixes is the folder of a COLMAP model, binary, or as text where the path goes on
            with `/cameras.txt`.
        scene: its views.
        times: of each view, seconds; a trajectory needs them.
        overwrite: replace what lies there.

    Raises:
        FormatError: the format is unknown, or cannot hold the scene.
        TargetError: see `Target`.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if path.name in COLMAP_NAMES:
        write_colmap(path.parent, scene, text=COLMAP_NAMES[path.name], overwrite=overwrite)
        return path.parent
    if suffix == ".json":
        write = write_transforms if path.name.endswith(TRANSFORMS) else write_camera_list
        write(path, scene.views, overwrite=overwrite)
    elif suffix == ".npz":
        write_npz(path, scene, overwrite=overwrite)
    elif suffix in TUM:
        poses = (view.world_from_camera for view in scene.views)
        write_tum(path, map(Moment, times, poses), overwrite=overwrite)
    elif is_colmap(path):
        write_colmap(path, scene, overwrite=overwrite)
    else:
        raise FormatError(f"cannot write cameras to {path}; name {WRITTEN}")
    return path


def check_cameras_name(path: Path) -> None:
    """Raise `FormatError` where `write_cameras` would, for the name's sake."""
    is_known = path.suffix.lower() in (".json", ".npz", *TUM) or path.name in COLMAP_NAMES or is_colmap(path)
    if not is_known:
        raise FormatError(f"cannot write cameras to {path}; name {WRITTEN}")


def is_colmap(path: Path) -> bool:
    """Whether a result of this name is the folder of a COLMAP model: it has no suffix, or is a folder."""
    return path.suffix == "" or path.is_dir()


def cameras_of(pictures: Sequence[str | Path], views: Sequence[View], path: str | Path) -> list[View | None]:
    """Find the camera of each picture by its file's name; None, with a warning that names them, where there is none.

    A camera's name may have other folders before it than the picture's, and no suffix. Where several cameras bear the
    name of one picture, that with most of its folders is taken.

    Args:
        pictures: files.
        views: cameras, by the names in their own file.
        path: of that file, for messages.

    Raises:
        MediaError: no picture has a camera, or two cameras fit one equally well.
    """
    found = [_camera_of(Path(picture), views, path) for picture in pictures]
    missing = [Path(picture).name for picture, view in zip(pictures, found, strict=True) if view is None]
    if len(missing) == len(found):
        theirs = _told([PurePosixPath(view.name).name for view in views])
        raise MediaError(f"{path} has no camera of {_told(missing)}; its cameras are of {theirs}")
    if missing:
        logger.warning("%s has no camera of %s, left out", path, _told(missing))
    return found


def fitted(view: View, width: int, height: int) -> View:
    """A view whose picture is now of another size; raises `MediaError` where it is of another shape."""
    lens = view.intrinsics
    if abs(width * lens.height / (height * lens.width) - 1) > ALIKE:
        raise MediaError(
            f"the picture {view.name} is {width}x{height}, but its camera's {lens.width}x{lens.height}; "
            "give the picture that the camera was found for"
        )
    return View(view.name, lens.resized(width, height), view.world_from_camera, view.depth)


def _camera_of(picture: Path, views: Sequence[View], path: str | Path) -> View | None:
    parts = picture.absolute().parts
    scored = [(_alike(parts, PurePosixPath(view.name.replace("\\", "/")).parts), view) for view in views]
    most = max((score for score, _ in scored), default=0)
    best = [view for score, view in scored if score == most]
    if not most:
        return None
    if len(best) > 1:
        names = " and ".join(view.name for view in best[:2])
        raise MediaError(f"{path} has several cameras that may be of {picture}: {names}; name one of them otherwise")
    return best[0]


def _alike(picture: tuple[str, ...], camera: tuple[str, ...]) -> float:
    """How many parts two paths end with alike, of files at least the name: a half where only the suffix lacks."""
    if not camera:
        return 0
    if picture[-1] == camera[-1]:
        score = 1.0
    elif "." not in camera[-1] and Path(picture[-1]).stem == camera[-1]:
        score = 0.5
    else:
        return 0
    for mine, theirs in zip(picture[-2::-1], camera[-2::-1], strict=False):
        if mine != theirs:
            break
        score += 1
    return score


def _told(names: Sequence[str]) -> str:
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return ", ".join(names[:TOLD]) + more
