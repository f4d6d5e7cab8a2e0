"""Hours of sites as the kernels take them: one row a site, contiguous, writeable and of one type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from siting.vocabulary import AlignmentError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


def rows_of(values: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Array that the kernels are compiled for; copied only where it must be."""
    array = np.ascontiguousarray(values, dtype=dtype)
    return array if array.flags.writeable else array.copy()


def room_for(output: NDArray[Any] | None, like: NDArray[Any]) -> NDArray[Any]:
    """Array to write to, a new one if none is given.

    Raises
    ------
    AlignmentError
        If the given one isn't contiguous, or differs in shape or type.
    """
    if output is None:
        return np.empty_like(like)
    if output.shape != like.shape or output.dtype != like.dtype or not output.flags.c_contiguous:
        layout = "contiguous" if output.flags.c_contiguous else "strided"
        raise AlignmentError(
            f"Expected out as contiguous {like.dtype} of shape {like.shape}, "
            f"found {layout} {output.dtype} of shape {output.shape}; make it so."
        )
    return output
