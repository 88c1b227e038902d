import subprocess
import sys
from pathlib import Path

import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from streamer.errors import ConfigError
from streamer.wire.curve import load_key, make_keys
from streamer.wire.sockets import Security, open_bus, receive_all, try_send


def test_push_and_pull_over_ipc_in_a_folder_that_is_made(folder: Path) -> None:
    address = f"ipc://{folder}/new/crops"
    with open_bus() as bus:
        pull, push = bus.bind(zmq.PULL, address), bus.connect(zmq.PUSH, address)
        assert list(receive_all(pull)) == []
        assert push.poll(10_000, zmq.POLLOUT)
        assert try_send(push, [b"a", b"b"])
        assert pull.poll(10_000)
        assert list(receive_all(pull)) == [[b"a", b"b"]]
        assert push.linger == 0
        assert push.sndhwm > 0


def test_sending_never_blocks(folder: Path) -> None:
    with open_bus() as bus:
        push = bus.connect(zmq.PUSH, f"ipc://{folder}/nobody", hwm=4)
        sent = 0
        while try_send(push, [b"x"]):
            sent += 1
            assert sent <= 4


def test_keys_are_private_and_never_overwritten(folder: Path) -> None:
    made = make_keys(folder / "keys", ["shop"])
    assert folder / "keys" / "server.key_secret" in made
    assert (folder / "keys" / "server.key_secret").stat().st_mode & 0o077 == 0
    assert (folder / "keys" / "shop" / "server.key").is_file()
    before = load_key(folder / "keys" / "client.key_secret")
    assert make_keys(folder / "keys", ["shop"]) == []
    assert load_key(folder / "keys" / "client.key_secret") == before


def test_tcp_admits_only_clients_whose_key_is_authorised(folder: Path) -> None:
    make_keys(folder / "ours", [])
    make_keys(folder / "foreign", [])
    # The stranger knows the server's public key, but nobody authorised its own.
    (folder / "foreign" / "server.key").write_bytes((folder / "ours" / "server.key").read_bytes())
    with (
        open_bus(Security(folder / "ours")) as server,
        open_bus(Security(folder / "ours")) as friend,
    ):
        pull = server.bind(zmq.PULL, "tcp://127.0.0.1:*")
        address = pull.getsockopt_string(zmq.LAST_ENDPOINT)
        with (
            open_bus(Security(folder / "foreign")) as stranger,
            open_bus(Security(insecure=True)) as plain,
        ):
            for bus in (stranger, plain):
                push = bus.connect(zmq.PUSH, address)
                push.send(b"hostile")
            good = friend.connect(zmq.PUSH, address)
            good.send(b"good")
            assert pull.poll(30_000)
            assert pull.recv() == b"good"
            assert not pull.poll(500)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:*", "ipc:///proc/no/such/x", "tcp://no-such-nic:5555"]
)
def test_an_address_that_cannot_be_used_is_a_config_error(address: str) -> None:
    security = Security(insecure=address != "tcp://127.0.0.1:*")
    with open_bus(security) as bus, pytest.raises(ConfigError):
        bus.bind(zmq.PULL, address)


def test_a_key_file_that_is_none(folder: Path) -> None:
    (folder / "server.key").write_text("nothing")
    with pytest.raises(ConfigError, match="CURVE key"):
        load_key(folder / "server.key")


CLOSES_WITH_A_MONITOR = """
import sys, zmq
from streamer.wire.sockets import Bus

bus = Bus()
socket = bus.bind(zmq.ROUTER, f"ipc://{sys.argv[1]}/work")
if sys.argv[2] == "ours":
    bus.monitor(socket, zmq.EVENT_DISCONNECTED)
else:
    socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
bus.close(500)
print("closed")
"""


@pytest.mark.parametrize("whose", ["ours", "foreign"])
def test_a_monitor_does_not_hold_the_process_when_the_bus_closes(folder: Path, whose: str) -> None:
    # In a process of its own: what hangs here hangs in C, where no test can end it.
    done = subprocess.run(
        [sys.executable, "-c", CLOSES_WITH_A_MONITOR, str(folder), whose],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "closed\n"


def test_a_monitor_tells_who_comes(folder: Path) -> None:
    with open_bus() as bus, open_bus() as other:
        address = f"ipc://{folder}/work"
        monitor = bus.monitor(bus.bind(zmq.ROUTER, address), zmq.EVENT_ACCEPTED)
        other.connect(zmq.DEALER, address)
        assert monitor.poll(60_000)
        assert recv_monitor_message(monitor)["event"] == zmq.EVENT_ACCEPTED
