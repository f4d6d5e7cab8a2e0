"""Areas of the embedded catalog: provinces, land, lakes and parks."""

from __future__ import annotations

from collections.abc import Callable

#: Admin-1 code of GeoNames -> ISO 3166-2, the 31 mainland provinces.
GEONAMES_PROVINCES = {
    code: f"CN-{iso}"
    for code, iso in (
        pair.split("=")
        for pair in (
            "01=AH 02=ZJ 03=JX 04=JS 05=JL 06=QH 07=FJ 08=HL 09=HA 10=HE 11=HN 12=HB 13=XJ 14=XZ 15=GS 16=GX "
            "18=GZ 19=LN 20=NM 21=NX 22=BJ 23=SH 24=SX 25=SD 26=SN 28=TJ 29=YN 30=GD 31=HI 32=SC 33=CQ"
        ).split()
    )
}

BUILDERS: dict[str, Callable[[], bytes]] = {}
