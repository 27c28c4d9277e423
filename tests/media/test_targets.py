import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vergence.errors import MediaError, TargetError
from vergence.media.targets import MACHINE, Target


def write_half(target: Target, error: BaseException) -> None:
    target.temporary.write_bytes(b"half")
    raise error


def test_a_file_appears_only_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with Target(path, overwrite=False) as target:
        target.temporary.write_bytes(b"whole")
        assert target.temporary.parent == tmp_path
        assert target.temporary.suffix == ".mp4"
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["film.mp4"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_any_failure_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), Target(tmp_path / "film.mp4", overwrite=False) as target:
        write_half(target, error())
    assert os.listdir(tmp_path) == []


def test_a_failure_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), Target(path, overwrite=True) as target:
        write_half(target, RuntimeError())
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["film.mp4"]


def test_an_existing_file_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"old")
    with pytest.raises(TargetError, match=r"film\.mp4 exists; use --overwrite"):
        Target(path, overwrite=False)
    with Target(path, overwrite=True) as target:
        target.temporary.write_bytes(b"new")
    assert path.read_bytes() == b"new"


def test_a_file_that_appeared_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with pytest.raises(TargetError, match="exists"), Target(path, overwrite=False):
        path.write_bytes(b"somebody else's")
    assert path.read_bytes() == b"somebody else's"
    assert os.listdir(tmp_path) == ["film.mp4"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"there is no folder .*nowhere; make it first"):
        Target(tmp_path / "nowhere" / "film.mp4", overwrite=False)


def test_a_folder_in_the_way_of_a_file_and_the_reverse_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(TargetError, match="not a file"):
        Target(tmp_path / "folder", overwrite=True)
    with pytest.raises(TargetError, match="not a folder"):
        Target(tmp_path / "file", overwrite=True, is_folder=True)


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="needs a device file")
def test_a_device_is_not_replaced() -> None:
    with pytest.raises(TargetError, match="not a file"):
        Target(Path("/dev/null"), overwrite=True)


def test_a_place_without_the_right_to_write_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    with (
        pytest.raises(TargetError, match=r"cannot write .*film\.mp4: Permission denied"),
        Target(tmp_path / "film.mp4", overwrite=False),
    ):
        pass


def test_too_little_room_is_refused_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 5_000_000))
    with pytest.raises(TargetError, match="needs about 6 MB, but its disk has 5 MB free"):
        Target(tmp_path / "film.mp4", overwrite=False, needed_bytes=6_000_000)
    Target(tmp_path / "film.mp4", overwrite=False, needed_bytes=4_000_000)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_disk_that_runs_full_is_said_in_one_line_and_the_part_removed(tmp_path: Path, code: int) -> None:
    with pytest.raises(TargetError, match="is full") as caught, Target(tmp_path / "a.png", overwrite=False) as target:
        write_half(target, OSError(code, "no room"))
    assert isinstance(caught.value.__cause__, OSError)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_found_behind_another_error(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="is full"), Target(tmp_path / "a.png", overwrite=False):
        raise MediaError("cannot encode") from OSError(errno.ENOSPC, "no room")


def test_other_errors_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="odd"), Target(tmp_path / "a.png", overwrite=False):
        raise OSError(errno.EIO, "odd")


def test_a_long_name_does_not_make_too_long_a_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 120 + ".mp4")
    with Target(path, overwrite=False):
        pass
    assert path.exists()


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "frames"
    with Target(path, overwrite=False, is_folder=True) as target:
        (target.temporary / "000000.png").touch()
        assert not path.exists()
    assert os.listdir(path) == ["000000.png"]


def test_an_empty_folder_needs_no_permission_to_be_filled(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    with Target(tmp_path / "frames", overwrite=False, is_folder=True) as target:
        (target.temporary / "000000.png").touch()
    assert os.listdir(tmp_path / "frames") == ["000000.png"]


def test_a_folder_of_numbered_files_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "frames"
    path.mkdir()
    (path / "000007.png").touch()
    with pytest.raises(TargetError, match="use --overwrite"):
        Target(path, overwrite=False, is_folder=True)
    with Target(path, overwrite=True, is_folder=True) as target:
        (target.temporary / "000000.png").touch()
    assert os.listdir(path) == ["000000.png"]
    assert os.listdir(tmp_path) == ["frames"]


def test_a_folder_with_anything_else_in_it_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(TargetError, match=r"holds thesis\.tex, which is not ours"):
        Target(tmp_path, overwrite=True, is_folder=True)


KILLED = """
import os, signal, sys
from pathlib import Path
from vergence.media.targets import Target
for path, is_folder in ((Path(sys.argv[1]), False), (Path(sys.argv[2]), True)):
    target = Target(path, overwrite=True, is_folder=is_folder).__enter__()
    (target.temporary / "000000.png" if is_folder else target.temporary).write_bytes(b"half")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_what_a_killed_process_left_goes_with_the_next_run(tmp_path: Path) -> None:
    film, frames = tmp_path / "film.mp4", tmp_path / "frames"
    done = subprocess.run([sys.executable, "-c", KILLED, film, frames], check=False)
    assert done.returncode == -signal.SIGKILL
    film_part, frames_part = tmp_path.glob(".film.*.part.mp4"), tmp_path.glob(".frames.*.part")
    assert next(film_part).read_bytes() == b"half"
    assert next(frames_part).is_dir()
    with Target(film, overwrite=False, keeps_leftovers=True):
        pass
    assert len(os.listdir(tmp_path)) == 3
    with Target(tmp_path / "other.mp4", overwrite=False), Target(film, overwrite=True):
        assert len(list(tmp_path.glob(".film.*"))) == 1
    with Target(frames, overwrite=False, is_folder=True) as target:
        (target.temporary / "000000.png").touch()
    assert sorted(os.listdir(tmp_path)) == ["film.mp4", "frames", "other.mp4"]


def test_what_another_run_is_writing_stays(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with Target(path, overwrite=True) as first:
        first.temporary.write_bytes(b"first")
        with Target(path, overwrite=True) as second:
            second.temporary.write_bytes(b"second")
            assert first.temporary.read_bytes() == b"first"
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"


def test_names_that_only_look_like_ours_stay(tmp_path: Path) -> None:
    names = [".film.part.mp4", ".film.00000000-999999999-ab.part.mp4", f".film.{MACHINE}-999999999-ab.part.mkv"]
    for name in names:
        (tmp_path / name).touch()
    with Target(tmp_path / "film.mp4", overwrite=False):
        pass
    assert sorted(os.listdir(tmp_path)) == sorted([*names, "film.mp4"])
