"""The sections of config.toml as frozen models, with defaults and limits."""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from streamer.bus.sockets import Security
from streamer.config.values import (
    Address,
    AutoOrCount,
    BrokerName,
    CameraName,
    ClientId,
    HostName,
    IpAddress,
    Milliseconds,
    PathText,
    Source,
    TopicPrefix,
    Unit,
)
from streamer.config.webhooks import WebhookConfig
from streamer.constants import DEFAULT_CASCADE, HISTORY_FILE, WEBHOOKS_FILE

_MOST_VOTES = 0.99  # of what a face can reach: their sum tends to 1 / (1 - vote_decay)


class Section(BaseModel):
    """A table of the file: frozen, and with no keys but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DetectConfig(Section):
    """Haar detection."""

    cascade: PathText = DEFAULT_CASCADE
    detect_width: Annotated[int, Field(ge=0, le=4096)] = 400
    scale_factor: Annotated[float, Field(gt=1.0, le=2.0)] = 1.25
    neighbours: Annotated[int, Field(ge=0, le=20)] = 3
    profiles: bool = True
    min_face: Annotated[int, Field(ge=16, le=2000)] = 40
    search_interval_ms: Milliseconds = 200
    search_all_ms: Milliseconds = 2000
    min_confidence: Unit = 0.5


class TrackConfig(Section):
    """From detections to tracks."""

    min_iou: Annotated[float, Field(gt=0, lt=1)] = 0.2
    confirm_frames: Annotated[int, Field(ge=1, le=60)] = 2
    lost_after_ms: Annotated[int, Field(ge=50, le=60_000)] = 1000
    max_tracks: Annotated[int, Field(ge=1, le=200)] = 64
    cut_share: Annotated[float, Field(gt=0, le=1)] = 0.3


class CaptureConfig(Section):
    """Which crops are sent, and how a source is watched."""

    certain_interval_ms: Milliseconds = 500
    uncertain_interval_ms: Milliseconds = 0
    max_in_flight: Annotated[int, Field(ge=1, le=32)] = 2
    min_sharpness: Annotated[float, Field(ge=0, le=10)] = 0.002
    stall_timeout_s: Annotated[float, Field(ge=0.5, le=600)] = 5.0
    retry_min_s: Annotated[float, Field(ge=0.1, le=600)] = 1.0
    retry_max_s: Annotated[float, Field(ge=0.1, le=3600)] = 30.0

    @model_validator(mode="after")
    def _retries(self) -> "CaptureConfig":
        if self.retry_max_s < self.retry_min_s:
            raise ValueError(
                f"retry_max_s must be at least retry_min_s ({self.retry_min_s}). "
                f"Received: {self.retry_max_s}"
            )
        return self


class CameraConfig(Section):
    """One camera: its source and its own detect, track and capture settings."""

    source: Source
    pace: Literal["real_time", "fast"] = "real_time"
    loop: bool = False
    detect: DetectConfig = DetectConfig()
    track: TrackConfig = TrackConfig()
    capture: CaptureConfig = CaptureConfig()


class DispatchConfig(Section):
    """The queue of crops."""

    max_queue: Annotated[int, Field(ge=1, le=100_000)] = 256
    max_batch: Annotated[int, Field(ge=1, le=256)] = 32
    max_age_ms: Annotated[int, Field(ge=20, le=600_000)] = 1000
    worker_timeout_ms: Annotated[int, Field(ge=200, le=600_000)] = 10_000


class EmbedConfig(Section):
    """The pool of workers."""

    workers: AutoOrCount = "auto"
    threads: AutoOrCount = "auto"
    weights: PathText = ""
    alignment: Literal["auto", "square", "level", "openface"] = "auto"
    runtime: Literal["auto", "tensorflow", "onnxruntime", "openvino"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    mirror: bool = False

    @model_validator(mode="after")
    def _possible(self) -> "EmbedConfig":
        if self.runtime == "onnxruntime" and self.precision == "bfloat16":
            raise ValueError(
                "precision must be auto or float32 with runtime onnxruntime. Received: bfloat16"
            )
        return self

    def pool(self, cores: int) -> tuple[int, int]:
        """(workers, threads each). Auto: a worker for every two cores, a thread each."""
        workers = max(1, cores // 2) if self.workers == "auto" else self.workers
        threads = 1 if self.threads == "auto" else self.threads
        return workers, threads


class IdentifyConfig(Section):
    """Names and events."""

    false_accept_rate: Annotated[float, Field(gt=0, le=0.5)] = 0.01
    classifier: Literal["svc", "rbf", "knn", "lda_svc"] = "svc"
    C: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    gamma: Annotated[float, Field(gt=0, le=1e4)] = 2.0
    neighbours: Annotated[int, Field(ge=1, le=1000)] = 3
    template_crops: Annotated[float, Field(ge=1, le=1000)] = 30.0
    vote_decay: Annotated[float, Field(ge=0, le=0.99)] = 0.85
    min_votes: Annotated[float, Field(gt=0)] = 1.5
    switch_margin: Annotated[float, Field(ge=0)] = 1.5
    keep_margin: Annotated[float, Field(ge=0, le=10)] = 0.5
    confirm_crops: Annotated[int, Field(ge=1, le=1000)] = 1
    confirm_s: Annotated[float, Field(ge=0, le=60)] = 0.0
    split_crops: Annotated[int, Field(ge=2, le=100)] = 2
    rejoin_s: Annotated[float, Field(ge=0, le=60)] = 5.0
    exit_after_s: Annotated[float, Field(ge=0, le=60)] = 1.0
    remember_strangers_s: Annotated[float, Field(ge=0, le=604_800)] = 0.0

    @field_validator("min_votes", "switch_margin")
    @classmethod
    def _reachable(cls, votes: float, info: ValidationInfo) -> float:
        most = round(_MOST_VOTES / (1.0 - info.data.get("vote_decay", 0.0)), 3)
        if votes > most:
            raise ValueError(
                f"must be at most {most:.4g}, as older votes count less and less: with more, "
                f"no face would ever get a name, or another. Received: {votes:g}"
            )
        return votes


class ViewConfig(Section):
    """The annotated pictures."""

    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 80


class EnrolConfig(Section):
    """What enrolment accepts."""

    min_face: Annotated[int, Field(ge=16, le=2000)] = 48
    min_sure_face: Annotated[int, Field(ge=16, le=2000)] = 40
    min_sharpness: Annotated[float, Field(ge=0, le=10)] = 0.01
    min_brightness: Unit = 0.08
    max_brightness: Unit = 0.95
    max_crops: Annotated[int, Field(ge=1, le=10_000)] = 60
    min_crops: Annotated[int, Field(ge=1, le=10_000)] = 1


class BusConfig(Section):
    """Addresses. Relative ipc paths are below data_dir."""

    crops: Address = "ipc://run/crops"
    work: Address = "ipc://run/work"
    ingest: Address = "ipc://run/ingest"
    events: Address = "ipc://run/events"
    kept: Address = "ipc://run/kept"
    control: Address = "ipc://run/control"
    asked: Address = "ipc://run/asked"
    frames: Address = "ipc://run/frames"
    pictures: Address = "ipc://run/pictures"
    keys: PathText = ""
    insecure: bool = False

    @property
    def addresses(self) -> dict[str, str]:
        """Every address by its key, as the file has it."""
        return {name: value for name, value in self if name not in ("keys", "insecure")}


class HistoryConfig(Section):
    """What is written down of who was there."""

    enabled: bool = True
    strangers: bool = False
    snapshots: bool = False
    keep_days: Annotated[float, Field(gt=0, le=36_500)] = 30.0
    max_mb: Annotated[int, Field(ge=10, le=1_000_000)] = 500


class StrangersConfig(Section):
    """Whether faces of people who are not enrolled are kept."""

    keep: bool = False
    keep_days: Annotated[float, Field(gt=0, le=36_500)] = 7.0


class ControlConfig(Section):
    """The service that changes people."""

    enabled: bool = True
    expiry_warning_days: Annotated[float, Field(ge=0, le=3650)] = 7.0


class MqttConfig(Section):
    """Telling an MQTT broker who is there. An empty `broker` is off."""

    broker: BrokerName = ""
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    user: Annotated[str, Field(max_length=256)] = ""
    password_file: PathText = ""
    password_env: Annotated[str, Field(max_length=256)] = ""
    tls: bool = False
    ca_file: PathText = ""
    client_id: ClientId = "facestream"
    topic_prefix: TopicPrefix = "facestream"
    discovery_prefix: TopicPrefix = "homeassistant"
    absence_s: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    faces: Literal["none", "enrolled", "all"] = "enrolled"
    also: list[Literal["frigate", "double-take"]] = []

    @property
    def enabled(self) -> bool:
        """Whether a broker is named."""
        return bool(self.broker)


class WebConfig(Section):
    """The page, REST and pictures for browsers."""

    enabled: bool = True
    address: IpAddress = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8470
    hosts: Annotated[list[HostName], Field(max_length=64)] = []
    cert: PathText = ""
    key: PathText = ""

    @property
    def url(self) -> str:
        """Where it is, as seen from this host, or by its first name."""
        anywhere = ip_address(self.address).is_unspecified
        address = f"[{self.address}]" if ":" in self.address else self.address
        host = self.hosts[0] if self.hosts else "127.0.0.1" if anywhere else address
        return f"{'https' if self.cert else 'http'}://{host}:{self.port}"

    @property
    def needs_token(self) -> bool:
        """Whether others than programs of this host may reach it, by itself or through a proxy."""
        return bool(self.hosts) or not ip_address(self.address).is_loopback


class LogConfig(Section):
    """Logging of all processes."""

    level: Literal["debug", "info", "warning", "error"] = "warning"
    format: Literal["text", "json"] = "text"


class SuperviseConfig(Section):
    """How processes are watched."""

    start_timeout_s: Annotated[float, Field(ge=5, le=3600)] = 120.0
    heartbeat_timeout_s: Annotated[float, Field(ge=3, le=600)] = 20.0
    back_off_max_s: Annotated[float, Field(ge=0.25, le=3600)] = 60.0
    back_off_reset_s: Annotated[float, Field(ge=1, le=86_400)] = 60.0


class Config(Section):
    """The whole file. `base` is its folder, `path` the file itself."""

    data_dir: PathText = "var"
    cameras: Annotated[
        dict[CameraName, CameraConfig],
        Field(min_length=1, max_length=64),
    ]
    detect: DetectConfig = DetectConfig()
    track: TrackConfig = TrackConfig()
    capture: CaptureConfig = CaptureConfig()
    dispatch: DispatchConfig = DispatchConfig()
    embed: EmbedConfig = EmbedConfig()
    identify: IdentifyConfig = IdentifyConfig()
    view: ViewConfig = ViewConfig()
    enrol: EnrolConfig = EnrolConfig()
    bus: BusConfig = BusConfig()
    strangers: StrangersConfig = StrangersConfig()
    history: HistoryConfig = HistoryConfig()
    control: ControlConfig = ControlConfig()
    mqtt: MqttConfig = MqttConfig()
    webhook: Annotated[list[WebhookConfig], Field(max_length=16)] = []
    web: WebConfig = WebConfig()
    log: LogConfig = LogConfig()
    supervise: SuperviseConfig = SuperviseConfig()
    path: Annotated[Path, Field(exclude=True)] = Path("config.toml")

    @property
    def data_path(self) -> Path:
        """The folder that holds everything the program writes."""
        return Path(os.path.realpath(self.path.parent / self.data_dir))

    @property
    def run_path(self) -> Path:
        """The folder of what is there only while a pipeline runs: sockets, states of processes."""
        return self.data_path / "run"

    @property
    def gallery_path(self) -> Path:
        """The folder of galleries."""
        return self.data_path / "gallery"

    @property
    def history_path(self) -> Path:
        """The file of the history: events, visits, and crops that may be kept."""
        return self.data_path / HISTORY_FILE

    @property
    def webhooks_path(self) -> Path:
        """The file of what is to be delivered to webhooks."""
        return self.data_path / WEBHOOKS_FILE

    @property
    def control_path(self) -> Path:
        """The folder of changes of people that are under way."""
        return self.data_path / "control"

    @property
    def paused_path(self) -> Path:
        """Which cameras are paused, as control writes it down."""
        return self.data_path / "paused.json"

    @property
    def web_token_path(self) -> Path:
        """The file with the hash of the token that lets browsers and programs in."""
        return self.data_path / "web" / "token"

    @property
    def keeps_crops(self) -> bool:
        """Whether any crop may be written down by a running pipeline."""
        return self.history.enabled and (self.strangers.keep or self.history.snapshots)

    @property
    def answers_path(self) -> Path:
        """What was measured of the network's runtimes and precisions on this machine."""
        return self.data_path / "cache" / "runtimes.json"

    @property
    def weights_path(self) -> Path | None:
        """The weights file, or None for the shipped one."""
        return self.path.parent / self.embed.weights if self.embed.weights else None

    @property
    def security(self) -> Security:
        """How tcp is protected."""
        keys = self.path.parent / self.bus.keys if self.bus.keys else None
        return Security(keys, self.bus.insecure)

    @property
    def addresses(self) -> dict[str, str]:
        """Every bus address by its key, with its ipc path made absolute."""
        return {name: self.resolve(address) for name, address in self.bus.addresses.items()}

    @property
    def socket_files(self) -> dict[str, Path]:
        """The files of the bus's ipc sockets by key, whether they are there or not."""
        return {
            name: Path(address.removeprefix("ipc://"))
            for name, address in self.addresses.items()
            if address.startswith("ipc://")
        }

    def address(self, name: str) -> str:
        """Return a bus address with its ipc path made absolute."""
        return self.addresses[name]

    def resolve(self, address: str) -> str:
        """Make a relative ipc path absolute, below data_dir."""
        if not address.startswith("ipc://"):
            return address
        return f"ipc://{self.data_path / address.removeprefix('ipc://')}"
