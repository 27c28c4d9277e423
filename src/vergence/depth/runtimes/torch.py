"""torch: the authors' checkpoints as they are, on the CPU or on CUDA."""

# torch types the result of calling a module as Any, and is not there at all in the plain install.
# Its `Module.to` has no overload for a memory format.
# mypy: disable-error-code="no-any-return, no-untyped-call, misc, call-overload"

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vergence.depth.networks.checkpoints import load_network
from vergence.depth.networks.dpt import DepthAnythingV2, Dpt
from vergence.depth.networks.video_depth_anything import VideoDepthAnything
from vergence.depth.runtimes import Port, RuntimeOptions
from vergence.errors import DeviceError, ModelError
from vergence.geometry.rows import CORES

logger = logging.getLogger(__name__)

TYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
BATCH = 8  # frames a GPU encodes at once; a CPU is as fast one by one, and its cache is smaller
OUT_OF_MEMORY = "the memory of this machine does not suffice; use a smaller --input-size or a smaller model"
CHUNK = 4  # frames whose depth is computed at once: at the picture's size they take 40 MB each

Features = tuple[Tensor, Tensor, Tensor, Tensor]  # of a frame, (1, channels, h, w) each


def open_picture(weights: Path, options: RuntimeOptions, *, size: str | None, max_depth: float | None) -> "TorchGraph":
    """Depth Anything V2 of a checkpoint; raises as `load_network` and `open_video` do."""
    network = load_network(weights, "depth_anything_v2", size=size, max_depth=max_depth)
    assert isinstance(network, DepthAnythingV2)
    return TorchGraph(network, _Placed(network, network.depth_head, options))


def open_video(weights: Path, options: RuntimeOptions, *, size: str | None = None) -> "TorchVideo":
    """Video Depth Anything of a checkpoint.

    Raises:
        WeightsError: it is of another network.
        DeviceError: CUDA was asked for and is not there, or its memory does not hold the network.
        ModelError: the precision is not for this device.
    """
    network = load_network(weights, "video_depth_anything", size=size)
    assert isinstance(network, VideoDepthAnything)
    return TorchVideo(network, _Placed(network, network.head, options))


def free_gpu_memory(options: RuntimeOptions) -> int | None:
    """Bytes that are free on the GPU where a network of these options would run; None on a CPU.

    Raises:
        DeviceError: CUDA was asked for and is not there.
    """
    if _device(options) != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info()
    # What torch keeps for itself it gives to the next network.
    return free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()


class Place:
    """Where, in what precision and with how many threads a network runs."""

    def __init__(self, options: RuntimeOptions) -> None:
        self.device = torch.device(_device(options))
        self.type = TYPES[options.precision]
        self.threads = options.threads or CORES
        if self.device.type == "cpu" and self.type == torch.float16:
            raise ModelError("torch computes f16 on a GPU only; use --precision f32 or bf16")
        logger.info("torch %s, %s on %s, threads: %d", torch.__version__, options.precision, self.device, self.threads)

    @contextmanager
    def running(self) -> Iterator[None]:
        """No gradients, our number of threads, and one clear line when memory does not suffice."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.inference_mode():
                yield
        except MemoryError as error:
            raise ModelError(OUT_OF_MEMORY) from error
        except torch.OutOfMemoryError as error:
            raise DeviceError(
                f"the memory of {torch.cuda.get_device_name(self.device)} does not suffice; use a smaller "
                "--input-size, a smaller model, --precision f16 or --device cpu"
            ) from error
        except RuntimeError as error:
            if "can't allocate memory" not in str(error):  # of the CPU's, which has no type of its own
                raise
            raise ModelError(OUT_OF_MEMORY) from error
        finally:
            torch.set_num_threads(before)

    def put(self, array: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(array).to(self.device, self.type, non_blocking=True)


class _Placed(Place):
    """A network that is moved there; its last layers stay float32, as the authors do."""

    def __init__(self, network: DepthAnythingV2 | VideoDepthAnything, decoder: Dpt, options: RuntimeOptions) -> None:
        super().__init__(options)
        with self.running():
            network.to(self.device, self.type)
            decoder.scratch.output_conv2.to(torch.float32)
            if self.device.type == "cpu":  # a window is decoded in a fifth less time so; the backbone gains nothing
                decoder.to(memory_format=torch.channels_last)


class TorchGraph:
    """A network of one picture as a `Graph`: one (1, 3, H, W) in, one (1, H, W) out."""

    inputs: tuple[Port, ...] = (Port("picture", (1, 3, None, None)),)
    outputs: tuple[Port, ...] = (Port("depth", (1, None, None)),)

    def __init__(self, network: Callable[[Tensor], Tensor], placed: _Placed) -> None:
        self._network = network
        self._placed = placed

    def run(self, *arrays: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        with self._placed.running():
            return [self._network(*map(self._placed.put, arrays)).float().cpu().numpy()]


class TorchVideo:
    """A `VideoNetwork` whose features and states stay where it computes."""

    size: tuple[int, int] | None = None

    def __init__(self, network: VideoDepthAnything, placed: _Placed) -> None:
        self._network = network
        self._placed = placed
        self._batch = 1 if placed.device.type == "cpu" else BATCH

    def encode(self, pictures: Sequence[NDArray[np.float32]]) -> list[Features]:
        made: list[Features] = []
        with self._placed.running():
            for n in range(0, len(pictures), self._batch):
                batch = torch.cat([self._placed.put(picture) for picture in pictures[n : n + self._batch]])
                parts = [part.split(1) for part in self._network.encode(batch)]
                made += zip(*parts, strict=True)
        return made

    def decode(self, features: Sequence[Features]) -> NDArray[np.float32]:
        with self._placed.running():
            path = self._network.mix(*(torch.cat([one[k] for one in features]) for k in (2, 3)))
            depth = []
            for n in range(0, len(features), CHUNK):
                fine, medium = (torch.cat([one[k] for one in features[n : n + CHUNK]]) for k in (0, 1))
                depth.append(self._network.decode(fine, medium, path[n : n + CHUNK]).float().cpu())
            return torch.cat(depth).numpy()

    def step(
        self, features: Features, context: Sequence[tuple[Tensor, ...]]
    ) -> tuple[NDArray[np.float32], tuple[Tensor, ...]]:
        fine, medium, coarse, coarsest = features
        with self._placed.running():
            if context:
                before = [torch.cat(states, dim=1) for states in zip(*context, strict=True)]
            else:
                before = self._network.no_states(coarse, coarsest)
            path, *states = self._network.step(coarse, coarsest, *before)
            return self._network.decode(fine, medium, path)[0].float().cpu().numpy(), tuple(states)


def _device(options: RuntimeOptions) -> str:
    has_cuda = torch.cuda.is_available()
    if options.device == "cuda" and not has_cuda:
        raise DeviceError(
            f"no CUDA device was found (torch {torch.__version__}); use --device cpu, or install a CUDA build of torch"
        )
    return "cuda" if has_cuda and options.device != "cpu" else "cpu"
