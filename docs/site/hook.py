"""Make pages of what lies beside docs/, and have the links of GitHub work on the site, too.

mkdocs calls these functions; mkdocs.yml names this file.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

TOP = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "ARCHITECTURE.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md",
    "config.toml": "settings.md",
    "LICENSE": "LICENSE.txt",
    "streamer/web/static/preact.LICENSE.txt": "preact.LICENSE.txt",
}
"""Files beside docs/, and what they are called on the site."""

_ABOVE = re.compile(r"\]\((?P<up>(?:\.\./)*)\.\./(?P<name>" + "|".join(TOP) + r")(?=[#)])")
_BESIDE = re.compile(r"\]\((?P<name>" + "|".join(TOP) + r")(?=[#)])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the top, as if they lay in docs/."""
    top = Path(config.config_file_path).parent
    for name, page in TOP.items():
        text = (top / name).read_text()
        if name == "config.toml":
            text = f"# Settings\n\nWhat `facestream init` writes:\n\n```toml\n{text}```\n"
        elif page.endswith(".md"):
            text = text.replace("](docs/", "](")
            text = _BESIDE.sub(lambda found: f"]({TOP[found['name']]}", text)
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to the top to their pages, and indent lists by four, as this Markdown wants."""
    return _indented(_ABOVE.sub(lambda found: f"]({found['up']}{TOP[found['name']]}", markdown))


def _indented(markdown: str) -> str:
    """Indent what belongs to a point of a list by four; blocks outside lists stay as they are."""
    lines, block = [], False
    for line in markdown.splitlines():
        if line.startswith("```"):
            block = not block
        elif line.startswith("   ") and not block:
            line = f" {line}"
        lines.append(line)
    return "\n".join(lines)
