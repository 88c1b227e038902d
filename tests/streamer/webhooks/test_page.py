"""docs/webhooks.md, tried: its configs, its templates, and its check of a signature."""

import json
import re
from pathlib import Path
from typing import Any

from streamer.config.loading import load_config
from streamer.webhooks.happenings import Happening
from streamer.webhooks.posting import signature
from streamer.webhooks.targets import targets_of

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text()


def test_the_configs_can_be_used_and_their_templates_make_json(folder: Path) -> None:
    (folder / "secrets").mkdir()
    (folder / "secrets" / "house").write_text("0" * 64)
    for name in ("slack", "telegram"):
        (folder / "secrets" / f"{name}-url").write_text(f"https://{name}.example/secret")
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    text = '[cameras.door]\nsource = "demo"\n' + "\n".join(blocks)
    (folder / "config.toml").write_text(text)
    happening = Happening(
        event="exit", id="e", at_utc="t", text='"Grace" leaves door', camera="door",
        identity="Grace Hopper",
    )  # fmt: skip
    targets = targets_of(load_config(folder / "config.toml"))
    bodies = {target.name: json.loads(target.letter(happening).body) for target in targets}
    assert set(bodies) == {"house", "ntfy", "slack", "telegram"}
    assert bodies["ntfy"]["message"] == '"Grace" leaves door'
    assert bodies["telegram"]["disable_notification"] is True
    named = set(re.findall(r"`(\w+)`", PAGE.split("`data` has ")[1].split("empty where")[0]))
    assert named == set(bodies["house"]["data"])


def test_the_check_of_a_signature_takes_ours_and_no_other() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    there: dict[str, Any] = {}
    exec(code, there)  # noqa: S102 - it is our own page
    headers = {"webhook-id": "a", "webhook-timestamp": "7"}
    headers["webhook-signature"] = signature(b"secret", "a", 7, b"body")
    assert there["is_ours"](b"secret", headers, b"body")
    assert not there["is_ours"](b"secret", headers, b"bodY")
    assert not there["is_ours"](b"secret", {**headers, "webhook-timestamp": "8"}, b"body")
