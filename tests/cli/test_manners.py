"""Help, version, doctor, demo: what a newcomer types first."""

import os
import subprocess
import sys

import pytest

VERGENCE = [sys.executable, "-c", "from vergence.cli.main import main; main()"]


def vergence(*arguments, **more):
    return subprocess.run([*VERGENCE, *arguments], capture_output=True, text=True, timeout=300, check=False, **more)


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("stereo",),
        ("depth",),
        ("cloud",),
        ("models",),
        ("synth",),
        ("eval",),
        ("eval", "depth"),
        ("train",),
        ("doctor",),
        ("devices",),
        ("demo",),
    ],
    ids=" ".join,
)
def test_every_command_explains_itself(command):
    done = vergence(*command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout
    assert done.stderr == ""


def test_the_version_is_the_packages():
    from importlib.metadata import version

    assert vergence("--version").stdout.strip() == version("vergence")


def test_no_colour_codes_without_a_terminal():
    done = vergence("models", "list", env={**os.environ, "NO_COLOR": "1"})
    assert "\x1b" not in done.stdout + done.stderr


def test_doctor_names_what_is_there_and_what_to_do():
    done = vergence("doctor")
    assert done.returncode == 0, done.stderr
    for subject in ("Python", "cores", "onnxruntime", "CUDA", "h264 encoder", "model preview"):
        assert subject in done.stdout
    assert "vergence models pull depth-anything-v2-small" in done.stdout


@pytest.mark.slow
def test_the_demo_makes_what_it_says(tmp_path):
    done = vergence("demo", "-o", str(tmp_path / "out"), "--offline")
    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == [
        "dinosaur_anaglyph.jpg",
        "dinosaur_depth.png",
        "dinosaur_sbs.jpg",
        "stream_anaglyph.mp4",
        "stream_sbs.mp4",
    ]
    assert "depth by preview" in done.stderr
    assert str(tmp_path / "out") in done.stderr
