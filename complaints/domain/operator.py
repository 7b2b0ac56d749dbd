"""Who runs this portal, in the operator's own words: shown on the front page and at /tentang/."""

from __future__ import annotations

from dataclasses import dataclass, fields

# The law on personal data that the page about the portal names; nothing is judged by it.
DATA_LAW = "UU 27/2022"


@dataclass(frozen=True, slots=True)
class Operator:
    """What OPERATOR_NAME, OPERATOR_UNIT, OPERATOR_BASIS, OPERATOR_CONTACT and OPERATOR_ADDRESS_PUBLISHED say.

    Each is one line as the operator writes it in Indonesian, "" where it is not set.

    Attributes:
        name: of the agency, written out.
        unit: within it, the one that runs the portal.
        basis: the decision or rule by which it does so.
        contact: of the officer for the protection of personal data.
        address_published: where the agency itself publishes the portal's address.
    """

    name: str = ""
    unit: str = ""
    basis: str = ""
    contact: str = ""
    address_published: str = ""

    def missing(self) -> list[str]:
        """Return the names of the settings that are empty."""
        return [f"OPERATOR_{field.name.upper()}" for field in fields(self) if not getattr(self, field.name).strip()]


# Of a sample portal: nobody could take it for a real agency.
SAMPLE = Operator(
    name="Badan Arsip Cuaca Nasional (contoh)",
    unit="Inspektorat Utama (contoh)",
    basis="Keputusan Kepala Badan (contoh)",
    contact="pdp@arsip-cuaca.example (contoh)",
    address_published="situs resmi Badan Arsip Cuaca Nasional (contoh)",
)
