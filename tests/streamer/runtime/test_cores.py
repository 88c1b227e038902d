import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamer.runtime.cores import available_cores


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("", {}, 16),
        ("0::/\n", {}, 16),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 16),
        ("0::/\n", {"cpu.max": "400000 100000\n"}, 4),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "350000 100000\n"}, 3),
        ("0::/\n", {"cpu.max": "9900000 100000\n"}, 16),
        ("0::/\n", {"cpu.max": "nonsense\n"}, 16),
        # The narrowest group above the process counts.
        ("0::/a/b\n", {"cpu.max": "800000 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/a/b\n", {"a/cpu.max": "max 100000", "a/b/cpu.max": "200000 100000"}, 2),
        ("0::/elsewhere\n", {"other/cpu.max": "100000 100000"}, 16),
        # In a container the path is the host's, and what counts is at the mount.
        ("0::/host/path\n", {"cpu.max": "500000 100000"}, 5),
        # Version 1.
        (
            "4:memory:/x\n3:cpu,cpuacct:/x\n0::/\n",
            {
                "cpu,cpuacct/x/cpu.cfs_quota_us": "600000\n",
                "cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
            },
            6,
        ),
        (
            "1:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            16,
        ),
        (
            "3:cpuacct,cpu:/x\n",
            {"cpu/cpu.cfs_quota_us": "250000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            2,
        ),
        ("5:cpuset:/x\n", {"cpuset/x/cpu.max": "100000 100000"}, 16),
    ],
)  # fmt: skip
def test_the_quota_of_the_control_group_counts(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    membership: str,
    files: dict[str, str],
    expected: int,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    (folder / "membership").write_text(membership)
    for name, content in files.items():
        path = folder / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert available_cores(folder / "groups", folder / "membership") == expected


def test_affinity_counts() -> None:
    one = min(os.sched_getaffinity(0))
    count = (
        f"import os; os.sched_setaffinity(0, {{{one}}}); "
        "from streamer.runtime.cores import available_cores; print(available_cores())"
    )
    done = subprocess.run([sys.executable, "-c", count], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
