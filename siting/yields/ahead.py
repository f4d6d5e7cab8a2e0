"""Asking for numbers ahead of their use, so that memory delivers while the processor computes."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

#: Single-precision numbers in a line of memory; in double precision, asking so far apart brings every other line.
LINE = 16
#: What LLVM's instruction is told: to read, to be kept in the nearest cache, numbers and not instructions.
_READ, _KEPT, _DATA = 0, 3, 1


@intrinsic  # type: ignore[untyped-decorator]
def ask_for(context: Any, values: Any, number: Any) -> Any:  # noqa: ARG001
    """Ask for the line of memory of a number, counted from the first of a contiguous array; a number beyond its end does no harm."""

    def ask(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.bitcast(builder.gep(array.data, [args[1]]), cgutils.voidptr_t)
        whole = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, whole, whole, whole])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [place, whole(_READ), whole(_KEPT), whole(_DATA)])
        return context.get_dummy_value()

    return types.none(values, types.intp), ask
