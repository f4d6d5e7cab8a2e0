"""Looking up a short table for a whole vector of hours at once, on processors that keep such a table in registers."""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

#: Hours that are looked up together, and numbers of a table: four registers of AVX-512 each.
HOURS, ENTRIES = 64, 64
_WIDTH = 16
_SINGLE, _WHOLE = ir.VectorType(ir.FloatType(), _WIDTH), ir.VectorType(ir.IntType(32), _WIDTH)
#: Instructions: one of the numbers of two registers for each lane, and a product and a sum that are rounded once.
_PICK, _FUSE = "llvm.x86.avx512.vpermi2var.ps.512", f"llvm.fma.v{_WIDTH}f32"


@functools.cache
def holds_tables() -> bool:
    """Whether kernels are compiled for a processor that has the instruction."""
    return "+avx512f" in cpu_target.target_context.codegen().magic_tuple()[2]


@intrinsic  # type: ignore[untyped-decorator]
def follow_lines(context: Any, offsets: Any, slopes: Any, number: Any, speed: Any, output: Any, first: Any) -> Any:  # noqa: ARG001
    """Write ``offsets[number] + slopes[number] * speed``, at least 0, into ``HOURS`` numbers of ``output`` from ``first`` on.

    ``number`` and ``speed`` have as many numbers, the tables have ``ENTRIES``, all in single precision; missing speeds stay missing.
    """

    def follow(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = [context.make_array(kind)(context, builder, value).data for kind, value in zip(signature.args[:5], args[:5], strict=True)]
        data[4] = builder.gep(data[4], [args[5]])
        fuse = builder.module.declare_intrinsic(_FUSE, (), ir.FunctionType(_SINGLE, [_SINGLE] * 3))
        nothing, tables = ir.Constant(_SINGLE, [0.0] * _WIDTH), [_registers(builder, table) for table in data[:2]]
        for hour in range(0, HOURS, _WIDTH):
            chosen = builder.load(_part(builder, data[2], hour, _WHOLE), align=4)
            speeds = builder.load(_part(builder, data[3], hour, _SINGLE), align=4)
            offset, slope = (_entry(builder, table, chosen) for table in tables)
            found = builder.call(fuse, [slope, speeds, offset])
            found = builder.select(builder.fcmp_ordered("<", found, nothing), nothing, found)
            builder.store(found, _part(builder, data[4], hour, _SINGLE), align=4)
        return context.get_dummy_value()

    rows = (types.Array(kind, 1, "C") for kind in (types.float32, types.float32, types.uint32, types.float32, types.float32))
    return types.none(*rows, types.intp), follow


def _part(builder: Any, data: Any, first: int, kind: Any) -> Any:
    """Place of a register's numbers in an array."""
    return builder.bitcast(builder.gep(data, [ir.IntType(64)(first)]), kind.as_pointer())


def _registers(builder: Any, table: Any) -> list[Any]:
    return [builder.load(_part(builder, table, first, _SINGLE), align=4) for first in range(0, ENTRIES, _WIDTH)]


def _entry(builder: Any, table: list[Any], chosen: Any) -> Any:
    """Numbers of a table in four registers: of each pair the lower bits of ``chosen`` pick one, and the highest one picks the pair."""
    pick = builder.module.declare_intrinsic(_PICK, (), ir.FunctionType(_SINGLE, [_SINGLE, _WHOLE, _SINGLE]))
    low, high = (builder.call(pick, [table[k], chosen, table[k + 1]]) for k in (0, 2))
    return builder.select(builder.icmp_unsigned(">=", chosen, ir.Constant(_WHOLE, [ENTRIES // 2] * _WIDTH)), high, low)
