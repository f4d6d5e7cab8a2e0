"""Packed hours: 16 bits per value, with a declared scale, offset and largest error, and a code for NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import njit

from siting.vocabulary import UnitsError, describe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Hours = NDArray[np.float32]
    Packed = NDArray[np.int16]

#: Packed value of a missing hour.
MISSING = -32768


class Packing(NamedTuple):
    """``value = packed * scale + offset``."""

    scale: float
    offset: float

    @property
    def error(self) -> float:
        """Largest difference that packing makes."""
        return self.scale / 2.0

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest value that can be packed."""
        return self.offset - 32767 * self.scale, self.offset + 32767 * self.scale

    def attrs(self, name: str) -> dict[str, Any]:
        """Attributes of a packed array, in the convention of netCDF."""
        return {
            **describe(name).attrs(),
            "cell_methods": "time: mean",
            "scale_factor": self.scale,
            "add_offset": self.offset,
            "_FillValue": MISSING,
            "packing_error": self.error,
        }


#: How each variable is packed: 0.025 W m-2, 0.00125 K and 0.001 m s-1 at most; darkness and calm are exactly 0.
PACKING: dict[str, Packing] = {
    "ghi": Packing(0.05, 0.0),
    "dni": Packing(0.05, 0.0),
    "dhi": Packing(0.05, 0.0),
    "temp_air": Packing(0.0025, -10.0),
    "wind_speed_100m": Packing(0.002, 0.0),
}


def pack(name: str, values: Floats) -> Packed:
    """Values of a variable, (n, time), as 16-bit integers; NaN becomes :data:`MISSING`.

    Raises
    ------
    UnitsError
        If a value can't be packed.
    """
    packing = PACKING[name]
    lowest, highest = packing.limits
    outside = (values < lowest) | (values > highest)
    if outside.any():
        raise UnitsError(f"Expected {name} of {lowest:g} to {highest:g}, found {values[outside][0]:g}; fix the unit.")
    # rounding of the quotient can end one step above the highest packed value
    steps = np.minimum(np.rint((values - packing.offset) / packing.scale), 32767.0)
    return np.where(np.isnan(steps), float(MISSING), steps).astype(np.int16)


def unpack(packed: Packed, rows: NDArray[np.int64], scale: float, offset: float, places: NDArray[np.int64], out: Hours) -> None:
    """Write row ``rows[k]`` of packed values, unpacked, to row ``places[k]`` of ``out``."""
    _unpack(packed, rows, scale, offset, places, out)


@njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _unpack(packed: Packed, rows: NDArray[np.int64], scale: float, offset: float, places: NDArray[np.int64], out: Hours) -> None:
    for k in range(len(rows)):
        row, place = rows[k], places[k]
        for hour in range(packed.shape[1]):
            value = packed[row, hour]
            out[place, hour] = value * scale + offset if value != -32768 else np.nan
