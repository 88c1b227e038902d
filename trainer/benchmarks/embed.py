"""The forward pass: crops a second by path, batch and threads, against other runtimes.

Every path runs in a process of its own for each number of threads, as threads are set once in a
process; paths take turns, and the best turn counts, as other programs can only slow one down.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamer.capture.demo import collins_bgr, hopper_bgr
from streamer.constants import CROP_SIZE, EMBEDDING_SIZE
from streamer.errors import FacestreamError
from streamer.vision.boxes import Box
from streamer.vision.crop import cut_crop
from workers.embedding.interface import EmbedFunction
from workers.embedding.runtimes import build
from workers.network.nn4 import DENSE_INPUTS, Conv, build_network
from workers.network.weights_file import Weights, load_weights

BATCHES = (1, 8, 32)
PATHS = (
    "keras",
    "tensorflow",
    "tensorflow_bfloat16",
    "onnxruntime",
    "openvino",
    "openvino_bfloat16",
    "openvino_alone",
    "openvino_alone_bfloat16",
)
PEAKS = ("matmul_float32", "matmul_bfloat16")
_CHECKED_CROPS = 64
_PEAK_SIZE = 2048


def measure(
    threads: list[int], rounds: int, seconds: float, on_path: Callable[[str], None]
) -> dict[str, Any]:
    """Everything by path; a path whose package is not installed is left out, with the reason."""
    rates: dict[str, dict[str, dict[str, float]]] = {}
    cosines: dict[str, float] = {}
    peaks: dict[str, dict[str, float]] = {}
    skipped: dict[str, str] = {}
    for turn in range(rounds):
        for count in threads:
            for path in (*PATHS, *PEAKS):
                if path in skipped:
                    continue
                on_path(f"{path}, threads {count}, turn {turn + 1} of {rounds}")
                found = _in_process(path, count, seconds)
                if "skipped" in found:
                    skipped[path] = found["skipped"]
                elif path in PEAKS:
                    so_far = peaks.setdefault(path.removeprefix("matmul_"), {})
                    so_far[str(count)] = max(found["flops_per_s"], so_far.get(str(count), 0.0))
                else:
                    best = rates.setdefault(path, {}).setdefault(str(count), {})
                    for batch, rate in found["crops_per_s"].items():
                        best[batch] = max(rate, best.get(batch, 0.0))
                    cosines[path] = found["lowest_cosine"]
    return {
        "crops_per_s": rates,
        "ms_per_batch": _each(rates, lambda rate, batch: 1000 * batch / rate),
        "matmul_flops_per_s": peaks,
        "flops_per_crop": flops_per_crop(),
        "share_of_matmul_peak": {
            path: {
                count: {
                    batch: rate * flops_per_crop() / peaks[_precision(path)][count]
                    for batch, rate in by_batch.items()
                }
                for count, by_batch in by_threads.items()
            }
            for path, by_threads in rates.items()
        },
        "lowest_cosine_to_float32": cosines,
        "skipped": skipped,
    }


def _each(
    rates: dict[str, dict[str, dict[str, float]]], change: Callable[[float, int], float]
) -> dict[str, dict[str, dict[str, float]]]:
    return {
        path: {
            count: {batch: change(rate, int(batch)) for batch, rate in by_batch.items()}
            for count, by_batch in by_threads.items()
        }
        for path, by_threads in rates.items()
    }


def measure_memory(crops: int, on_progress: Callable[[str], None]) -> dict[str, Any]:
    """Resident memory of an embedding process at start and over so many crops, in MiB."""
    process = subprocess.Popen(  # noqa: S603 (our own module)
        [sys.executable, "-m", "trainer.benchmarks.embed", "memory", str(crops)],
        stdout=subprocess.PIPE,
        text=True,
    )
    points = []
    for line in process.stdout or ():
        points.append(json.loads(line))
        on_progress(f"memory: {points[-1][1]:.0f} MiB after {points[-1][0]} crops")
    if process.wait() or len(points) < 2:
        raise FacestreamError("the memory measurement ended early")
    return {"mib_by_crops": points, "mib_growth": points[-1][1] - points[1][1]}


def flops_per_crop() -> int:
    """Multiplications and additions of the convolutions and the dense layer for one crop."""
    counting = _CountingOps()
    build_network((CROP_SIZE, 3), counting)
    return counting.total


class _CountingOps:
    """The operations of `nn4.build_network` on (side, channels)."""

    def __init__(self) -> None:
        self.total = 2 * DENSE_INPUTS * EMBEDDING_SIZE

    def conv(self, x: tuple[int, int], layer: Conv) -> tuple[int, int]:
        side = (x[0] + 2 * layer.pad - layer.kernel) // layer.stride + 1
        self.total += 2 * side**2 * layer.kernel**2 * layer.channels_in * layer.channels
        return side, layer.channels

    def pool(
        self, x: tuple[int, int], kind: Literal["max", "l2"], size: int, stride: int
    ) -> tuple[int, int]:
        return (x[0] - size) // stride + 1, x[1]

    def zero_pad(self, x: tuple[int, int], pad: tuple[int, int]) -> tuple[int, int]:
        return x[0] + sum(pad), x[1]

    def local_response_norm(self, x: tuple[int, int]) -> tuple[int, int]:
        return x

    def concatenate(self, parts: list[tuple[int, int]]) -> tuple[int, int]:
        return parts[0][0], sum(channels for _, channels in parts)

    def embed(self, x: tuple[int, int]) -> tuple[int, int]:
        return x


def _precision(path: str) -> str:
    return "bfloat16" if path.endswith("bfloat16") else "float32"


def _in_process(path: str, threads: int, seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "trainer.benchmarks.embed", path, str(threads), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise FacestreamError(f"{path} failed: {done.stderr.strip().splitlines()[-1:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _crops(count: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    images = (collins_bgr(), hopper_bgr())
    found = []
    for index in range(count):
        image = images[index % 2]
        x, y = rng.uniform(0, np.array(image.shape[1::-1]) / 2)
        found.append(cut_crop(image, Box(float(x), float(y), 120.0, 120.0)))
    return np.stack(found)


def _rate(embed: EmbedFunction, batch: int, seconds: float) -> float:
    crops = _crops(batch)
    for _ in range(3):
        embed(crops)
    times: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(times) < 3:
        began = time.perf_counter()
        embed(crops)
        times.append(time.perf_counter() - began)
    return float(batch / np.median(times))


def _build(path: str, threads: int, weights: Weights) -> EmbedFunction:
    precision = "bfloat16" if path.endswith("bfloat16") else "float32"
    if path == "keras":
        return _keras(threads, weights)
    if path.startswith("openvino_alone"):
        return _openvino_alone(threads, weights, precision)
    runtime = path.removesuffix("_bfloat16")
    return build(weights, threads, runtime, precision)  # type: ignore[arg-type]


def _keras(threads: int, weights: Weights) -> EmbedFunction:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import keras

    from trainer.distillation.student import KerasOps, load_arrays
    from workers.network.nn4 import BATCH_NORM_EPSILON, all_convs, build_network

    class PlainOps(KerasOps):
        """With Keras's own batch norm, as anybody would write it."""

        def norm(self, x: tf.Tensor, name: str) -> tf.Tensor:
            return keras.layers.BatchNormalization(epsilon=BATCH_NORM_EPSILON, name=name)(x)

    inputs = keras.Input((96, 96, 3))
    model = keras.Model(inputs, build_network(inputs, PlainOps(weights.lrn)))
    load_arrays(model, all_convs(), weights.arrays)
    network = tf.function(lambda crops: model(crops, training=False), reduce_retracing=True)

    def embed(crops_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(network(tf.constant(crops_rgb.astype(np.float32) / np.float32(255))))

    return embed


def _openvino_alone(threads: int, weights: Weights, precision: str) -> EmbedFunction:
    """OpenVINO on the exported model as a user of it would run it, input prepared beforehand."""
    import openvino

    from workers.embedding.onnx_graph import onnx_bytes

    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(model=onnx_bytes(weights)),
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
            "PERFORMANCE_HINT": "LATENCY",
        },
    )
    request = compiled.create_infer_request()
    prepared: dict[int, NDArray[np.float32]] = {}

    def embed(crops_rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        planes = prepared.get(len(crops_rgb))
        if planes is None:
            planes = crops_rgb.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)
            prepared[len(crops_rgb)] = planes
        return np.array(request.infer({0: planes})[0])

    return embed


def _matmul_peak(threads: int, precision: str, seconds: float) -> float:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    square = tf.cast(tf.random.normal((_PEAK_SIZE, _PEAK_SIZE)), precision)
    multiply = tf.function(tf.matmul)
    best = np.inf
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        multiply(square, square).numpy()
        best = min(best, time.perf_counter() - began)
    return float(2 * _PEAK_SIZE**3 / best)


def _main(path: str, *numbers: str) -> None:
    if path == "memory":
        _memory(int(numbers[0]))
        return
    threads, seconds = int(numbers[0]), float(numbers[1])
    if path in PEAKS:
        _say({"flops_per_s": _matmul_peak(threads, path.removeprefix("matmul_"), seconds)})
        return
    weights = load_weights()
    try:
        embed = _build(path, threads, weights)
    except (ImportError, FacestreamError) as error:
        _say({"skipped": str(error)})
        return
    rates = {str(batch): _rate(embed, batch, seconds) for batch in BATCHES}
    crops = _crops(_CHECKED_CROPS)
    expected = build(weights, threads, "tensorflow", "float32")(crops)
    _say({"crops_per_s": rates, "lowest_cosine": float((embed(crops) * expected).sum(1).min())})


def _memory(crops: int) -> None:
    embed = build(load_weights(), 1)
    sizes = (1, 2, 4, 8, 3, 32)
    batches = [_crops(size) for size in sizes]
    done, turn, next_point = 0, 0, 0
    while done <= crops:
        if done >= next_point:
            _say([done, _resident_mib()])
            next_point += max(1, crops // 10)
        embed(batches[turn % len(sizes)])
        done += sizes[turn % len(sizes)]
        turn += 1
    _say([done, _resident_mib()])


def _resident_mib() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * 4096 / 2**20


def _say(content: Any) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _main(*sys.argv[1:])
