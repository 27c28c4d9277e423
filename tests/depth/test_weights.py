import hashlib
import json
import os
from dataclasses import replace

import pytest

from vergence.depth import download, weights
from vergence.depth.cards import CARDS
from vergence.errors import LicenceError, WeightsError

SMALL = CARDS["depth-anything-v2-small"]
BASE = CARDS["depth-anything-v2-base"]
VIDEO = CARDS["video-depth-anything-small"]
SHA256 = hashlib.sha256(b"weights").hexdigest()


def put(path, content=b"weights"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def in_hub_cache(root, commit="abc"):
    return root / "models--onnx-community--depth-anything-v2-small" / "snapshots" / commit / "onnx" / "model.onnx"


@pytest.fixture
def arriving(monkeypatch, online):
    """The network delivers; says what was asked of it."""
    asked = []

    def deliver(source, target, **kwargs):
        asked.append(source)
        put(target)
        download.record_path(target).write_text(json.dumps({"size": 7, "sha256": SHA256}))

    monkeypatch.setattr(download, "download", deliver)
    return asked


def test_the_weights_inside_the_package_are_always_there():
    path = weights.fetch(CARDS["preview"], offline=True)
    assert path == weights.find(CARDS["preview"])
    assert path.is_file()


def test_weights_that_are_nowhere_are_not_found():
    assert weights.find(SMALL) is None


def test_every_place_is_looked_at_in_order(home, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    places = [
        home / "vergence" / "models" / "depth-anything-v2-small.onnx",
        home / "vergence" / "models" / "depth_anything_v2_vits.onnx",
        in_hub_cache(home / "hf" / "hub"),
        home / "checkpoints" / "depth_anything_v2_vits.onnx",
        home / ".spatial-maker" / "checkpoints" / "depth-anything-v2-small.onnx",
    ]
    for path in reversed(places):
        put(path)
        assert weights.find(SMALL) == path


def test_the_hubs_cache_is_where_its_own_variables_say(home, monkeypatch):
    default = put(in_hub_cache(home / ".cache" / "huggingface" / "hub"))
    assert weights.find(SMALL) == default
    monkeypatch.setenv("HF_HUB_CACHE", str(home / "cache"))
    assert weights.find(SMALL) is None
    moved = put(in_hub_cache(home / "cache"))
    assert weights.find(SMALL) == moved


def test_of_several_snapshots_the_latest_is_taken(home):
    old, new = (put(in_hub_cache(home / ".cache" / "huggingface" / "hub", commit)) for commit in ("b", "a"))
    os.utime(old, (1, 1))
    assert weights.find(SMALL) == new


def test_a_snapshot_whose_blob_is_gone_is_passed_over(home):
    link = in_hub_cache(home / ".cache" / "huggingface" / "hub")
    link.parent.mkdir(parents=True)
    link.symlink_to(home / "gone")
    assert weights.find(SMALL) is None


def test_without_a_folder_of_its_own_the_store_is_the_users(monkeypatch):
    monkeypatch.delenv("VERGENCE_HOME")
    assert weights.store().name == "models"
    assert "vergence" in weights.store().parts


def test_weights_that_are_here_need_no_network(home):
    path = put(weights.store_path(SMALL, "onnx"))
    assert weights.fetch(SMALL) == path


@pytest.mark.parametrize("variable", ["VERGENCE_OFFLINE", "HF_HUB_OFFLINE"])
def test_a_forbidden_network_is_not_used_and_the_way_by_hand_is_told(arriving, monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    with pytest.raises(WeightsError, match="not on this machine and the network is forbidden") as caught:
        weights.fetch(SMALL)
    assert "https://huggingface.co/onnx-community/depth-anything-v2-small/resolve/main" in str(caught.value)
    assert str(weights.store() / "depth-anything-v2-small.onnx") in str(caught.value)
    assert arriving == []


def test_offline_can_be_asked_for_in_a_call(arriving):
    with pytest.raises(WeightsError, match="network is forbidden"):
        weights.fetch(SMALL, offline=True)


def test_missing_weights_are_fetched_into_the_store(arriving):
    assert weights.fetch(SMALL) == weights.store_path(SMALL, "onnx")
    assert arriving == [SMALL.onnx]


def test_a_failed_download_tells_the_way_by_hand(monkeypatch, online):
    def fail(*args, **kwargs):
        raise WeightsError("the name huggingface.co cannot be looked up")

    monkeypatch.setattr(download, "download", fail)
    with pytest.raises(WeightsError, match=r"cannot fetch 'depth-anything-v2-small': the name .*; download https://"):
        weights.fetch(SMALL)


def test_weights_that_changed_since_they_were_fetched_are_damaged(arriving):
    path = weights.fetch(SMALL)
    path.write_bytes(b"weighty")
    with pytest.raises(WeightsError, match=rf"are damaged: sha256 of .*expected {SHA256[:12]}….*models pull depth-any"):
        weights.fetch(SMALL)
    path.write_bytes(b"short")
    with pytest.raises(WeightsError, match="has 5 bytes of 7"):
        weights.fetch(SMALL)


def test_weights_nobody_knows_the_checksum_of_are_not_called_checked():
    assert not weights.check(SMALL, put(weights.store_path(SMALL, "onnx")))


def test_a_damaged_record_is_named(arriving):
    path = weights.fetch(SMALL)
    download.record_path(path).write_text("{")
    with pytest.raises(WeightsError, match=r"small\.onnx\.json is not readable"):
        weights.fetch(SMALL)


def test_removing_leaves_nothing_of_ours_and_everything_of_others(arriving, home):
    ours = weights.fetch(SMALL)
    put(download.parts(ours)[0])
    theirs = put(home / "checkpoints" / "depth_anything_v2_vits.onnx")
    assert weights.remove(SMALL) == [ours]
    assert list(weights.store().iterdir()) == []
    assert theirs.is_file()
    assert weights.remove(SMALL) == []


def test_a_licence_is_asked_for_once():
    with pytest.raises(LicenceError, match=r"CC-BY-NC-4\.0.*vergence models pull depth-anything-v2-base --accept-lic"):
        weights.require_licence(BASE)
    weights.require_licence(BASE, accept=True)
    weights.require_licence(BASE)


def test_one_licence_accepted_is_not_all_of_them():
    weights.require_licence(BASE, accept=True)
    with pytest.raises(LicenceError):
        weights.require_licence(CARDS["depth-anything-v2-large"])
    with pytest.raises(LicenceError):
        weights.require_licence(replace(BASE, licence="CC-BY-NC-ND-4.0"))


def test_commercial_licences_are_not_asked_for():
    weights.require_licence(SMALL)
    assert not weights.store().exists()


def test_a_damaged_list_of_licences_is_named():
    put(weights.store() / weights.LICENCES, b"{")
    with pytest.raises(LicenceError, match=r"licences\.json is not readable"):
        weights.require_licence(BASE)


def test_a_checkpoint_keeps_the_name_it_was_published_under(arriving, home):
    path = weights.fetch(SMALL, form="checkpoint")
    assert path == home / "vergence" / "models" / "depth_anything_v2_vits.pth"
    assert path == weights.store_path(SMALL, "checkpoint")
    assert arriving == [SMALL.checkpoint]


def test_a_checkpoint_named_as_others_are_is_found_by_its_repository(home):
    card = CARDS["depth-anything-3-small"]
    cache = home / ".cache" / "huggingface" / "hub"
    put(cache / "models--depth-anything--DA3-BASE" / "snapshots" / "abc" / "model.safetensors")
    assert weights.find(card) is None
    ours = put(cache / "models--depth-anything--DA3-SMALL" / "snapshots" / "abc" / "model.safetensors")
    assert weights.find(card) == ours


def test_onnx_anywhere_goes_before_a_checkpoint_anywhere(home):
    checkpoint = put(weights.store_path(SMALL, "checkpoint"))
    assert weights.find(SMALL) == checkpoint
    onnx = put(home / ".spatial-maker" / "checkpoints" / "depth_anything_v2_vits.onnx")
    assert weights.find(SMALL) == weights.find(SMALL, "onnx") == onnx
    assert weights.find(SMALL, "checkpoint") == checkpoint


def test_a_checkpoint_is_looked_for_where_its_authors_programs_keep_it(home):
    places = [
        home / "vergence" / "models" / "video_depth_anything_vits.pth",
        home / ".cache" / "huggingface" / "hub" / "models--depth-anything--Video-Depth-Anything-Small"
        "/snapshots/abc/video_depth_anything_vits.pth",
        home / "checkpoints" / "video_depth_anything_vits.pth",
        home / ".spatial-maker" / "checkpoints" / "video_depth_anything_vits.pth",
    ]
    for path in reversed(places):
        put(path)
        assert weights.find(VIDEO) == weights.find(VIDEO, "checkpoint") == path
    assert weights.find(VIDEO, "onnx") is None


def test_what_is_here_in_any_form_is_not_fetched_in_another(arriving):
    checkpoint = put(weights.store_path(SMALL, "checkpoint"))
    assert weights.fetch(SMALL) == checkpoint
    assert arriving == []
    assert weights.fetch(SMALL, form="onnx") == weights.store_path(SMALL, "onnx")
    assert arriving == [SMALL.onnx]


def test_what_has_no_onnx_to_fetch_comes_as_a_checkpoint(arriving):
    assert weights.fetch(VIDEO) == weights.store_path(VIDEO, "checkpoint")
    assert arriving == [VIDEO.checkpoint]


def test_an_export_that_is_not_there_says_how_to_make_it(arriving):
    with pytest.raises(WeightsError, match=r"only as a checkpoint of torch; `vergence models export video-depth") as e:
        weights.fetch(VIDEO, form="onnx")
    assert str(weights.store_path(VIDEO, "onnx")) in str(e.value)
    assert arriving == []


def test_a_form_that_is_not_published_is_an_error(arriving):
    with pytest.raises(WeightsError, match="published only as ONNX: vergence models pull mine --form onnx"):
        weights.fetch(replace(SMALL, name="mine", checkpoint=None), form="checkpoint")
    with pytest.raises(WeightsError, match="'preview' is part of the package and has no checkpoint"):
        weights.fetch(CARDS["preview"], form="checkpoint")


def test_a_checkpoint_that_cannot_be_fetched_is_told_by_its_own_address_and_name():
    with pytest.raises(WeightsError, match="network is forbidden") as caught:
        weights.fetch(SMALL, form="checkpoint")
    told = str(caught.value)
    assert "depth-anything/Depth-Anything-V2-Small/resolve/main/depth_anything_v2_vits.pth" in told
    assert str(weights.store() / "depth_anything_v2_vits.pth") in told


def test_a_checkpoint_that_changed_is_damaged(arriving):
    path = weights.fetch(SMALL, form="checkpoint")
    path.write_bytes(b"weighty")
    with pytest.raises(WeightsError, match=r"pth is .*expected .*models pull depth-anything-v2-small --form checkpoi"):
        weights.fetch(SMALL)


def test_an_export_is_there_once_its_three_parts_are():
    folder = weights.store_path(VIDEO, "onnx")
    for part in ("encoder.onnx", "temporal.onnx", "decoder.onnx"):
        assert weights.find(VIDEO) is None
        put(folder / part)
    assert weights.find(VIDEO) == folder
    assert weights.form_of(folder) == "onnx"


def test_a_file_called_as_an_export_is_not_one():
    put(weights.store_path(VIDEO, "onnx"))
    assert weights.find(VIDEO) is None


def export_of(card, *, recorded=()):
    folder = weights.store_path(card, "onnx")
    for part in (*card.parts, "step.onnx"):
        path = put(folder / part)
        if part in recorded:
            download.record_path(path).write_text(json.dumps({"size": 7, "sha256": SHA256}))
    return folder


def test_an_export_is_checked_file_by_file():
    folder = export_of(VIDEO, recorded=(*VIDEO.parts, "step.onnx"))
    assert weights.check(VIDEO, folder)
    (folder / "step.onnx").write_bytes(b"weighty")
    with pytest.raises(
        WeightsError, match=r"step\.onnx is .*; run `vergence models export video-depth-anything-small` a"
    ):
        weights.check(VIDEO, folder)
    (folder / "step.onnx").write_bytes(b"short")
    with pytest.raises(WeightsError, match=r"step\.onnx has 5 bytes of 7"):
        weights.check(VIDEO, folder)


def test_an_export_with_one_file_nobody_knows_is_not_called_checked():
    folder = export_of(VIDEO, recorded=VIDEO.parts)
    assert not weights.check(VIDEO, folder)


def test_a_damaged_part_is_found_behind_one_nobody_knows():
    folder = export_of(VIDEO, recorded=("temporal.onnx",))
    (folder / "temporal.onnx").write_bytes(b"weighty")
    with pytest.raises(WeightsError, match=r"temporal\.onnx"):
        weights.check(VIDEO, folder)


def test_removing_takes_every_form_with_what_lies_beside_it(arriving, home):
    checkpoint = weights.fetch(VIDEO)
    put(download.parts(checkpoint)[0])
    folder = export_of(VIDEO, recorded=VIDEO.parts)
    other = put(weights.store_path(SMALL, "onnx"))
    theirs = put(home / "checkpoints" / "video_depth_anything_vits.pth")
    assert weights.remove(VIDEO) == [folder, checkpoint]
    assert list(weights.store().iterdir()) == [other]
    assert theirs.is_file()


def test_removing_a_link_to_an_export_leaves_the_export(home):
    elsewhere = home / "elsewhere"
    put(elsewhere / "encoder.onnx")
    link = weights.store_path(VIDEO, "onnx")
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere, target_is_directory=True)
    assert weights.remove(VIDEO) == [link]
    assert (elsewhere / "encoder.onnx").is_file()
