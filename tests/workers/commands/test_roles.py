import os

import pytest

from workers.commands.roles import worker_name


def test_a_workers_name_tells_host_and_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "gpu-7")
    assert worker_name() == f"gpu-7-{os.getpid()}"
    monkeypatch.setattr("platform.node", lambda: "x" * 255)
    assert len(worker_name()) < 128
    monkeypatch.setattr("platform.node", lambda: "")
    assert worker_name() == f"host-{os.getpid()}"
