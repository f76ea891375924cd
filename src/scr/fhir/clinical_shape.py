"""The elements of resources that are read to compare two of a kind: the shapes, and what decodes them.

An element that has another shape in some types is kept as it is (``Raw``), and read where it is asked for.
"""

from __future__ import annotations

import msgspec


class Coding(msgspec.Struct, gc=False):
    """A coding."""

    system: str = ""
    code: str = ""
    display: str = ""


class Concept(msgspec.Struct, gc=False):
    """A CodeableConcept."""

    coding: tuple[Coding, ...] = ()
    text: str = ""


class Quantity(msgspec.Struct, gc=False):
    """A Quantity."""

    value: float | None = None
    unit: str = ""
    code: str = ""


class Identifier(msgspec.Struct, gc=False):
    """An Identifier."""

    system: str = ""
    value: str = ""


class Reference(msgspec.Struct, gc=False):
    """A Reference."""

    reference: str = ""


class DoseAndRate(msgspec.Struct, gc=False, rename="camel"):
    """How much at a time."""

    dose_quantity: Quantity | None = None


class Repeat(msgspec.Struct, gc=False, rename="camel"):
    """How often."""

    frequency: float | None = None
    period: float | None = None
    period_unit: str = ""


class Timing(msgspec.Struct, gc=False):
    """A Timing."""

    repeat: Repeat | None = None


class Dosage(msgspec.Struct, gc=False, rename="camel"):
    """A line of a dosage."""

    text: str = ""
    dose_and_rate: tuple[DoseAndRate, ...] = ()
    timing: Timing | None = None


class Period(msgspec.Struct, gc=False):
    """A Period."""

    end: str = ""


class Address(msgspec.Struct, gc=False, rename="camel"):
    """An Address."""

    use: str = ""
    postal_code: str = ""


class Name(msgspec.Struct, gc=False):
    """A HumanName."""

    text: str = ""
    family: str = ""
    given: tuple[str, ...] = ()


class Telecom(msgspec.Struct, gc=False):
    """A ContactPoint."""

    system: str = ""
    value: str = ""


class Body(msgspec.Struct, gc=False, rename="camel"):
    """The elements of a resource that two of a kind are compared by."""

    identifier: tuple[Identifier, ...] = ()
    code: msgspec.Raw = msgspec.Raw()
    vaccine_code: Concept | None = None
    medication_codeable_concept: Concept | None = None
    medication_reference: Reference | None = None
    verification_status: Concept | None = None
    value_quantity: Quantity | None = None
    value_codeable_concept: Concept | None = None
    value_string: str | None = None
    dosage_instruction: tuple[Dosage, ...] = ()
    dosage: msgspec.Raw = msgspec.Raw()
    body_site: msgspec.Raw = msgspec.Raw()
    based_on: msgspec.Raw = msgspec.Raw()
    extension: msgspec.Raw = msgspec.Raw()
    effective_period: Period | None = None
    address: msgspec.Raw = msgspec.Raw()
    name: msgspec.Raw = msgspec.Raw()
    relationship: msgspec.Raw = msgspec.Raw()
    telecom: msgspec.Raw = msgspec.Raw()
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    lot_number: str = ""
    intent: str = ""


class Extension(msgspec.Struct, gc=False, rename="camel"):
    """An extension that holds a concept."""

    url: str = ""
    value_codeable_concept: Concept | None = None


read_body = msgspec.json.Decoder(Body, strict=False).decode
read_concept = msgspec.json.Decoder(Concept, strict=False).decode
read_concepts = msgspec.json.Decoder(tuple[Concept, ...], strict=False).decode
read_dosages = msgspec.json.Decoder(tuple[Dosage, ...], strict=False).decode
read_references = msgspec.json.Decoder(tuple[Reference, ...], strict=False).decode
read_addresses = msgspec.json.Decoder(tuple[Address, ...], strict=False).decode
read_extensions = msgspec.json.Decoder(tuple[Extension, ...], strict=False).decode
read_names = msgspec.json.Decoder(tuple[Name, ...], strict=False).decode
read_telecoms = msgspec.json.Decoder(tuple[Telecom, ...], strict=False).decode
