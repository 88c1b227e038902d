"""The error tree. A message says what must be, what was received and what to do.

FacestreamError ............. anything that a user can correct: one line, exit code 2
|-- ConfigError ............. config.toml, an option or an environment variable
|-- ProtocolError ........... a message from a socket that is malformed, too big or too new
|-- SourceError ............. a camera, stream or file that cannot be opened or read
|-- PictureError ............ a picture that cannot be used for enrolment
|-- WeightsError ............ a weights file that is damaged or does not fit
|-- GalleryError ............ a gallery that is damaged, empty or made with other weights
|-- HistoryError ............ a store of events that is damaged, full or newer than this program
|-- WebhookError ............ a queue of deliveries that cannot be read or written
|-- BackupError ............. a backup that is damaged, foreign or newer, or cannot be made
|-- ControlError ............ a change of people that was refused, failed or cannot be asked for
`-- DatasetError ............ a folder of photos that cannot be trained on
"""


class FacestreamError(Exception):
    """Base of every error that a user can correct."""


class ConfigError(FacestreamError):
    """The config file, an option or the environment is wrong."""


class ProtocolError(FacestreamError):
    """A message on a socket is malformed, oversized or of another version."""


class SourceError(FacestreamError):
    """A camera, stream, file or folder cannot be opened or read."""


class PictureError(FacestreamError):
    """A picture has no usable face."""


class WeightsError(FacestreamError):
    """A weights file is missing, damaged or does not fit the network."""


class GalleryError(FacestreamError):
    """A gallery is missing, damaged, empty or made with other weights."""


class HistoryError(FacestreamError):
    """The store of events and visits cannot be read or written."""


class WebhookError(FacestreamError):
    """The queue of webhooks' deliveries cannot be read or written."""


class BackupError(FacestreamError):
    """A backup cannot be made, or cannot be restored."""


class ControlError(FacestreamError):
    """A change of people was refused or failed, or nobody answers on the control socket.

    `job` is what became of it (`streamer.wire.control.Job`), where it was taken on. `code`: of the
    refusal, or "silent" where there was no answer.
    """

    def __init__(self, text: str, job: object = None, code: str = "") -> None:
        super().__init__(text)
        self.job = job
        self.code = code


class DatasetError(FacestreamError):
    """A folder of photos cannot be trained on."""
