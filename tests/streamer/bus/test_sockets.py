import subprocess
import sys
import time
from pathlib import Path

import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from streamer.bus.curve import KeyRole, load_key, make_keys
from streamer.bus.sockets import (
    Bus,
    Security,
    Socket,
    check_libzmq,
    open_bus,
    receive_all,
    send_to_peer,
    try_send,
)
from streamer.errors import ConfigError

GENEROUS_MS = 60_000


def test_push_and_pull_over_ipc(folder: Path) -> None:
    address = f"ipc://{folder}/crops"
    with open_bus() as bus:
        pull, push = bus.bind(zmq.PULL, address), bus.connect(zmq.PUSH, address)
        assert list(receive_all(pull)) == []
        assert push.poll(10_000, zmq.POLLOUT)
        assert try_send(push, [b"a", b"b"])
        assert pull.poll(10_000)
        assert list(receive_all(pull)) == [[b"a", b"b"]]
        assert push.linger == 0
        assert push.sndhwm > 0


def test_folders_of_sockets_are_made_below_data_path_alone(folder: Path) -> None:
    bus = Bus(data_path=folder / "var")
    try:
        bus.bind(zmq.PULL, f"ipc://{folder}/var/run/crops")
        bus.bind(zmq.PULL, f"ipc://{folder}/work")
        for path in (folder / "new" / "crops", folder / "var" / ".." / "new" / "crops"):
            with pytest.raises(ConfigError, match="its folder must exist"):
                bus.bind(zmq.PULL, f"ipc://{path}")
    finally:
        bus.close()
    assert (folder / "var" / "run").is_dir()
    assert not (folder / "new").exists()


def test_a_file_in_the_place_of_a_socket_stays(folder: Path) -> None:
    (folder / "notes").write_text("dear")
    with open_bus() as bus, pytest.raises(ConfigError, match="what is there is no socket"):
        bus.bind(zmq.PULL, f"ipc://{folder}/notes")
    assert (folder / "notes").read_text() == "dear"


def test_sending_never_blocks(folder: Path) -> None:
    with open_bus() as bus:
        push = bus.connect(zmq.PUSH, f"ipc://{folder}/nobody", hwm=4)
        sent = 0
        while try_send(push, [b"x"]):
            sent += 1
            assert sent <= 4


def test_tcp_admits_only_clients_whose_key_is_authorised(folder: Path) -> None:
    make_keys(folder / "ours", {"capture": ["shop"]})
    make_keys(folder / "foreign", {})
    # The stranger knows the server's public key, but nobody authorised its own.
    (folder / "foreign" / "server.key").write_bytes((folder / "ours" / "server.key").read_bytes())
    with (
        open_bus(Security(folder / "ours")) as server,
        open_bus(Security(folder / "ours" / "shop")) as friend,
    ):
        pull = server.bind(zmq.PULL, "tcp://127.0.0.1:*", roles=["capture"])
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
from streamer.bus.sockets import Bus

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


ADMITTED: dict[str, tuple[KeyRole, ...]] = {
    "crops": ("capture",),
    "work": ("worker",),
    "events": ("capture", "subscriber"),
    "own": (),
}


@pytest.mark.parametrize("who", ["capture", "worker", "subscriber", "server"])
def test_a_key_is_let_in_where_its_role_has_business(folder: Path, who: str) -> None:
    make_keys(folder, {"capture": ["capture"], "worker": ["worker"], "subscriber": ["subscriber"]})
    keys = folder if who == "server" else folder / who
    may = {name for name, roles in ADMITTED.items() if who in (*roles, "server")}
    with open_bus(Security(folder)) as server, open_bus(Security(keys)) as client:
        pulls, monitors = {}, {}
        for name, roles in ADMITTED.items():
            pulls[name] = server.bind(zmq.PULL, "tcp://127.0.0.1:*", roles=roles)
            # What is let in says so; what is refused says so, too: nothing is waited for in vain.
            events = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
            push = client.connect(zmq.PUSH, pulls[name].getsockopt_string(zmq.LAST_ENDPOINT))
            monitors[name] = client.monitor(push, events)
            push.send(name.encode())
        assert {name for name, monitor in monitors.items() if let_in(monitor)} == may
        for name, pull in pulls.items():
            assert bool(pull.poll(30_000 if name in may else 0)) == (name in may)


def let_in(monitor: Socket) -> bool:
    assert monitor.poll(30_000)
    event = recv_monitor_message(monitor)["event"]
    return event == zmq.EVENT_HANDSHAKE_SUCCEEDED


def test_a_refusal_names_the_key_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_keys(folder, {"subscriber": ["page"]})
    with open_bus(Security(folder)) as server, open_bus(Security(folder / "page")) as client:
        pull = server.bind(zmq.PULL, "tcp://127.0.0.1:*", roles=["worker"])
        for _ in range(3):
            push = client.connect(zmq.PUSH, pull.getsockopt_string(zmq.LAST_ENDPOINT))
            assert client.monitor(push, zmq.EVENT_HANDSHAKE_FAILED_AUTH).poll(30_000)
    (told,) = [record.getMessage() for record in caplog.records]
    assert "a socket for worker" in told
    assert "subscriber/page.key" in told


def test_a_folder_without_authorised_keys_is_a_config_error(folder: Path) -> None:
    with open_bus(Security(folder)) as bus, pytest.raises(ConfigError, match="facestream keys"):
        bus.bind(zmq.PULL, "tcp://127.0.0.1:*")


def test_a_peer_with_a_full_pipe_is_there_and_one_that_left_is_gone(folder: Path) -> None:
    with open_bus() as bus:
        router = bus.bind(zmq.ROUTER, "inproc://work", hwm=2)
        router.router_mandatory = True
        dealer = bus.connect(zmq.DEALER, "inproc://work", hwm=2)
        dealer.send(b"hello")
        assert router.poll(30_000)
        peer, _ = router.recv_multipart()
        sent = 0
        while (delivery := send_to_peer(router, peer, [b"work"])) == "sent":
            sent += 1
        assert (sent, delivery) == (4, "full")
        dealer.close()
        assert not router.poll(100)
        assert send_to_peer(router, peer, [b"work"]) == "gone"


SLOW_READERS = """
import sys
import time
import zmq
from streamer.bus.sockets import open_bus
with open_bus() as bus:
    publisher = bus.bind(zmq.XPUB, sys.argv[1], hwm=8)
    for _ in range(2):
        with open_bus() as other:
            reader = other.connect(zmq.SUB, sys.argv[1], hwm=1)
            reader.subscribe(b"")
            publisher.poll(60_000)
            until = time.monotonic() + 7
            while time.monotonic() < until:
                publisher.send(bytes(200_000))
                time.sleep(0.05)
            for _ in range(3):
                assert reader.poll(60_000)
                reader.recv()
print("fine")
"""


def test_a_reader_that_stopped_and_reads_again_ends_no_process(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SLOW_READERS, f"ipc://{folder}/x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr


def test_an_immediate_socket_keeps_nothing_for_a_peer_that_is_gone(folder: Path) -> None:
    address = f"ipc://{folder}/work"
    with open_bus() as here:
        dealer = here.connect(zmq.DEALER, address, immediate=True)
        assert not try_send(dealer, [b"nobody is there"])
        with open_bus() as there:
            router = there.bind(zmq.ROUTER, address)
            assert dealer.poll(GENEROUS_MS, zmq.POLLOUT)
            assert try_send(dealer, [b"one"])
            assert router.poll(GENEROUS_MS)
        until = time.monotonic() + GENEROUS_MS / 1000
        while dealer.poll(0, zmq.POLLOUT) and time.monotonic() < until:
            time.sleep(0.05)
        assert not try_send(dealer, [b"three"])
        began = time.monotonic()
        here.close(linger_ms=GENEROUS_MS)
        assert time.monotonic() - began < GENEROUS_MS / 2000


def test_a_libzmq_that_is_too_old_is_one_line() -> None:
    check_libzmq((4, 3, 5))
    check_libzmq((5, 0, 0))
    with pytest.raises(
        ConfigError, match=r"4\.3\.5 or newer.*Received: 4\.3\.4; install"
    ) as caught:
        check_libzmq((4, 3, 4))
    assert "\n" not in str(caught.value)
