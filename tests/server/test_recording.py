import json
import threading
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_models import Audience, RuleModel
from vergence.errors import FormatError, MediaError, ModelError, SettingsError, TargetError
from vergence.server import recorder as recorders
from vergence.server.adaptation import Pace, Quality, quality_of
from vergence.server.engine import Engine
from vergence.server.hub import Published
from vergence.server.protocol import (
    ColourCodec,
    ConfidenceCodec,
    DepthCodec,
    Rgbd,
    Splat16,
    SplatCodec,
    packet,
    parse,
)
from vergence.server.recorder import Recorder
from vergence.server.recording import HEAD, RECORD, NoModel, Recording, Writer, about
from vergence.server.rgbd import packed_colour
from vergence.server.settings import LiveSettings

CARD = RuleModel().card
USUAL = quality_of(Pace(), LiveSettings())
SPLATS = Quality(16, 0, 0, "splat16")
CLOUD = quality_of(Pace(), LiveSettings(), "points16")


def rgbd(sequence=1, time_us=0, value=7):
    colour = packed_colour(np.full((4, 6, 3), value, np.uint8), 80)
    depth = np.full((4, 6), 9, "<u2").tobytes()
    extension = Rgbd(
        6, 4, 5.0, 5.0, 3.0, 2.0, 1.0, 4.0, DepthCodec.RAW16, ColourCodec.JPEG, ConfidenceCodec.NONE,
        len(colour), len(depth), 0,
    )  # fmt: skip
    return packet(extension, (colour, depth), sequence=sequence, time_us=time_us)


def splats(sequence=1, time_us=0):
    return packet(Splat16(0, 0, -9.0, 0.0, 0.0, 1.0, SplatCodec.PLAIN), (), sequence=sequence, time_us=time_us)


def written(path, *, frames=5, with_splats=False):
    """A recording of a frame each tenth of a second, whose settings change before the third."""
    with path.open("wb") as file:
        writer = Writer(file, about(CARD, LiveSettings()), began_us=1_000_000)
        for index in range(frames):
            if index == 2:
                writer.settings(LiveSettings().with_value("view.mode", "mesh").nested(), 1_450_000)
            at = 1_000_000 + 100_000 * (index + 3)  # the first frame came late
            writer.packet(rgbd(index, at, value=40 * index), at)
            if with_splats:
                writer.packet(splats(index, at), at)
        assert writer.bytes == file.tell()
    return path


def played(path, start=0.0):
    with Recording(path) as recording:
        return list(recording.since(start))


def test_what_was_written_is_read(tmp_path):
    path = written(tmp_path / "a.vgr", with_splats=True)
    with Recording(path) as recording:
        assert len(recording) == 5
        assert recording.payloads == {"rgbd", "splat16"}
        assert (recording.width, recording.height) == (6, 4)
        assert recording.duration == pytest.approx(0.5)
        assert recording.about["model"]["name"] == CARD.name
        moments = list(recording.since(0))
    assert [round(seconds, 6) for seconds, _ in moments] == [0, 0.1, 0.2, 0.3, 0.4]
    assert [parse(moment.packets["rgbd"]).sequence for _, moment in moments] == [0, 1, 2, 3, 4]
    changed = [None if moment.settings is None else moment.settings["view"] for _, moment in moments]
    assert changed == [None, None, {"mode": "mesh"}, None, None]
    assert moments[0][1].kind == CARD.kind


def test_it_is_read_from_the_frame_that_is_shown_then(tmp_path):
    path = written(tmp_path / "a.vgr")
    for start, expected in ((0, 5), (0.09, 5), (0.1, 4), (0.35, 2), (9, 1)):
        assert len(played(path, start)) == expected


@pytest.mark.parametrize("length", range(1, 700, 37))
def test_a_file_that_was_cut_off_is_good_up_to_there(tmp_path, length):
    path = written(tmp_path / "a.vgr")
    whole, data = played(path), path.read_bytes()
    path.write_bytes(data[:-length])
    try:
        found = played(path)
    except MediaError:
        found = []
    assert [moment.packets for _, moment in found] == [moment.packets for _, moment in whole[: len(found)]]
    assert len(data) - length < RECORD.size or len(found) >= 5 - 1 - length // 300


def test_a_damaged_packet_is_left_out(tmp_path):
    path = written(tmp_path / "a.vgr")
    data = bytearray(path.read_bytes())
    data[-40] ^= 255
    path.write_bytes(data)
    assert len(played(path)) == 4


def head_of(found, *, magic=b"VGNR", major=1):
    import zlib

    data = json.dumps(found).encode()
    return HEAD.pack(magic, major, len(data), zlib.crc32(data)) + data + bytes(-len(data) % 16)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no recorded stream"),
        (b"VGNR", "no recorded stream"),
        (b"garbage" * 100, "no recorded stream"),
        (head_of({}, major=2), "version 2"),
        (head_of({}), "which model"),
        (head_of([]), "which model"),
        (head_of({"model": {"name": "x", "kind": "y", "licence": "z", "is_commercial": True}}), "which model"),
        (HEAD.pack(b"VGNR", 1, 4_000_000_000, 0), "damaged"),
        (head_of(about(CARD, LiveSettings())), "holds no frame"),
    ],
)
def test_what_is_no_recording_is_refused_in_a_line(tmp_path, data, says):
    path = tmp_path / "a.vgr"
    path.write_bytes(data)
    with pytest.raises((MediaError, FormatError), match=says) as refusal:
        Recording(path)
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(MediaError, match="No such file"):
        Recording(tmp_path / "a.vgr")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(0, 10_000), noise=st.binary(min_size=1, max_size=40))
def test_noise_anywhere_is_refused_or_left_out(tmp_path, at, noise):
    path = written(tmp_path / "a.vgr", frames=3)
    data = bytearray(path.read_bytes())
    at %= len(data)
    data[at : at + len(noise)] = noise
    path.write_bytes(data)
    try:
        found = played(path)
    except MediaError:
        return
    for _, moment in found:
        for each in moment.packets.values():
            parse(each)


# The recorder


def recorder(**options):
    return Recorder(lambda: about(CARD, LiveSettings()), LiveSettings, **options)


def published(sequence, **packets):
    made = {USUAL: rgbd(sequence, sequence, value=sequence * 20)}
    return Published(sequence, made | packets)


def test_a_recording_lies_under_its_name_when_it_has_ended(tmp_path):
    path, made = tmp_path / "a.vgr", recorder()
    assert made.wanted() == frozenset()
    assert not made.is_watching
    made.start(path)
    assert made.wanted() == {USUAL, CLOUD}
    assert made.is_watching
    for sequence in range(4):
        made.take(published(sequence))
        made.take(published(sequence))  # sent again
    made.note(LiveSettings(picture_side=320))
    made.take(published(9))
    assert not path.exists()
    made.stop()
    assert [parse(moment.packets["rgbd"]).sequence for _, moment in played(path)] == [0, 1, 2, 3, 9]
    assert played(path)[-1][1].settings["picture"] == {"side": 320}
    assert (made.state.is_on, made.state.bytes, made.state.message) == (False, path.stat().st_size, "")
    assert made.file("a.vgr") == path
    assert [item.name for item in tmp_path.iterdir()] == ["a.vgr"]


def test_gaussians_are_recorded_where_somebody_sees_them(tmp_path):
    made = recorder()
    made.start(tmp_path / "a.vgr")
    made.take(Published(1, {USUAL: rgbd(), Quality(16, 90, 1920): rgbd(value=200), SPLATS: splats()}))
    made.stop()
    ((_, moment),) = played(tmp_path / "a.vgr")
    assert set(moment.packets) == {"rgbd", "splat16"}
    assert parse(moment.packets["rgbd"]).blocks[0] == parse(rgbd()).blocks[0]  # of the recorder's own quality


def test_recordings_without_a_name_lie_in_the_folder_or_go_with_the_server(tmp_path):
    made = recorder(folder=tmp_path)
    for _ in range(2):
        made.start()
        made.take(published(1))
        made.stop()
    assert len(list(tmp_path.glob("*.vgr"))) == 2
    passing = recorder()
    passing.start()
    passing.take(published(1))
    passing.stop()
    path = passing.file(passing.state.path.name)
    assert path.exists()
    passing.close()
    assert not path.exists()


def test_names_that_cannot_be_written_are_refused_at_once(tmp_path):
    made = recorder()
    (tmp_path / "a.vgr").write_bytes(b"mine")
    for name, error in (("a.mp4", SettingsError), ("a.vgr", TargetError), ("none/a.vgr", TargetError)):
        with pytest.raises(error):
            made.start(tmp_path / name)
    assert not made.is_on
    assert (tmp_path / "a.vgr").read_bytes() == b"mine"


class SlowWriter(Writer):
    go = threading.Event()

    def packet(self, data, at_us):
        assert self.go.wait(20)
        super().packet(data, at_us)


def test_a_slow_disk_holds_up_nobody_and_what_is_lost_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(recorders, "Writer", SlowWriter)
    monkeypatch.setattr(recorders, "WAITING", 5000)
    SlowWriter.go.clear()
    made = recorder()
    made.start(tmp_path / "a.vgr")
    began = time.monotonic()
    for sequence in range(60):
        made.take(published(sequence % 12 + 1))
    assert time.monotonic() - began < 10
    SlowWriter.go.set()
    made.stop()
    assert "left out" in made.state.message
    assert 0 < len(played(tmp_path / "a.vgr")) < 60


class FailingWriter(Writer):
    def packet(self, data, at_us):
        if self.bytes > 3000:
            self._file.write(b"half a rec")
            raise OSError(28, "No space left on device")
        super().packet(data, at_us)


def test_a_full_disk_ends_a_recording_that_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(recorders, "Writer", FailingWriter)
    made = recorder()
    made.start(tmp_path / "a.vgr")
    for sequence in range(1, 12):
        made.take(published(sequence))
    made.stop()
    assert "No space left" in made.state.message
    assert len(played(tmp_path / "a.vgr")) > 0
    assert (tmp_path / "a.vgr").stat().st_size == made.state.bytes


# Shown again


def test_a_recorded_frame_is_sent_in_what_is_wanted_and_seen_by_listeners(tmp_path):
    path = written(tmp_path / "a.vgr", with_splats=True)
    model = NoModel(str(path))
    assert (model.card.name, model.card.kind) == (CARD.name, CARD.kind)
    with pytest.raises(ModelError, match="without a model"):
        list(model.estimate([None]))
    engine, audience, seen = Engine(model), Audience(USUAL, Quality(16, 85, 1920), SPLATS), []
    assert engine.makes_gaussians
    engine.listeners.append(seen.append)
    engine.is_paused = True
    engine.start(audience)
    try:
        for _, moment in played(path):
            engine.replay(moment, source=3)
            assert audience.wait(lambda a: len(a.packets()) >= 3)
    finally:
        engine.stop()
    found = audience.packets()
    assert {packet.source for packet in found} == {3}
    assert {packet.extension.KIND for packet in found} == {Rgbd.KIND, Splat16.KIND}
    assert all(packet.flags & 16 for packet in found)
    item = seen[-1].item()
    assert item.depth.kind == CARD.kind or item.depth.kind == "scale_invariant"
    assert item.frame.rgb.shape == (4, 6, 3)


def test_the_first_settings_are_those_of_the_recording(tmp_path):
    path = tmp_path / "a.vgr"
    with path.open("wb") as file:
        wide = LiveSettings().with_value("view.mode", "depth").with_value("picture.side", 320)
        Writer(file, about(CARD, wide), began_us=0).packet(rgbd(), 0)
    found = NoModel(str(path)).viewed(LiveSettings())
    assert found.view == {"mode": "depth"}
    assert found.picture_side == LiveSettings().picture_side
