"""`vergence demo`: the main job on a photo and a clip that come with the package."""

from pathlib import Path
from typing import Annotated

import typer

from vergence.cli import options as opt


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where the results go.")] = Path(
        "vergence-demo"
    ),
    model: opt.ModelName = "auto",
    offline: opt.Offline = False,
    progress: opt.Progress = "bar",
) -> None:
    """Convert the photo and the clip that come with vergence to stereo, and say where the results lie."""
    from vergence.cli import report
    from vergence.cli.inputs import make_folder
    from vergence.cli.loading import load
    from vergence.pipelines.depth import process_depth
    from vergence.pipelines.stereo import process_photo, process_video

    media = Path(__file__).parent.parent / "demo"
    photo, clip = media / "dinosaur.jpg", media / "stream.mp4"
    make_folder(output)
    estimator = load(model, offline=offline, style=progress)
    for layout in ("sbs", "anaglyph"):
        report.result(process_photo(photo, output, layout=layout, depth=estimator, overwrite=True))
    report.result(process_depth(photo, output, model=estimator, overwrite=True))
    for layout in ("sbs", "anaglyph"):
        with report.progress(progress, clip.name) as show:
            done = process_video(clip, output, layout=layout, depth=estimator, overwrite=True, progress=show)
        report.result(done)
    report.line(f"look at {output.absolute()}: _sbs for headsets and 3-D screens, _anaglyph with red-cyan glasses")
