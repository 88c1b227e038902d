import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from streamer.config.loading import load_config
from streamer.config.sections import Config
from streamer.config.webhooks import WebhookConfig
from streamer.errors import ConfigError

ROOT = Path(__file__).parents[3]
CAMERA = '[cameras.door]\nsource = "demo"\n'
HOOK = CAMERA + '[[webhook]]\nname = "a"\n'


def load(folder: Path, text: str) -> Config:
    path = folder / "config.toml"
    path.write_text(text)
    return load_config(path)


def test_a_camera_is_all_that_is_needed(folder: Path) -> None:
    config = load(folder, CAMERA)
    assert list(config.cameras) == ["door"]
    assert config.gallery_path == folder / "var" / "gallery"
    assert config.address("events") == f"ipc://{folder}/var/run/events"


def test_the_shipped_file_has_every_key_with_its_default() -> None:
    content = tomllib.loads((ROOT / "config.toml").read_text())
    config = load_config(ROOT / "config.toml")
    for name, field in Config.model_fields.items():
        if name in ("path", "cameras", "webhook"):
            continue
        section = getattr(config, name)
        if isinstance(section, BaseModel):
            assert set(content[name]) == set(type(section).model_fields), name
            assert section == type(section)(), name
        else:
            assert content[name] == field.default, name


def test_the_shipped_file_shows_every_key_of_a_webhook_with_its_default() -> None:
    text = (ROOT / "config.toml").read_text()
    table = text.split("# [[webhook]]")[1].split("\n\n")[0]
    content = tomllib.loads(table.split("\n", 1)[1].replace("\n# ", "\n").removeprefix("# "))
    fields = WebhookConfig.model_fields
    assert set(content) == set(fields)
    for name in set(fields) - {"name", "url"}:
        assert content[name] == fields[name].default, name


def test_cameras_take_the_common_tables_and_their_own_keys(folder: Path) -> None:
    config = load(
        folder,
        "[detect]\nmin_face = 40\nneighbours = 5\n[cameras.a]\nsource = 0\n"
        "[cameras.b]\nsource = 1\ndetect = { min_face = 99 }\n",
    )
    assert (config.cameras["a"].detect.min_face, config.cameras["a"].detect.neighbours) == (40, 5)
    assert (config.cameras["b"].detect.min_face, config.cameras["b"].detect.neighbours) == (99, 5)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["cameras: is required"]),
        ("cameras = {}", ["cameras: must be at least 1 camera", "[cameras.door]", "a table of 0"]),
        ("cameras = 3", ["cameras: must be a table of keys. Received: 3"]),
        ("[[cameras]]", ["cameras: must be a table of keys. Received: a list of 1"]),
        ('cameras.door = "demo"', ["cameras.door: must be a table of keys. Received: 'demo'"]),
        ("detect = 3\n" + CAMERA, ["detect: must be a table of keys. Received: 3"]),
        ("= 3", ["must be a TOML file", "line 1"]),
        (CAMERA + "colour = 1", ["cameras.door.colour: unknown key"]),
        (CAMERA + "[detekt]\nmin_face = 3", ["detekt: unknown key"]),
        (CAMERA + "[detect]\nmin_face = 3", ["detect.min_face: must", "16", "Received: 3"]),
        (CAMERA + '[detect]\nmin_face = "64"', ["detect.min_face: must", "integer", "'64'"]),
        (CAMERA + "[detect]\nmin_face = 64.5", ["detect.min_face: must"]),
        (CAMERA + "[detect]\nscale_factor = 1.0", ["detect.scale_factor: must", "greater than 1"]),
        (CAMERA + "[detect]\nscale_factor = nan", ["detect.scale_factor: must"]),
        (CAMERA + '[embed]\nworkers = "many"', ["embed.workers: must", "'many'"]),
        (CAMERA + "[embed]\nworkers = 0", ["embed.workers: must", "Received: 0"]),
        (CAMERA + "[supervise]\nmax_restarts = 5", ["max_restarts: is no more", "back_off"]),
        (CAMERA + "[identify]\nregularisation = 1.0", ["is now identify.C", "Remove it"]),
        (CAMERA + "[identify]\njpeg_quality = 80", ["is now view.jpeg_quality"]),
        (CAMERA + "[supervise]\nrestart_window_s = 9.0", ["is now back_off_reset_s"]),
        (CAMERA + "[identify]\nmin_votes = 7.0", ["identify.min_votes: must be at most 6.6"]),
        (CAMERA + "[identify]\nswitch_margin = 6.7", ["identify.switch_margin: must be", "6.6"]),
        (CAMERA + "[identify]\nswitch_margin = nan", ["identify.switch_margin: must"]),
        (CAMERA + '[log]\nlevel = "loud"', ["log.level: must", "'debug'", "'loud'"]),
        (CAMERA + "[capture]\nretry_min_s = 60.0", ["retry_max_s must be at least"]),
        (CAMERA + 'pace = "fast"\nloop = true', ["cameras.door: loop must be false"]),
        (CAMERA + '[bus]\nevents = "tcp://*:5555"', ["bus.events", "bus.keys", "insecure"]),
        (CAMERA + '[bus]\nevents = "udp://x"', ["bus.events: must"]),
        (CAMERA + '[bus]\nevents = "tcp://*:65536"', ["bus.events: must", "65536"]),
        (CAMERA + '[bus]\nevents = "ipc://run/crops"', ["bus.crops", "an address of its own"]),
        (CAMERA + f'data_dir = "{"x" * 99}"', ["unknown key"]),
        (f'data_dir = "{"x" * 99}"\n' + CAMERA, ["data_dir: its path must have at most 94 bytes"]),
        (CAMERA + f'[bus]\nevents = "ipc://{"x" * 99}"', ["bus.events: an ipc path", "107 bytes"]),
        ('data_dir = "a\\u0000"\n' + CAMERA, ["data_dir: must have no NUL", r"Received: 'a\x00'"]),
        ('data_dir = "config.toml"\n' + CAMERA, ["data_dir: must be a folder", "is no folder"]),
        ('data_dir = "config.toml/x"\n' + CAMERA, ["data_dir: must be a folder", "is no folder"]),
        ("data_dir = 3\n" + CAMERA, ["data_dir: must be text in quotes. Received: 3"]),
        (CAMERA + '[embed]\nweights = "a\\u0000"', ["embed.weights: must have no NUL"]),
        (CAMERA + '[bus]\nevents = "ipc://a\\u0000"', ["bus.events: must be ipc://PATH"]),
        (CAMERA + '[bus]\ncrops = "ipc://run/../run/events"', ["bus.crops", "address of its own"]),
        (CAMERA + '[bus]\ncrops = "ipc://run/../run/events"', ["bus.events", "address of its own"]),
        (CAMERA + "[enrol]\nmin_brightness = 0.95", ["enrol.min_brightness must be less", "0.95"]),
        (CAMERA + "[strangers]\nkeep = true\n[history]\nenabled = false", ["strangers.keep must"]),
        (HOOK + 'url = "ftp://a/b"', ["webhook.0.url: must be http:// or https://"]),
        (HOOK + 'url = "http://me:pw@host/"', ["webhook.0.url: must have no user", "headers"]),
        (HOOK + 'url = "http://a:99999/"', ["webhook.0.url: must be http:// or https://"]),
        (HOOK, ["webhook.0: one of url, url_file and url_env must be set"]),
        (HOOK + 'url = "http://a/"\nurl_env = "U"', ["webhook.0: one of url, url_file"]),
        (HOOK + 'url = "http://a/"\nevents = ["enters"]', ["webhook.0.events.0: must", "'enters'"]),
        (HOOK + 'url = "http://a/"\ncameras = ["gate"]', ["webhook.a.cameras: must be", "'gate'"]),
        (HOOK + 'url = "http://a/"\nheaders = { Host = "b" }', ["headers", "not our own"]),
        (HOOK + 'url = "http://a/"\n' + HOOK[len(CAMERA) :] + 'url = "http://a/"', ["a, 2 times"]),
        (CAMERA + '[[webhook]]\nname = "a b"\nurl = "http://a/"', ["webhook.0.name: must"]),
        (CAMERA + "[enrol]\nmin_crops = 61", ["enrol.min_crops must be at most", "60", "61"]),
        (CAMERA + "[dispatch]\nmax_queue = 8\nmax_batch = 32", ["max_batch", "max_queue"]),
        ("[cameras.a]\nsource = 0\n[cameras.b]\nsource = 0", ["one camera's only"]),
        ('cameras.a.source = 0\ncameras.b.source = "/dev/video0"', ["cameras.a.source", "only"]),
        ('cameras.a.source = 0\ncameras.b.source = "/dev/video0"', ["cameras.b.source", "only"]),
        ('[cameras."front door"]\nsource = 0', ["cameras.front door: a camera's name", "letters"]),
        ('[cameras."a/b"]\nsource = 0', ["cameras.a/b: a camera's name must be 1 to 64 letters"]),
        (CAMERA + '["new\\nline"]', [r"'new\nline': unknown key"]),
        ("[cameras.a]\nsource = -1", ["cameras.a.source: must"]),
        ("[cameras.a]\nsource = true", ["cameras.a.source: must"]),
    ],
)  # fmt: skip
def test_a_fault_is_a_line_with_file_key_rule_and_value(
    folder: Path, text: str, parts: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(str(folder / "config.toml")) for line in lines)
    assert any(all(part in line for part in parts) for line in lines), lines


@pytest.mark.parametrize(
    ("table", "value"),
    [
        *(("cameras.a.source", value) for value in ("-1", "100", "1.5", "true", '""', "[0]", "{}")),
        *((f"{CAMERA}[embed]\nworkers", value) for value in ("0", "65", "true", '""', "[1]")),
        (CAMERA + "[embed]\nthreads", "0"),
        ("cameras", "{}"),
        (f'data_dir = "{"x" * 99}"\n' + CAMERA + "loop", "false"),
    ],
)  # fmt: skip
def test_one_fault_is_one_line_without_words_of_python(
    folder: Path, table: str, value: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(folder, f"{table} = {value}\n")
    (line,) = str(caught.value).splitlines()
    assert line.count("must") == 1
    assert "Received" in line
    assert not any(word in line for word in ("instance", "Dictionary", "pattern", "valid", "None"))


def test_a_password_is_not_told_in_part(folder: Path) -> None:
    source = f"rtsp://guard:s3cret{'x' * 3000}@cam"
    for text in (f'cameras.door = "{source}"', f'[cameras.door]\nsource = "{source}"'):
        with pytest.raises(ConfigError) as caught:
            load(folder, text)
        assert "s3cret" not in str(caught.value)


def test_a_byte_order_mark_is_no_fault(folder: Path) -> None:
    path = folder / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf" + CAMERA.encode())
    assert list(load_config(path).cameras) == ["door"]


def test_a_data_dir_in_a_circle_of_links_is_one_line(folder: Path) -> None:
    (folder / "var").symlink_to(folder / "var")
    with pytest.raises(ConfigError, match="data_dir: must be a folder"):
        load(folder, CAMERA)


def test_all_faults_are_told_at_once(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(folder, CAMERA + "[detect]\nmin_face = 3\nneighbours = -1\n[nothing]\n")
    assert len(str(caught.value).splitlines()) >= 3


@pytest.mark.parametrize(
    ("common", "own", "expected"),
    [
        ("min_face = 3", "", ["detect.min_face"]),
        ("min_face = 3", "min_face = 4", ["cameras.door.detect.min_face", "detect.min_face"]),
        ("min_face = 3", "min_face = 40", ["detect.min_face"]),
        ("min_face = 3", "neighbours = -1", ["cameras.door.detect.neighbours", "detect.min_face"]),
        ("", "min_face = 3", ["cameras.door.detect.min_face"]),
        ("colour = 3", "", ["detect.colour"]),
    ],
)
def test_what_a_camera_has_from_a_common_table_is_told_once(
    folder: Path, common: str, own: str, expected: list[str]
) -> None:
    cameras = f"[cameras.door]\nsource = 0\ndetect = {{ {own} }}\n[cameras.hall]\nsource = 1\n"
    with pytest.raises(ConfigError) as caught:
        load(folder, cameras + f"[detect]\n{common}\n")
    told = [line.split(": ")[1] for line in str(caught.value).splitlines()]
    assert sorted(told) == expected


def test_a_rule_between_two_keys_is_told_once(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(folder, CAMERA + "[capture]\nretry_min_s = 60.0\n")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("table", ["[detect]", "[cameras.door.detect]"])
def test_a_cascade_is_relative_to_the_file(folder: Path, table: str) -> None:
    (folder / "models").mkdir()
    for name in ("mine.xml", "models/other.xml"):
        (folder / name).write_text("")
        config = load(folder, CAMERA + f'{table}\ncascade = "{name}"\n')
        assert config.cameras["door"].detect.cascade == str(folder / name)
    config = load(folder, CAMERA + f'{table}\ncascade = "haarcascade_frontalface_alt.xml"\n')
    assert config.cameras["door"].detect.cascade == "haarcascade_frontalface_alt.xml"


def test_no_file(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no such config file"):
        load_config(folder / "none.toml")


@pytest.mark.parametrize(("cores", "expected"), [(1, (1, 1)), (2, (1, 1)), (8, (4, 1))])
def test_the_pool_fits_the_cores(folder: Path, cores: int, expected: tuple[int, int]) -> None:
    assert load(folder, CAMERA).embed.pool(cores) == expected
