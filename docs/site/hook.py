"""Make pages of what lies above docs/, and have the links of GitHub work on the site, too.

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
}
"""Files of the top, and what they are called on the site."""

_ABOVE = re.compile(r"\]\((?P<up>(?:\.\./)*)\.\./(?P<name>" + "|".join(TOP) + r")(?=[#)])")
_BESIDE = re.compile(r"\]\((?P<name>" + "|".join(TOP) + r")(?=[#)])")
_THREE = re.compile(r"^ {3}(?=\S)", re.MULTILINE)


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
    markdown = _ABOVE.sub(lambda found: f"]({found['up']}{TOP[found['name']]}", markdown)
    return _THREE.sub("    ", markdown)
