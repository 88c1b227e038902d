"""What the config asks of this machine, each fault a line with file and key."""

import os
import zipfile
from pathlib import Path

import pytest
import zmq

from streamer.bus.sockets import open_bus
from streamer.config import surroundings
from streamer.config.loading import load_config
from streamer.config.surroundings import exposed, lacks, mqtt_password, not_installed
from streamer.errors import ConfigError
from workers.network.weights_file import SHIPPED

CAMERA = '[cameras.door]\nsource = "demo"\n'


def faults(folder: Path, text: str) -> list[str]:
    path = folder / "config.toml"
    path.write_text(text)
    return [line.removeprefix(f"{path}: ") for line in lacks(load_config(path))]


def test_the_defaults_need_nothing(folder: Path) -> None:
    assert faults(folder, CAMERA) == []
    assert [path.name for path in folder.iterdir()] == ["config.toml"]


def test_what_is_there_is_no_fault(folder: Path) -> None:
    (folder / "keys").mkdir()
    (folder / "sockets").mkdir()
    text = CAMERA + (
        f'[bus]\nkeys = "keys"\ncrops = "ipc://{folder}/sockets/crops"\n'
        f'work = "ipc://deep/below/data_dir"\n[embed]\nweights = "{SHIPPED}"\n'
    )
    with open_bus() as bus:  # as a run that was killed leaves one
        bus.bind(zmq.PULL, f"ipc://{folder}/sockets/crops")
        assert faults(folder, text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CAMERA + '[bus]\ncrops = "ipc:///nonexist/x"', "bus.crops: the folder of a socket must"),
        (CAMERA + '[bus]\ncrops = "ipc://../x/crops"', "bus.crops: the folder of a socket must"),
        (CAMERA + '[bus]\ncrops = "ipc://../config.toml"', "bus.crops: must name a socket"),
        (CAMERA + '[bus]\ncrops = "ipc://.."', "bus.crops: must name a socket"),
        (CAMERA + '[bus]\nkeys = "none"', "bus.keys: no such folder"),
        (CAMERA + '[embed]\nweights = "none.npz"', "embed.weights: no such file"),
        (CAMERA + '[embed]\nweights = "config.toml/w.npz"', "embed.weights: no such file"),
        (CAMERA + '[embed]\nweights = "."', "embed.weights: "),
        (CAMERA + '[embed]\nweights = "config.toml"', "embed.weights: not a weights file"),
        (CAMERA + '[embed]\nweights = "other.zip"', "embed.weights: not a weights file"),
    ],
)
def test_what_is_not_there_is_a_line(folder: Path, text: str, expected: str) -> None:
    with zipfile.ZipFile(folder / "other.zip", "w") as archive:
        archive.writestr("notes.txt", "nothing")
    (line,) = faults(folder, text)
    assert line.startswith(expected)
    assert not Path("/nonexist").exists()


def test_a_data_dir_that_cannot_be_written_to(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests may run as root, to whom the system allows everything.
    monkeypatch.setattr(os, "access", lambda path, mode: path != folder)
    (line,) = faults(folder, CAMERA)
    assert line.startswith("data_dir: must be a folder that can be written to. Received: 'var'")
    assert str(folder) in line


@pytest.mark.parametrize("missing", ["openvino", "onnx"])
def test_an_extra_runtime_that_is_not_installed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setattr(
        surroundings, "find_spec", lambda name: None if name == missing else object()
    )
    (line,) = faults(folder, CAMERA + '[embed]\nruntime = "openvino"')
    assert line.startswith("embed.runtime is openvino, which is not installed.")
    assert "pip install 'facestream[openvino]'" in line
    assert not_installed("tensorflow") == ""


MQTT = CAMERA + '[mqtt]\nbroker = "localhost"\nuser = "ann"\n'


def test_a_brokers_password_is_read_and_never_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def password(text: str) -> str | None:
        (folder / "config.toml").write_text(MQTT + text)
        return mqtt_password(load_config(folder / "config.toml"))

    assert password("") is None
    (folder / "secret").write_text(" ge heim\n")
    assert password('password_file = "secret"') == " ge heim"
    monkeypatch.setenv("BROKER_PASSWORD", "geheim")
    assert password('password_env = "BROKER_PASSWORD"') == "geheim"
    for content in (b"", b"\n", b"geheim" * 1000, b"geheim\xff"):
        (folder / "secret").write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            password('password_file = "secret"')
        assert "geheim" not in str(caught.value)
    assert faults(folder, MQTT + 'password_file = "none"') == [
        "mqtt.password_file: none: cannot be read: No such file or directory"
    ]
    (fault,) = faults(folder, MQTT + 'password_env = "NOT_SET"')
    assert fault.startswith("mqtt.password_env: the environment variable NOT_SET: must hold")
    (fault,) = faults(folder, MQTT + 'tls = true\nca_file = "secret"')
    assert fault.startswith("mqtt.ca_file: must be a certificate in PEM form. Received: 'secret'")
    assert faults(folder, CAMERA + '[mqtt]\nuser = "ann"\npassword_file = "none"') == []


def test_what_others_could_read_is_a_warning_with_what_to_do(folder: Path) -> None:
    path = folder / "config.toml"
    path.write_text(
        '[cameras.door]\nsource = "rtsp://guard:s3cret@cam/x"\n[web]\ncert = "c.pem"\n'
        'key = "k.pem"\n[bus]\nkeys = "keys"\n'
    )
    path.chmod(0o600)
    (folder / "k.pem").touch(0o600)
    (folder / "keys").mkdir(0o700)
    (folder / "var" / "gallery").mkdir(0o700, parents=True)
    (folder / "var" / "cache").mkdir(0o755)
    config = load_config(path)
    assert exposed(config) == []
    for each in ("config.toml", "k.pem", "var/gallery"):
        (folder / each).chmod(0o755)
    (folder / "keys" / "a.key_secret").touch(0o644)
    (folder / "keys" / "a.key_secret").chmod(0o644)
    warnings = exposed(config)
    assert [warning.split(": ")[1] for warning in warnings] == [
        "data_dir", "bus.keys", str(path), str(folder / "k.pem"),
    ]  # fmt: skip
    assert warnings[0].endswith(f"chmod -R go= {config.data_path}")
    assert all("s3cret" not in warning for warning in warnings)
