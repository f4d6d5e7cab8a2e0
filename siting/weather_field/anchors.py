"""Regional habits of wind and sun at declared anchor points."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from siting.vocabulary import Parameters

Ratio = Annotated[float, Field(ge=0.2, le=3.0)]
Correlation = Annotated[float, Field(ge=-0.9, le=0.9)]


class Anchor(Parameters):
    """Habits of wind and sun at one point; all figures are of low to medium confidence."""

    name: str = Field(min_length=1, description="Name of the region.")
    latitude: float = Field(ge=-90, le=90, description="Latitude of the anchor point [degree].")
    longitude: float = Field(ge=-180, le=180, description="Longitude of the anchor point [degree].")
    monsoon: float = Field(ge=0, le=1, description="Regime in time: 0 mid-latitude, 1 monsoon or plateau. Medium confidence.")
    weibull_shape: float = Field(ge=1.2, le=3.5, description="Weibull shape of the hourly wind speed. Medium confidence.")
    diurnal_amplitude: float = Field(ge=0, le=0.6, description="Half range of the wind's daily cycle over the mean. Low confidence.")
    diurnal_peak: float = Field(ge=0, lt=24, description="Local solar hour of the strongest wind [h]. Low confidence.")
    season: tuple[Ratio, Ratio, Ratio, Ratio, Ratio, Ratio, Ratio, Ratio, Ratio, Ratio, Ratio, Ratio] = Field(
        description="Monthly mean wind speed over the annual mean, January to December. Medium to low confidence."
    )
    wind_sun: tuple[Correlation, Correlation, Correlation, Correlation] = Field(
        description="Correlation of a day's wind and clearness in winter, spring, summer, autumn. Low confidence."
    )


def _anchor(place: tuple[str, float, float], regime: tuple[float, float], cycle: tuple[float, float], season: str, sun: str) -> Anchor:
    """Anchor from a line of the table below; seasons and correlations in hundredths."""
    months, correlations = (tuple(int(each) / 100.0 for each in text.split()) for text in (season, sun))
    return Anchor.model_validate(
        {
            **dict(zip(("name", "latitude", "longitude"), place, strict=True)),
            **dict(zip(("monsoon", "weibull_shape"), regime, strict=True)),
            **dict(zip(("diurnal_amplitude", "diurnal_peak"), cycle, strict=True)),
            "season": months,
            "wind_sun": correlations,
        }
    )


#: Default anchors. Seasons and daily cycles follow published descriptions of the regions in round figures; none is a measurement.
ANCHORS: tuple[Anchor, ...] = (
    _anchor(("Inner Mongolia, west", 41.0, 106.0), (0.0, 2.0), (0.06, 17),
            "98 100 113 126 124 102 80 77 86 94 100 100", "-18 -18 -16 -18"),
    _anchor(("Inner Mongolia, centre", 41.8, 112.5), (0.0, 2.0), (0.06, 16),
            "102 102 112 125 122 98 78 74 86 99 102 100", "-18 -18 -16 -18"),
    _anchor(("Inner Mongolia, Xilin Gol", 44.0, 116.5), (0.0, 2.0), (0.06, 16),
            "100 102 114 127 124 96 77 73 87 100 101 99", "-18 -18 -16 -18"),
    _anchor(("Inner Mongolia, Hulun Buir", 49.0, 119.5), (0.0, 2.0), (0.06, 15),
            "92 96 112 130 126 98 80 76 92 104 100 94", "-18 -18 -16 -18"),
    _anchor(("North-east, Songliao plain", 44.2, 122.5), (0.0, 2.1), (0.07, 21),
            "100 103 118 130 122 92 76 70 88 102 102 97", "-18 -18 -16 -18"),
    _anchor(("North-east, Sanjiang plain", 46.8, 130.0), (0.0, 2.1), (0.07, 20),
            "95 98 112 130 125 95 78 74 92 105 102 94", "-18 -18 -16 -18"),
    _anchor(("North China plain", 38.5, 116.0), (0.05, 1.9), (0.09, 22),
            "98 104 118 124 114 100 82 76 84 94 102 104", "-18 -18 -16 -18"),
    _anchor(("Shandong", 36.8, 120.0), (0.1, 2.1), (0.06, 21),
            "105 106 112 114 106 94 86 82 86 98 106 105", "-25 -20 -10 -20"),
    _anchor(("Loess plateau", 37.3, 107.5), (0.2, 1.9), (0.08, 18),
            "90 96 110 120 116 106 98 92 90 90 96 96", "-18 -18 -16 -18"),
    _anchor(("Henan and Anhui", 33.3, 115.0), (0.3, 2.0), (0.09, 22),
            "100 105 112 112 104 98 92 86 88 96 103 104", "-25 -20 -05 -20"),
    _anchor(("Gansu corridor", 40.5, 96.5), (0.2, 1.8), (0.10, 18),
            "90 94 108 120 118 108 102 98 90 88 94 90", "-15 -20 -15 -15"),
    _anchor(("Xinjiang, Hami", 42.9, 93.3), (0.2, 1.8), (0.08, 20),
            "72 80 98 125 128 122 118 110 100 92 83 72", "-15 -20 -15 -15"),
    _anchor(("Xinjiang, Dabancheng", 43.4, 88.3), (0.2, 1.75), (0.08, 20),
            "72 80 98 125 128 122 118 110 100 92 83 72", "-15 -20 -15 -15"),
    _anchor(("Xinjiang, Alashankou", 45.2, 82.6), (0.1, 1.75), (0.07, 19),
            "70 80 100 120 125 120 115 110 105 98 85 72", "-15 -20 -15 -15"),
    _anchor(("Xinjiang, Irtysh", 47.5, 87.0), (0.0, 1.8), (0.07, 18),
            "84 90 104 120 122 112 102 98 98 98 90 82", "-15 -20 -15 -15"),
    _anchor(("Tarim basin", 39.0, 79.5), (0.4, 1.7), (0.12, 18),
            "70 82 105 125 130 125 118 108 98 88 78 73", "-15 -20 -15 -15"),
    _anchor(("Qinghai, Qaidam", 36.6, 94.8), (0.9, 1.8), (0.30, 16),
            "90 100 113 119 116 106 99 95 90 90 92 90", "-15 -15 -10 -15"),
    _anchor(("Qinghai, Gonghe", 36.2, 100.3), (0.9, 1.8), (0.30, 16),
            "94 104 116 118 112 102 93 89 89 93 97 93", "-15 -15 -10 -15"),
    _anchor(("Tibet, Nagqu", 31.2, 91.5), (1.0, 1.75), (0.30, 16),
            "125 135 135 120 105 88 72 68 72 82 95 103", "-10 -10 -05 -10"),
    _anchor(("Tibet, Ngari", 32.5, 80.8), (1.0, 1.75), (0.30, 16),
            "115 125 125 115 108 100 85 80 80 85 90 92", "-10 -10 -05 -10"),
    _anchor(("Tibet, Qamdo", 31.0, 97.5), (1.0, 1.75), (0.28, 16),
            "118 128 130 118 106 90 78 74 76 84 94 104", "-10 -10 -05 -10"),
    _anchor(("Yunnan", 25.2, 101.0), (1.0, 1.8), (0.18, 16),
            "150 165 165 145 105 60 50 48 55 65 85 107", "-10 -10 00 -10"),
    _anchor(("Sichuan, Liangshan", 28.0, 102.0), (1.0, 1.8), (0.20, 16),
            "135 150 150 135 110 75 60 58 62 75 90 100", "-10 -10 00 -10"),
    _anchor(("Sichuan basin", 30.6, 105.0), (1.0, 1.8), (0.08, 18),
            "92 100 110 115 112 102 102 100 95 90 90 92", "-15 -15 00 -15"),
    _anchor(("Guizhou and Guangxi", 25.5, 107.5), (0.9, 1.9), (0.08, 22),
            "102 110 118 115 102 92 98 85 88 95 97 98", "-25 -15 00 -15"),
    _anchor(("Hunan, Hubei, Jiangxi", 28.8, 113.5), (0.7, 1.9), (0.08, 22),
            "100 102 105 104 97 94 105 96 99 98 100 100", "-30 -20 00 -20"),
    _anchor(("Jiangsu coast", 33.0, 120.3), (0.3, 2.2), (0.05, 20),
            "102 105 108 108 102 98 98 94 90 93 100 102", "-30 -20 -05 -20"),
    _anchor(("Zhejiang", 29.0, 120.3), (0.6, 2.0), (0.05, 17),
            "102 105 105 100 95 90 102 98 98 100 102 103", "-33 -20 00 -20"),
    _anchor(("Fujian coast", 25.2, 118.8), (0.6, 2.1), (0.05, 16),
            "128 126 102 82 76 72 70 68 82 130 132 132", "-33 -20 00 -20"),
    _anchor(("Guangdong", 22.8, 113.5), (0.8, 2.0), (0.05, 16),
            "112 110 102 96 90 90 88 80 92 112 116 112", "-33 -20 00 -20"),
    _anchor(("Hainan", 19.3, 109.6), (0.9, 2.0), (0.06, 15),
            "110 105 100 95 92 95 90 82 88 110 118 115", "-30 -15 00 -15"),
)  # fmt: skip
