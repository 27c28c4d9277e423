"""Any photo or film to steady depth and comfortable stereo 3-D.

    import vergence

    vergence.process_photo("room.jpg", "room_sbs.jpg")
    vergence.process_video("holiday.mp4", "holiday_sbs.mp4", progress=print)

or part by part: `open_source`, `load_model`, `stabilise`, `synthesise`, `open_sink`. Names are imported when first
used, so that `import vergence` loads neither a codec nor a network.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from vergence.depth.model import DepthModel, load_model
    from vergence.errors import VergenceError
    from vergence.geometry.project import unproject
    from vergence.media.camera import CameraSettings
    from vergence.media.depth_file import DepthSink, DepthSource, read_depth, write_depth
    from vergence.media.open import Sink, Source, open_sink, open_source
    from vergence.media.ply import read_ply, write_ply
    from vergence.media.video_writer import EncodeSettings
    from vergence.pipelines.cloud import process_cloud, process_fused_cloud
    from vergence.pipelines.depth import process_depth
    from vergence.pipelines.job import GivenDepth, Part, Progress, Result
    from vergence.pipelines.points import CloudSettings
    from vergence.pipelines.posed import WorldSettings
    from vergence.pipelines.render import process_render
    from vergence.pipelines.splats import process_splats
    from vergence.pipelines.stereo import process_photo, process_video
    from vergence.pipelines.world import process_world_cloud, process_world_splats
    from vergence.stability.shots import mark_shots
    from vergence.stability.stabilise import StabiliseSettings, stabilise
    from vergence.stereo.layout import LAYOUTS
    from vergence.stereo.settings import StereoSettings
    from vergence.stereo.synthesise import synthesise
    from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics, MediaInfo, PointCloud, StereoPair

_HOMES = {
    "vergence.depth.model": ("DepthModel", "load_model"),
    "vergence.errors": ("VergenceError",),
    "vergence.geometry.project": ("unproject",),
    "vergence.media.camera": ("CameraSettings",),
    "vergence.media.depth_file": ("DepthSink", "DepthSource", "read_depth", "write_depth"),
    "vergence.media.open": ("Sink", "Source", "open_sink", "open_source"),
    "vergence.media.ply": ("read_ply", "write_ply"),
    "vergence.media.video_writer": ("EncodeSettings",),
    "vergence.pipelines.cloud": ("process_cloud", "process_fused_cloud"),
    "vergence.pipelines.depth": ("process_depth",),
    "vergence.pipelines.job": ("GivenDepth", "Part", "Progress", "Result"),
    "vergence.pipelines.points": ("CloudSettings",),
    "vergence.pipelines.posed": ("WorldSettings",),
    "vergence.pipelines.render": ("process_render",),
    "vergence.pipelines.splats": ("process_splats",),
    "vergence.pipelines.stereo": ("process_photo", "process_video"),
    "vergence.pipelines.world": ("process_world_cloud", "process_world_splats"),
    "vergence.stability.shots": ("mark_shots",),
    "vergence.stability.stabilise": ("StabiliseSettings", "stabilise"),
    "vergence.stereo.settings": ("StereoSettings",),
    "vergence.stereo.layout": ("LAYOUTS",),
    "vergence.stereo.synthesise": ("synthesise",),
    "vergence.types": ("DepthFrame", "DepthMap", "Frame", "Intrinsics", "MediaInfo", "PointCloud", "StereoPair"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "LAYOUTS",
    "CameraSettings",
    "CloudSettings",
    "DepthFrame",
    "DepthMap",
    "DepthModel",
    "DepthSink",
    "DepthSource",
    "EncodeSettings",
    "Frame",
    "GivenDepth",
    "Intrinsics",
    "MediaInfo",
    "Part",
    "PointCloud",
    "Progress",
    "Result",
    "Sink",
    "Source",
    "StabiliseSettings",
    "StereoPair",
    "StereoSettings",
    "VergenceError",
    "WorldSettings",
    "__version__",
    "load_model",
    "mark_shots",
    "open_sink",
    "open_source",
    "process_cloud",
    "process_depth",
    "process_fused_cloud",
    "process_photo",
    "process_render",
    "process_splats",
    "process_video",
    "process_world_cloud",
    "process_world_splats",
    "read_depth",
    "read_ply",
    "stabilise",
    "synthesise",
    "unproject",
    "write_depth",
    "write_ply",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("vergence")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'vergence' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
