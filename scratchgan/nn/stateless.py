"""Layers without weights: functions with their options filled in."""

from collections.abc import Callable, Sequence

from scratchgan import functional as F
from scratchgan.functional.elementwise import refuse
from scratchgan.hints import Axes, Pair, Random
from scratchgan.nn import init
from scratchgan.nn.module import Module
from scratchgan.nn.options import Number, Several, Whole, pair
from scratchgan.tensor import Tensor


class _Function(Module):
    """A function of `functional` and its options, each an attribute."""

    def __init__(self, function: Callable, **options):
        self.function, self.names = function, tuple(options)
        for name, value in options.items():
            setattr(self, name, value)

    @property
    def options(self):
        """As they stand: {name: value}."""
        return {name: getattr(self, name) for name in self.names}

    def forward(self, input: Tensor) -> Tensor:
        """Apply the function."""
        return self.function(input, **self.options)

    def extra_repr(self) -> str:
        """The options."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items() if value is not None)


class ReLU(_Function):
    """See `functional.relu`."""

    def __init__(self, inplace: bool = False):
        refuse(False, inplace=inplace)
        super().__init__(F.relu)


class LeakyReLU(_Function):
    """See `functional.leaky_relu`."""

    negative_slope = Number()

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False):
        refuse(False, inplace=inplace)
        super().__init__(F.leaky_relu, negative_slope=negative_slope)


class ELU(_Function):
    """See `functional.elu`."""

    alpha = Number()

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        refuse(False, inplace=inplace)
        super().__init__(F.elu, alpha=alpha)


class Softplus(_Function):
    """See `functional.softplus`."""

    beta, threshold = Number("(0, ∞)"), Number()

    def __init__(self, beta: float = 1.0, threshold: float = 20.0):
        super().__init__(F.softplus, beta=beta, threshold=threshold)


class Sigmoid(_Function):
    """See `functional.sigmoid`."""

    def __init__(self):
        super().__init__(F.sigmoid)


class Softmax(_Function):
    """See `functional.softmax`."""

    dim = Whole("(-∞, ∞)", optional=True)

    def __init__(self, dim: int | None = None):
        super().__init__(F.softmax, dim=dim)


class Tanh(_Function):
    """See `functional.tanh`."""

    def __init__(self):
        super().__init__(F.tanh)


class AvgPool2d(_Function):
    """See `functional.avg_pool2d`."""

    kernel_size, stride, padding = pair(), pair(optional=True), pair("[0, ∞)")
    divisor_override = Whole(optional=True)

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ):
        super().__init__(
            F.avg_pool2d,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
            divisor_override=divisor_override,
        )


class MaxPool2d(_Function):
    """See `functional.max_pool2d`."""

    kernel_size, stride, padding = pair(), pair(optional=True), pair("[0, ∞)")

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        dilation: Pair = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ):
        refuse(1, dilation=dilation)
        super().__init__(
            F.max_pool2d,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            return_indices=return_indices,
            ceil_mode=ceil_mode,
        )


class ReflectionPad2d(Module):
    """See `functional.pad`: images mirrored at their edges, by (left, right, top, bottom) pixels, or one number."""

    padding = Several(Whole("[0, ∞)"), 4, alone=4)

    def __init__(self, padding: Axes):
        self.padding = padding

    def forward(self, input: Tensor) -> Tensor:
        """(…, H, W) -> (…, top + H + bottom, left + W + right)."""
        return F.pad(input, self.padding, mode="reflect")

    def extra_repr(self) -> str:
        """The widths."""
        return f"padding={self.padding}"


class Dropout(Module):
    """See `functional.dropout`; the masks come from ``rng``, without it from a fresh generator."""

    p = Number("[0, 1]")

    def __init__(self, p: float = 0.5, inplace: bool = False, *, rng: Random | None = None):
        refuse(False, inplace=inplace)
        self.p, self.rng = p, init.generator(rng)

    def forward(self, input: Tensor) -> Tensor:
        """Zero some elements in training, none in evaluation."""
        return F.dropout(input, self.p, self.training, rng=self.rng)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class Flatten(_Function):
    """See `functional.flatten`; the first axis is kept."""

    start_dim, end_dim = Whole("(-∞, ∞)"), Whole("(-∞, ∞)")

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        super().__init__(F.flatten, start_dim=start_dim, end_dim=end_dim)


class Unflatten(_Function):
    """See `functional.unflatten`."""

    dim, sizes = Whole("(-∞, ∞)"), Several(Whole("[-1, ∞)"))

    def __init__(self, dim: int, unflattened_size: Sequence[int]):
        super().__init__(F.unflatten, dim=dim, sizes=unflattened_size)


class Upsample(_Function):
    """See `functional.interpolate`."""

    size = Several(Whole(), alone=0, optional=True)
    scale_factor = Several(Number("(0, ∞)"), alone=0, optional=True)

    def __init__(
        self,
        size: Axes | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ):
        if (size is None) == (scale_factor is None):
            raise ValueError(f"Upsample needs either size or scale_factor, not size={size} and {scale_factor=}")
        super().__init__(
            F.interpolate,
            size=size,
            scale_factor=scale_factor,
            mode=mode,
            align_corners=align_corners,
            recompute_scale_factor=recompute_scale_factor,
        )


class PixelShuffle(_Function):
    """See `functional.pixel_shuffle`."""

    upscale_factor = Whole()

    def __init__(self, upscale_factor: int):
        super().__init__(F.pixel_shuffle, upscale_factor=upscale_factor)
