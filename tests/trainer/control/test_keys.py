"""Who may change people over tcp: who has a key for it, and nobody without keys."""

import socket
from pathlib import Path

import pytest

from streamer.bus.curve import make_keys
from streamer.config.sections import Config
from streamer.control import Control, ControlError
from streamer.errors import ConfigError
from tests.trainer.control.running import CONFIG, PATIENCE_S, config_in, serving, with_this
from workers.embedding.embedder import Embedder


def free_address() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{one.getsockname()[1]}"


def test_a_key_for_control_is_let_in_and_a_subscribers_is_not(
    config: Config, embedder: Embedder, folder: Path
) -> None:
    keys, address = folder / "keys", free_address()
    make_keys(keys, {"control": ["page"], "subscriber": ["viewer"]})
    local = config_in(folder, f'{CONFIG}[bus]\ncontrol = "{address}"\nkeys = "keys"\n')
    with serving(local, with_this(embedder)) as own:
        assert len(own.people()) == 2
        with Control(address, keys / "page", PATIENCE_S) as page:
            assert page.rename("Grace Hopper", "Grace").state == "done"
            with pytest.raises(ControlError, match="send the pictures"):
                page.enrol_paths("Grace", [folder])
        with (
            Control(address, keys / "viewer", 2.0) as viewer,
            pytest.raises(ControlError, match="no answer for 2 s"),
        ):
            viewer.forget("Grace")


def test_without_keys_it_is_not_on_tcp(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"bus.control: must be ipc:// while bus.insecure"):
        config_in(folder, f'{CONFIG}[bus]\ncontrol = "tcp://*:5000"\ninsecure = true\n')
