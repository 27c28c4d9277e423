"""Everything that can go wrong in a way a user can mend.

    VergenceError
    ├── MediaError              a picture, film or depth file cannot be read or written
    │   └── FormatError         its format is not one we know, or cannot hold what is asked
    ├── TargetError             the place to write to: exists already, read-only, full
    ├── ModelError              a depth model cannot do what is asked
    │   ├── UnknownModelError   no model has this name
    │   ├── WeightsError        its weights are missing, damaged or of another network
    │   └── LicenceError        its weights ask for a licence that was not accepted
    ├── DeviceError             the device asked for is not there
    ├── DepthKindError          depth of one kind where another is needed
    ├── ShapeError              arrays that do not belong together
    ├── ProtocolError           a live client sent what the protocol does not know
    └── SettingsError           options that contradict each other or lie outside their range

A message says what was found, what was needed and what to do, in one line. Anything that is not a
`VergenceError` is a bug and keeps its traceback.
"""


class VergenceError(Exception):
    """Base of every error a user can mend."""


class MediaError(VergenceError):
    """A picture, film or depth file cannot be read or written."""


class FormatError(MediaError):
    """A format we do not know, or one that cannot hold what is asked of it."""


class TargetError(VergenceError):
    """The place to write to exists already, is read-only or is full."""


class ModelError(VergenceError):
    """A depth model cannot do what is asked."""


class UnknownModelError(ModelError):
    """No depth model has this name."""


class WeightsError(ModelError):
    """Weights are missing, damaged or belong to another network."""


class LicenceError(ModelError):
    """Weights ask for a licence that was not accepted."""


class DeviceError(VergenceError):
    """The device asked for is not there."""


class DepthKindError(VergenceError):
    """Depth of one kind where another is needed."""


class ShapeError(VergenceError):
    """Arrays that do not belong together."""


class ProtocolError(VergenceError):
    """A live client, or server, sent what the protocol does not know."""


class SettingsError(VergenceError):
    """Options that contradict each other or lie outside their range."""
