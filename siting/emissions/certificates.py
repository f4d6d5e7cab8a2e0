"""Green electricity certificates of China: which may be traded, and that each is used once, in its market."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from siting.vocabulary import Parameters

Technology = Literal["wind", "solar", "biomass", "geothermal", "ocean", "hydro"]

#: First day of operation from which fully marketised hydro power gets tradable certificates.
NEW_HYDRO = date(2023, 1, 1)
#: Months of validity from the month of generation; generation before 2024 stays valid to the end of 2025.
VALID_MONTHS = 24
LAST_OF_OLD = (2025, 12)

#: Where the rules stand.
RULE = "NEA, Rules for the issue and trade of renewable green power certificates, document 67 of 2024"


class Certificate(Parameters):
    """Certificates of one kind: 1 MWh each, in China."""

    serial: str = Field(min_length=1, description="number of the batch, by which its use is counted once")
    energy_mwh: float = Field(gt=0, description="certified generation in MWh")
    technology: Technology = Field(description="source of the power")
    province: str = Field(pattern=r"^[A-Z]{2}-[A-Z]{2}$", description="province of the plant, such as CN-QH")
    generated: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="month of generation, such as 2022-07")
    retired: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="month in which the claim retires them")
    commissioned: date | None = Field(None, description="first day of operation, needed for hydro")
    marketised: bool = Field(True, description="whether all of the plant's output is sold on the market")
    self_use: bool = Field(False, description="whether the power was used by its owner and not fed in")
    offset_issued: bool = Field(False, description="whether the same power also earned voluntary carbon credits (CCER)")
    market: str = Field("CN", pattern=r"^[A-Z]{2}$", description="market in which they were issued")
    factor_kg_per_kwh: float = Field(0.0, ge=0, le=1, description="direct emissions of the certified power")

    @model_validator(mode="after")
    def _usable(self) -> Certificate:
        reason = refusal(self)
        if reason:
            raise ValueError(f"certificates {self.serial}: {reason}")
        return self

    @property
    def month(self) -> int:
        """Month of generation, 1 to 12."""
        return int(self.generated[5:])

    @property
    def year(self) -> int:
        """Year of generation."""
        return int(self.generated[:4])


def refusal(certificate: Certificate) -> str:
    """Why a certificate can't be traded or retired, or nothing."""
    generated, retired = ((int(text[:4]), int(text[5:])) for text in (certificate.generated, certificate.retired))
    age = 12 * (retired[0] - generated[0]) + retired[1] - generated[1]
    if certificate.self_use:
        return "expected power that was fed in, found self-use, whose certificates are not tradable; count it as own supply"
    if certificate.technology == "hydro":
        if certificate.commissioned is None:
            return "expected the first day of operation of a hydro plant, found none; add commissioned"
        if certificate.commissioned < NEW_HYDRO or not certificate.marketised:
            return f"expected marketised hydro in operation since {NEW_HYDRO}, found legacy hydro, whose certificates are not tradable"
    if certificate.offset_issued:
        return "expected power without carbon credits, found CCER issued for the same MWh; choose one of them"
    if age < 0:
        return f"expected a retirement after the generation, found {certificate.retired} before {certificate.generated}"
    valid = retired <= LAST_OF_OLD if generated[0] < 2024 else age <= VALID_MONTHS
    if not valid:
        return f"expected a retirement within the validity, found power of {certificate.generated} retired in {certificate.retired}"
    return ""


def check_retirements(certificates: Sequence[Certificate], market: str = "CN") -> None:
    """Refuse certificates that are retired twice or in another market.

    Raises
    ------
    ValueError
        In one line that names the batch.
    """
    seen: set[str] = set()
    for certificate in certificates:
        if certificate.serial in seen:
            raise ValueError(f"expected each certificate to be retired once, found {certificate.serial} again; remove the repetition")
        if certificate.market != market:
            origin = f"{certificate.serial} of {certificate.market}"
            raise ValueError(f"expected certificates of the market {market}, found {origin}; use those of the own market")
        seen.add(certificate.serial)
