"""Public claims checked against data and arithmetic: reproduced, plausible, boundary-dependent, mis-attributed or refuted."""

from siting.claims.hourly import try_claim
from siting.claims.model import Claim, read_claims
from siting.claims.verdicts import Finding, check_claim, markdown_table

__all__ = ["Claim", "Finding", "check_claim", "markdown_table", "read_claims", "try_claim"]
