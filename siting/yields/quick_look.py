"""Whether hourly values lie beyond limits: a quick look by the bits of their numbers, and a close one.

Read as a whole number, a float that is not negative orders as it does as a float; negative and missing values come after all of
them. So the highest whole number of a group of hours tells in one instruction per vector whether any of them needs a closer look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from siting.yields.curves import JIT

if TYPE_CHECKING:
    from numpy.typing import NDArray


@intrinsic  # type: ignore[untyped-decorator]
def bits(context: Any, value: Any) -> Any:  # noqa: ARG001
    """Bits of a float as a whole number."""

    def same(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return builder.bitcast(args[0], ir.IntType(value.bitwidth))

    return (types.uint32 if value == types.float32 else types.uint64)(value), same


@njit(**JIT)  # type: ignore[untyped-decorator]
def any_beyond(values: NDArray[Any], lowest: Any, highest: Any) -> bool:
    """Whether any number of a two-dimensional array lies below or above numbers of its type; missing ones don't."""
    for row in range(values.shape[0]):
        beyond = False
        for column in range(values.shape[1]):
            beyond |= (values[row, column] < lowest) | (values[row, column] > highest)
        if beyond:
            return True
    return False
