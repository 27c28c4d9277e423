"""`vergence doctor`: what this machine has, and what to do about what it lacks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import typer

ENCODERS = {"libx264": "h264", "libx265": "hevc", "libsvtav1": "av1"}


@dataclass(frozen=True)
class Finding:
    """One line of the report; `mend` says what to do where something is missing."""

    subject: str
    found: str
    is_fine: bool = True
    mend: str = ""


def doctor() -> None:
    """Say what is installed, found and missing, and what to do about it. Exit code 1 if something needed is missing."""
    findings = [finding for check in CHECKS for finding in check()]
    width = max(len(f.subject) for f in findings)
    for f in findings:
        mend = f"  ->  {f.mend}" if f.mend else ""
        print(f"{'ok  ' if f.is_fine else 'MISS'}  {f.subject:<{width}}  {f.found}{mend}")
    if not all(f.is_fine for f in findings):
        raise typer.Exit(1)


def _machine() -> Iterator[Finding]:
    import platform

    import vergence
    from vergence.geometry.rows import CORES

    yield Finding("vergence", vergence.__version__)
    yield Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield Finding("cores", str(CORES))


def _runtimes() -> Iterator[Finding]:
    from importlib.metadata import version
    from importlib.util import find_spec

    import onnxruntime

    providers = onnxruntime.get_available_providers()
    has_cuda = "CUDAExecutionProvider" in providers
    yield Finding(
        "onnxruntime",
        f"{onnxruntime.__version__} ({', '.join(p.removesuffix('ExecutionProvider') for p in providers)})",
    )
    yield Finding(
        "CUDA",
        "usable" if has_cuda else "not usable",
        mend="" if has_cuda else "with an NVIDIA GPU: pip uninstall onnxruntime; pip install onnxruntime-gpu",
    )
    if find_spec("openvino"):
        yield Finding("OpenVINO", version("openvino"))
    else:
        yield Finding("OpenVINO", "not installed", mend="faster on a CPU: pip install 'vergence[openvino]'")


def _formats() -> Iterator[Finding]:
    from importlib.util import find_spec

    import av

    for encoder, codec in ENCODERS.items():
        has = encoder in av.codecs_available
        yield Finding(
            f"{codec} encoder", encoder if has else "missing", has, "" if has else "pip install --force-reinstall av"
        )
    has_heif = find_spec("pillow_heif") is not None
    yield Finding(
        "HEIC photos",
        "readable" if has_heif else "not readable",
        mend="" if has_heif else "pip install 'vergence[formats]'",
    )


def _models() -> Iterator[Finding]:
    from vergence.depth import weights
    from vergence.depth.cards import CARDS

    for card in CARDS.values():
        path = weights.find(card)
        mend = "" if path else f"vergence models pull {card.name}"
        yield Finding(f"model {card.name}", str(path) if path else "not on this machine", mend=mend)


def _live() -> Iterator[Finding]:
    import sys
    from importlib.util import find_spec

    import cv2

    extra = "pip install 'vergence[live]'"
    has_windows = bool(getattr(cv2, "currentUIFramework", str)())
    yield Finding(
        "live --window",
        "possible" if has_windows else "not possible: OpenCV without windows",
        mend="" if has_windows else "pip uninstall opencv-python-headless; pip install opencv-python",
    )
    for subject, module in (("live window:", "Xlib"), ("virtual camera", "pyvirtualcam")):
        if module == "Xlib" and sys.platform != "linux":
            continue
        has = find_spec(module) is not None
        yield Finding(subject, "installed" if has else "not installed", mend="" if has else extra)


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (_machine, _runtimes, _formats, _live, _models)
