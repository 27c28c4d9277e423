import shutil

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from vergence.cli.main import app
from vergence.errors import MediaError
from vergence.synthetic import iter_photos, photographs, photos, render_clip, render_photo
from vergence.synthetic.builder import Builder, Dice
from vergence.synthetic.photographs import PRINT, Cover, draw_photographs, find_photographs
from vergence.synthetic.render.intersect import GROUND
from vergence.synthetic.render.picture import Renderer
from vergence.synthetic.render.surface import LEVEL_TEXELS, TEXTURED, level_of, texel
from vergence.synthetic.textures import GROUPS, with_levels
from worlds import camera

SIZE = {"width": 96, "height": 72}


def stripes(seed, width=300, height=200):
    """A picture of bands in strong colours."""
    colours = np.random.default_rng(seed).integers(0, 256, (10, 1, 3), dtype=np.uint8)
    return cv2.resize(colours, (width, height), interpolation=cv2.INTER_NEAREST)


def forget():
    """Let nothing of an earlier test be remembered."""
    for cached in (photos.page, photographs.find_photographs, photographs._read):
        cached.cache_clear()


@pytest.fixture
def folder(tmp_path):
    forget()
    (tmp_path / "photos" / "more").mkdir(parents=True)
    for n, name in enumerate(("a.jpg", "b.png", "more/c.jpeg")):
        Image.fromarray(stripes(n)).save(tmp_path / "photos" / name)
    (tmp_path / "photos" / "licence.txt").write_text("mine")
    yield tmp_path / "photos"
    forget()


def checker(side, square):
    """(side, side, 3) black and white squares of so many texels."""
    rows, columns = np.indices((side, side)) // square
    return np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)


def test_photographs_cover_some_surfaces_and_leave_the_place_as_it_is(folder):
    changed = []
    for seed in range(12):
        plain = render_photo(seed, **SIZE)
        covered = render_photo(seed, photographs=folder, **SIZE)
        np.testing.assert_array_equal(plain.depth.values, covered.depth.values)
        np.testing.assert_array_equal(plain.ids, covered.ids)
        gap = np.abs(plain.frame.rgb.astype(int) - covered.frame.rgb).max(axis=-1)
        changed.append((gap > 24).mean())
    assert 0.06 < np.mean(changed) < 0.7
    assert max(changed) > 0.3


def test_posters_show_the_photographs(folder):
    """The bands are of a few strong colours; a wall hung with them has those, graded, where it had drawn pictures."""
    blue = np.zeros((64, 64, 3), np.uint8)
    blue[..., 2] = 255
    for path in find_photographs(folder):
        Image.fromarray(blue).save(path)

    def blueness(**options):
        rgb = [s.frame.rgb.astype(int) for s in iter_photos(range(8), kind="posters", **options, **SIZE)]
        return np.mean([(a[..., 2] > 2 * np.maximum(a[..., 0], a[..., 1]) + 20).mean() for a in rgb])

    assert blueness(photographs=folder) > blueness() + 0.1


def test_the_same_seed_and_the_same_photographs_give_the_same_bytes_wherever_they_lie(folder, tmp_path):
    first = render_photo(5, photographs=folder, **SIZE)
    forget()
    shutil.copytree(folder, tmp_path / "elsewhere")
    again = render_photo(5, photographs=tmp_path / "elsewhere", **SIZE)
    np.testing.assert_array_equal(first.frame.rgb, again.frame.rgb)
    (tmp_path / "elsewhere" / "b.png").unlink()
    forget()
    rgb = [
        [s.frame.rgb for s in iter_photos(range(6), photographs=where, **SIZE)]
        for where in (folder, tmp_path / "elsewhere")
    ]
    assert any((a != b).any() for a, b in zip(*rgb, strict=True))


def test_without_photographs_a_seed_is_not_touched_by_those_rendered_with_them(folder):
    before = render_photo(7, **SIZE).frame.rgb
    render_photo(7, photographs=folder, **SIZE)
    np.testing.assert_array_equal(render_photo(7, **SIZE).frame.rgb, before)


def test_a_clip_keeps_its_photographs_from_frame_to_frame(folder):
    settings = {"frames": 2, "motion": "static", "kind": "corridor", "photographs": folder, **SIZE}
    one, two = (list(render_clip(3, **settings)) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.frame.rgb, b.frame.rgb)
    still = one[0].is_static & one[1].is_static
    assert np.abs(one[0].frame.rgb[still].astype(int) - one[1].frame.rgb[still]).mean() < 2


def test_a_third_of_surfaces_are_covered_more_of_pictures_and_nothing_that_is_plain_on_purpose(folder):
    pictures = draw_photographs(folder, np.zeros((0, 3), np.uint8), Dice("share"))
    groups = dict.fromkeys((*GROUPS, "any", "picture"), (0,))
    tiles = np.zeros((1, LEVEL_TEXELS, 3), np.uint8)
    shares = dict.fromkeys(("wall", "picture", "glass"), 0)
    for n in range(2000):
        builder = Builder(Dice(n), tiles, groups, Cover(pictures, Dice(f"cover {n}")))
        builder.add(GROUND, (0, 0, 0), (1, 1, 1), builder.material(group="wall"))
        builder.material(group="picture", texture=1)
        builder.material(texture=0)
        builder.sun((0.0, 0.0, 1.0), (1.0, 1.0, 1.0), radius=0.01)
        rows = builder.finish("test").materials
        for name, row in zip(shares, rows, strict=True):
            shares[name] += row[-1] == PRINT
        assert rows[2, TEXTURED] == 0
    assert shares["wall"] / 2000 == pytest.approx(1 / 3, abs=0.04)
    assert shares["picture"] / 2000 == pytest.approx(0.65, abs=0.06)
    assert shares["glass"] == 0


def test_a_tiled_photograph_repeats_without_a_seam(folder):
    drawn = draw_photographs(folder, np.zeros((7, 3), np.uint8), Dice("tiles"))
    for first, side in drawn.tiled:
        tile = drawn.texels[first : first + side * side].reshape(side, side, 3)
        np.testing.assert_array_equal(tile[0], tile[-1])
        np.testing.assert_array_equal(tile[:, 0], tile[:, -1])
    assert drawn.shown[0] == (7, PRINT)


@pytest.mark.parametrize("step", [0.5, 4.0, 32.0, 500.0])
def test_what_a_pixel_steps_over_is_averaged(step):
    texels = with_levels(checker(PRINT, 2))
    first, side = level_of(0, PRINT, step)
    assert side == PRINT or PRINT / side >= step / 1.5 or side == 4
    places = np.random.default_rng(0).random((200, 2))
    spread = np.std([texel(texels, first, side, u, v)[0] for u, v in places])
    assert spread > 0.25 if step < 1 else spread < 1e-9


def test_a_far_checkerboard_fades_to_grey_and_does_not_flicker():
    groups = dict.fromkeys((*GROUPS, "any", "picture"), (0,))
    builder = Builder(Dice("test"), with_levels(checker(128, 16))[None], groups)
    builder.sun((0.0, 0.0, 1.0), (1.0, 1.0, 1.0), radius=0.01)
    floor = builder.material(texture=1, scale=1.0, shine=0, bump=0, mirror=0, is_upright=True)
    builder.add(GROUND, (0, 0, 0), (1, 1, 1), floor)
    pose = camera(width=192, height=144, fov_px=150.0, pitch=-0.4)
    seen = Renderer(builder.finish("test")).picture(pose)
    spread = {
        name: seen.linear[(seen.visible.depth > near) & (seen.visible.depth < far)][:, 0]
        for name, near, far in (("near", 1, 4), ("far", 40, 200))
    }
    assert spread["near"].std() > 0.15
    assert len(spread["far"]) > 100
    assert spread["far"].std() < 0.1 * spread["near"].std()


def test_a_photograph_is_read_upright_and_no_larger_than_needed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(stripes(0, 1600, 1200)).save(tmp_path / "turned.jpg", exif=exif)
    picture = photographs._read(tmp_path / "turned.jpg")
    assert picture.shape[1] == photographs.SHORT_SIDE
    assert picture.shape[0] > picture.shape[1]


def test_pictures_that_cannot_be_read_are_skipped_and_told(folder, caplog):
    (folder / "broken.jpg").write_bytes((folder / "a.jpg").read_bytes()[:200])
    Image.fromarray(np.zeros((20, 20), np.uint16)).save(folder / "deep.png")
    render_photo(1, photographs=folder, **SIZE)
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 2
    assert any("broken.jpg" in line for line in told)
    assert any("deep.png" in line and "8-bit" in line for line in told)


def test_a_folder_without_photographs_is_refused_at_once(tmp_path):
    with pytest.raises(MediaError, match="is no folder"):
        render_photo(0, photographs=tmp_path / "nowhere", **SIZE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(MediaError, match="holds no photographs"):
        render_clip(0, frames=2, photographs=tmp_path / "empty", **SIZE)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "x.jpg").write_bytes(b"no picture")
    with pytest.raises(MediaError, match="none of the 1 pictures"):
        render_photo(0, photographs=tmp_path / "broken", **SIZE)


def test_the_command_takes_a_folder_and_makes_nothing_for_a_wrong_one(folder, tmp_path):
    out = tmp_path / "out"
    command = ["synth", "--out", str(out), "--count", "1", "--size", "48x32", "--photographs"]
    done = CliRunner().invoke(app, [*command, str(tmp_path / "nowhere")])
    assert done.exit_code != 0
    assert not out.exists()
    assert CliRunner().invoke(app, [*command, str(folder)]).exit_code == 0
    written = cv2.imread(str(out / "000000" / "rgb" / "000000.png"))[..., ::-1]
    np.testing.assert_array_equal(written, render_photo(0, width=48, height=32, photographs=folder).frame.rgb)
