"""``adapter.yaml`` as it is written, validated; see docs/adapters.md for what each key says."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    StringConstraints,
    Tag,
    field_validator,
)

from scr.mapping.formats import Decode

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
RelationshipKind = Literal["registration", "referral", "care-team", "caseload", "placement"]
"""How an organisation that a payload names has to do with the person."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Supplier(_Strict):
    """Whose system it is."""

    name: str
    product: str
    setting: Literal[
        "primary-care",
        "acute",
        "community",
        "mental-health",
        "urgent-care",
        "hospice",
        "social-care",
        "care-home",
        "labs",
        "regional",
    ]


class DemographicsRules(_Strict):
    """Expressions of what identity is checked by."""

    family: str = ""
    given: str = ""
    birth_date: str = ""
    sex: str = ""
    postcode: str = ""


class QuarantineRule(_Strict):
    """A unit that a person must look at before it is filed (a merge, a death). ``code`` is stable."""

    when: str
    code: Code
    reason: str


class NothingRule(QuarantineRule):
    """A unit that tells of nobody (an acknowledgement): nothing is filed, and it is counted by its code."""


class Ignored(_Strict):
    """Source fields that are left out on purpose."""

    fields: tuple[str, ...]
    reason: str


class ResourceRule(_Strict):
    """One resource template, or several resources by ``for_each``. ``sheet`` of a workbook."""

    sheet: str = ""
    for_each: str | None = None
    when: str | None = None
    resource: dict[str, JsonValue]

    @field_validator("resource")
    @classmethod
    def _named(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if not isinstance(value.get("resourceType"), str) or "{{" in str(value["resourceType"]):
            raise ValueError("resourceType is missing: name the FHIR R4 resource type in plain text")
        if "id" not in value:
            raise ValueError(
                f"id is missing: write id: \"{{{{ stable_id('{value['resourceType']}', …) }}}}\""
            )
        return value


class AdapterFile(_Strict):
    """The file as it is written."""

    supplier: Supplier
    decode: Decode = Field(discriminator="format")
    nhs_number: str = ""
    demographics: DemographicsRules = DemographicsRules()
    local_ids: tuple[dict[str, JsonValue], ...] = ()
    relationships: dict[RelationshipKind, str] = {}
    nothing_when: tuple[NothingRule, ...] = ()
    quarantine_when: tuple[QuarantineRule, ...] = ()
    ignore: tuple[Ignored, ...] = ()
    headings: tuple[str, ...] = ()
    resources: Annotated[
        Annotated[Literal["all"], Tag("word")] | Annotated[tuple[ResourceRule, ...], Tag("rules")],
        Discriminator(lambda value: "word" if isinstance(value, str) else "rules"),
    ]
