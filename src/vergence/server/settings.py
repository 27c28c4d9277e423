"""What the viewers of one server share, changed by `set {path, value}`; docs/protocol.md has the table in words."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from vergence.errors import SettingsError
from vergence.server.outliers import LonelySettings

Check = Callable[[Any], Any]

MOST_VIEW_SETTINGS, LONGEST = 64, 64  # how many of `view.*`, and characters of one or of its name


@dataclass(frozen=True)
class LiveSettings:
    """Attributes are the paths of docs/protocol.md with an underscore for the dot; None stands for "auto" or unknown.

    Attributes:
        depth_bits: 12 or 16; None leaves it to each viewer's connection.
        colour_quality: of JPEG, 30..95; None as above.
        picture_side: px the longer side has at most, of what is sent.
        stream_tier: "exact", "video" (film of low bandwidth, for those who can show it); None: as the line bears.
        rate_most: frames a second.
        stabilise_method, stabilise_half_life: see `stability.stabilise`.
        outliers_neighbours, outliers_std_ratio: which pixels lie alone and are left out; None: none are.
        camera_fov: horizontal, degrees; None where only the source or the model may know.
        film_speed, film_every_frame, film_loop: how a film is played.
        view: what only viewers understand.
    """

    depth_bits: int | None = None
    colour_quality: int | None = None
    picture_side: int = 640
    stream_tier: str | None = None
    rate_most: float = 60.0
    stabilise_method: str = "gated"
    stabilise_half_life: float = 0.2
    outliers_neighbours: int = 50
    outliers_std_ratio: float | None = None
    camera_fov: float | None = None
    film_speed: float = 1.0
    film_every_frame: bool = False
    film_loop: bool = True
    view: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def with_value(self, path: str, value: Any) -> "LiveSettings":
        """The settings with one changed; raises `SettingsError` for an unknown path or a value it cannot have."""
        group, _, name = path.partition(".")
        if group == "view" and name:
            return replace(self, view=_with_view(self.view, name, value))
        if path not in CHECKS:
            raise UnknownSettingError(f"no setting is called {path!r}; there are {', '.join(CHECKS)} and view.*")
        try:
            return replace(self, **{path.replace(".", "_"): CHECKS[path](value)})
        except SettingsError as error:
            raise SettingsError(f"{path} is {error}, not {value!r}") from error

    @property
    def outliers(self) -> LonelySettings | None:
        """Which pixels are left out; None: none are."""
        if self.outliers_std_ratio is None:
            return None
        return LonelySettings(self.outliers_neighbours, self.outliers_std_ratio)

    def nested(self) -> dict[str, Any]:
        """All of them as `config` carries them."""
        found: dict[str, Any] = {}
        for path in CHECKS:
            group, _, name = path.partition(".")
            value = getattr(self, path.replace(".", "_"))
            found.setdefault(group, {})[name] = "auto" if value is None and path in AUTO else value
        return found | {"view": dict(self.view)}


class UnknownSettingError(SettingsError):
    """There is no setting of this name."""


def _with_view(view: Mapping[str, Any], name: str, value: Any) -> Mapping[str, Any]:
    is_short = (
        value is None or isinstance(value, (bool, int, float)) or (isinstance(value, str) and len(value) <= LONGEST)
    )
    if not is_short or len(name) > LONGEST or (isinstance(value, float) and not math.isfinite(value)):
        raise SettingsError(f"view.* are names and values of at most {LONGEST} characters, numbers, booleans or null")
    changed = {**view, name: value}
    if len(changed) > MOST_VIEW_SETTINGS:
        raise SettingsError(f"there are {MOST_VIEW_SETTINGS} settings view.* already")
    return MappingProxyType(changed)


def _number(low: float, high: float, unit: str = "") -> Check:
    def check(value: Any) -> float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not low <= value <= high:
            raise SettingsError(f"a number from {low:g} to {high:g}{unit}")
        return float(value)

    return check


def _whole(low: int, high: int) -> Check:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise SettingsError(f"a whole number from {low} to {high}")
        return value

    return check


def _one_of(*choices: Any) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, bool) or value not in choices:
            raise SettingsError(f"one of {', '.join(map(str, choices))}")
        return value

    return check


def _or(word: str | None, check: Check) -> Check:
    """`check`, or `word`, which is kept as None."""

    def either(value: Any) -> Any:
        try:
            return None if value == word else check(value)
        except SettingsError as error:
            raise SettingsError(f"{'null' if word is None else word}, or {error}") from error

    return either


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise SettingsError("true or false")
    return value


AUTO = ("depth.bits", "colour.quality", "stream.tier")
CHECKS: dict[str, Check] = {
    "depth.bits": _or("auto", _one_of(12, 16)),
    "colour.quality": _or("auto", _whole(30, 95)),
    "picture.side": _whole(160, 1920),
    "stream.tier": _or("auto", _one_of("exact", "video")),
    "rate.most": _number(1, 120, " frames a second"),
    "stabilise.method": _one_of("gated", "ema", "none"),
    "stabilise.half_life": _number(0.02, 5, " s"),
    "outliers.neighbours": _whole(4, 200),
    "outliers.std_ratio": _or(None, _number(0.1, 5, " deviations")),
    "camera.fov": _or(None, _number(5, 170, " degrees")),
    "film.speed": _number(0.1, 8),
    "film.every_frame": _boolean,
    "film.loop": _boolean,
}
