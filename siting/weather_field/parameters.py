"""Every number of the synthetic weather."""

from __future__ import annotations

from pydantic import Field

from siting.vocabulary import Parameters
from siting.weather_field.anchors import ANCHORS, Anchor


class FieldParameters(Parameters):
    """Every number of the synthetic weather. The figures describe climates in round numbers: none is fitted to a place."""

    fast_length_km: float = Field(
        130, ge=80, le=150, description="Distance over which the fast part's correlation falls by e. Medium confidence."
    )
    slow_length_km: float = Field(
        340, ge=250, le=400, description="Distance over which the correlation of the synoptic and slow parts falls by e. Medium confidence."
    )
    fast_hours: float = Field(8, ge=1, le=24, description="Time scale of the fast part at mid-latitudes [h]. Medium confidence.")
    fast_hours_monsoon: float = Field(
        3, ge=1, le=24, description="Time scale of the fast part in monsoon and plateau climates [h]. Low confidence."
    )
    synoptic_hours: float = Field(20, ge=6, le=120, description="Time scale of the synoptic part at mid-latitudes [h]. Medium confidence.")
    synoptic_hours_monsoon: float = Field(
        60, ge=6, le=120, description="Time scale of the synoptic part in monsoon and plateau climates [h]. Low confidence."
    )
    slow_hours: float = Field(72, ge=24, le=480, description="Time scale of the slow part at mid-latitudes [h]. Medium confidence.")
    slow_hours_monsoon: float = Field(
        120, ge=24, le=480, description="Time scale of the slow part in monsoon and plateau climates [h]. Low confidence."
    )
    fast_weight: float = Field(
        0.3, ge=0, le=0.75, description="Share of the fast part in the variance at mid-latitudes. Medium confidence."
    )
    fast_weight_monsoon: float = Field(
        0.37, ge=0, le=0.75, description="Share of the fast part in the variance in monsoon and plateau climates. Low confidence."
    )
    slow_weight: float = Field(
        0.1, ge=0, le=0.2, description="Share of the slow part in the variance; the synoptic part has the rest. Medium confidence."
    )
    wind_year_std: float = Field(
        0.05, ge=0, le=0.2, description="Standard deviation of the annual mean wind between years. Medium confidence."
    )
    sun_year_std: float = Field(
        0.03, ge=0, le=0.1, description="Standard deviation of the annual irradiation between years. Medium confidence."
    )
    year_length_km: float = Field(
        900, ge=200, le=3000, description="Distance over which the correlation of annual anomalies falls by e. Low confidence."
    )
    cloud_length_km: float = Field(
        380, ge=100, le=800, description="Distance over which the correlation of daily clearness falls by e. Low confidence."
    )
    cloud_persistence: float = Field(
        0.45, ge=0, lt=0.95, description="Correlation of the clearness of one day and the next. Medium confidence."
    )
    clear_day_share: float = Field(
        0.1,
        ge=0,
        le=0.5,
        description="Share of cloudless days in a month; 0.1 gives the atlas' DNI over China within 5 %. Medium confidence.",
    )
    clearness_cap: float = Field(
        0.82, ge=0.6, le=0.95, description="Largest hourly irradiance over the extraterrestrial one. Medium confidence."
    )
    arid_range_k: float = Field(16, ge=0, le=30, description="Daily range of temperature in a desert [K]. Medium confidence.")
    humid_range_k: float = Field(7, ge=0, le=30, description="Daily range of temperature in a wet climate [K]. Medium confidence.")
    range_rain_mm: float = Field(
        400, gt=0, le=5000, description="Annual precipitation over which the daily range falls by e. Low confidence."
    )
    range_follows_clearness: float = Field(
        0.6, ge=0, le=1, description="Share of the daily range that goes with the day's clearness. Low confidence."
    )
    anchor_blend_km: float = Field(
        200, ge=50, le=1000, description="Standard deviation of the weights that blend the anchors [km]. Low confidence."
    )
    anchors: tuple[Anchor, ...] = Field(ANCHORS, min_length=1, description="Habits of wind and sun by region. Medium to low confidence.")
