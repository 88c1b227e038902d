"""How many processor cores the kernel grants this process, which may be fewer than the host has."""

import os
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def available_cores(groups: Path = _GROUPS, membership: Path = _MEMBERSHIP) -> int:
    """Count whole cores by affinity and by the CPU quotas of the control groups; at least one.

    groups: where the control groups are mounted, version 1 or 2 (cgroups(7)).
    membership: the file that says which of them this process is in.
    """
    granted = len(os.sched_getaffinity(0))
    for quota in _quotas(groups, membership):
        granted = min(granted, int(quota))
    return max(1, granted)


def _quotas(groups: Path, membership: Path) -> list[float]:
    """Cores allowed by each group above this process that sets a limit."""
    try:
        lines = membership.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    quotas = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Version 2 has one tree; version 1 has one for each set of controllers, named for it.
        for mount in (groups / controllers, groups / "cpu") if controllers else (groups,):
            inside = mount / path.lstrip("/")
            # In a container the path may be the host's: then only the mount itself is there.
            for folder in (inside, *inside.parents):
                quotas += _quota_of(folder)
                if folder == mount:
                    break
    return quotas


def _quota_of(folder: Path) -> list[float]:
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota = (folder / "cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (folder / "cpu.cfs_period_us").read_text(encoding="ascii").strip()
        # "max" in version 2 and -1 in version 1: no limit.
        return [int(quota) / int(period)] if quota not in ("max", "-1") else []
    except (OSError, ValueError, ZeroDivisionError):
        return []
