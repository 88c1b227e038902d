"""What Tab offers where somebody who is enrolled is to be named."""

from streamer.commands.completion import offered
from streamer.config.sections import Config


def _enrolled(config: Config) -> list[str]:
    from workers.gallery.version import read_manifest
    from workers.gallery.versions import Versions

    versions = Versions(config.gallery_path)
    version = versions.current_version()
    return [] if version is None else list(read_manifest(versions.folder_of(version))["people"])


complete_person = offered(_enrolled)
