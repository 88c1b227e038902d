"""The machine that embeds: its processor's model, and whether it multiplies bfloat16."""

from dataclasses import dataclass
from pathlib import Path

_CPU_FACTS = Path("/proc/cpuinfo")
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


@dataclass(frozen=True)
class Processor:
    """What the kernel says of the processor: its model, and whether it multiplies bfloat16."""

    model: str
    bfloat16: bool


def this_processor(facts: Path = _CPU_FACTS) -> Processor:
    """Read /proc/cpuinfo; an unknown processor is taken to have no bfloat16."""
    try:
        text = facts.read_text(encoding="ascii", errors="replace")
    except OSError:
        return Processor("unknown", False)
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), value.strip())
    flags = set(found.get("flags", "").split())
    return Processor(found.get("model name", "unknown"), bool(flags & _BFLOAT16_FLAGS))
