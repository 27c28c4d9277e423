"""The door to spatial films and photos."""

from pathlib import Path

from vergence.media.open import Sink
from vergence.media.spatial.metadata import SpatialSettings
from vergence.media.video_writer import EncodeSettings
from vergence.types import MediaInfo, StereoPair


def open_spatial(
    path: Path,
    *,
    like: MediaInfo,
    settings: EncodeSettings | None = None,
    spatial: SpatialSettings | None = None,
    overwrite: bool = False,
) -> Sink[StereoPair]:
    """Open a spatial film (.mov, .mp4) or photo (.heic) for pairs, as `like` is the one or the other.

    Args:
        path: where the result shall lie.
        like: the source it is made from.
        settings: of a film's codec.
        spatial: what it says of its cameras, and who encodes it.
        overwrite: replace what lies there.

    Raises:
        FormatError: another suffix, or the extra [formats] is missing.
        SettingsError: another codec than hevc, or the external tool is missing.
        TargetError: see `Target`.
    """
    spatial = spatial or SpatialSettings()
    if spatial.encoder == "spatial":
        from vergence.media.spatial.tool import SpatialToolSink

        return SpatialToolSink(path, like=like, camera=spatial.camera, overwrite=overwrite)
    if like.is_film:
        from vergence.media.spatial.video import SpatialVideoSink

        return SpatialVideoSink(path, like=like, settings=settings, camera=spatial.camera, overwrite=overwrite)
    from vergence.media.spatial.heic import SpatialPhotoSink

    return SpatialPhotoSink(path, like=like, camera=spatial.camera, overwrite=overwrite)
