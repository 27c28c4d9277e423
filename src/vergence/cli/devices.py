"""`vergence devices`: what this machine could show live."""

from typing import Annotated

import typer

MOST_SIZES = 6  # of a camera, on its line


def devices(as_json: Annotated[bool, typer.Option("--json", help="For programs, with all sizes.")] = False) -> None:
    """List webcams, monitors and windows by the names `vergence live`, `depth` and `stereo` take them by.

    Where none of a kind is found, it says where it looked.
    """
    import json

    from vergence.media.live import devices as live

    known = live.devices()
    if as_json:
        print(json.dumps(live.as_json(known), indent=2, ensure_ascii=False))
        return
    width = max((len(device.uri) for device in known.found), default=0)
    for device in known.found:
        sizes = [f"{w}x{h}" for w, h in device.sizes]
        more = f" and {len(sizes) - MOST_SIZES} more" if len(sizes) > MOST_SIZES else ""
        print(f"{device.uri:<{width}}  {device.name}  {' '.join(sizes[:MOST_SIZES])}{more}".rstrip())
    for kind, why in known.missing:
        print(f"no {kind}: {why}")
    print("always: test: (a drawn scene); rtsp://... and http://... (streams); films and photos by their path")
