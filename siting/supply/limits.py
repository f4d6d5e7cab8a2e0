"""Limits that a supply must respect: plain numbers, whatever rule they come from."""

from __future__ import annotations

from pydantic import Field

from siting.vocabulary import Parameters


class Limits(Parameters):
    """Annual shares that bound a supply. Available generation counts what is curtailed and what storage loses; self-use is load served."""

    self_use_share_min: float = Field(0.0, ge=0, le=1, description="Least share of the available generation that serves the load.")
    own_share_min: float = Field(0.0, ge=0, le=1, description="Least share of the load that the own plants serve.")
    export_share_max: float = Field(1.0, ge=0, le=1, description="Largest share of the available generation that is exported.")

    def stricter(self, other: Limits) -> Limits:
        """Limits that keep both."""
        return Limits(
            self_use_share_min=max(self.self_use_share_min, other.self_use_share_min),
            own_share_min=max(self.own_share_min, other.own_share_min),
            export_share_max=min(self.export_share_max, other.export_share_max),
        )
