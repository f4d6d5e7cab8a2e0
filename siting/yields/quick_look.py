"""Whether hourly values may lie beyond limits, by the bits of their numbers.

Read as a whole number, a float that is not negative orders as it does as a float; negative and missing values come after all of
them. So the highest whole number of a stretch tells in one instruction per vector whether any of its values needs a closer look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit, types
from numba.extending import overload

from siting.yields.curves import JIT, OVERLOAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]


def _bits(values: Floats) -> NDArray[Any]:
    """Floats as whole numbers of the same length."""
    raise NotImplementedError


@overload(_bits, **OVERLOAD)  # type: ignore[untyped-decorator]
def _compiled_bits(values: Any) -> Any:
    whole = np.uint32 if values.dtype == types.float32 else np.uint64

    def view(values: Any) -> Any:
        return values.view(whole)

    return view


def _limit_bits(values: Floats, limit: Any) -> tuple[Any, Any]:
    """Bits of a limit in the precision of the values, and the mask of all bits but the sign."""
    raise NotImplementedError


@overload(_limit_bits, **OVERLOAD)  # type: ignore[untyped-decorator]
def _compiled_limit_bits(values: Any, limit: Any) -> Any:  # noqa: ARG001
    def single(values: Any, limit: Any) -> Any:  # noqa: ARG001
        return np.float32(limit).view(np.uint32), np.uint32(2**31 - 1)

    def double(values: Any, limit: Any) -> Any:  # noqa: ARG001
        return np.float64(limit).view(np.uint64), np.uint64(2**63 - 1)

    return single if values.dtype == types.float32 else double


@njit(**JIT)  # type: ignore[untyped-decorator]
def may_leave(values: Floats, highest: Any) -> bool:
    """Whether any value may be below 0, above ``highest`` or missing; false only if none is."""
    bits, limit = _bits(values), _limit_bits(values, highest)[0]
    most = bits[0]
    for hour in range(len(bits)):
        most = max(most, bits[hour])
    return bool(most > limit)


@njit(**JIT)  # type: ignore[untyped-decorator]
def may_stray(values: Floats, farthest: Any) -> bool:
    """Whether any value may be farther from 0 than ``farthest`` or missing; false only if none is."""
    bits, (limit, mask) = _bits(values), _limit_bits(values, farthest)
    most = bits[0] & mask
    for hour in range(len(bits)):
        most = max(most, bits[hour] & mask)
    return bool(most > limit)
