"""The simulated council, neighbour and issuer, and the deployment that they are part of."""

from __future__ import annotations

import csv
import io
import json
import stat
from datetime import date
from pathlib import Path

import pytest
from fhir.resources.R4B import get_fhir_model_class
from joserfc import jwt
from joserfc.jwk import KeySet

from scr.data import DataFiles
from scr.demo.deploy import Ports, free_ports, write_home
from scr.demo.history import AS_OF
from scr.demo.people import known_to
from scr.demo.person import COUNCIL, NEIGHBOUR
from scr.demo.places import ORGANISATIONS
from scr.demo.suppliers.council import COLUMNS, nightly_file
from scr.demo.suppliers.issuer import Issuer
from scr.demo.suppliers.neighbour import capability, page
from scr.demo.suppliers.neighbour_record import record
from scr.demo.suppliers.staff import personas
from scr.fhir.identifiers import OdsCode
from scr.mapping.provider import load_providers
from scr.settings import load


def test_the_nightly_file_has_the_columns_and_rules_of_client_level_data() -> None:
    """The columns and no other; mandatory ones are filled, conditional ones only where they apply."""
    people = known_to(COUNCIL, 7, 120)
    text = nightly_file(people).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(text.splitlines()[0].split(",")) == COLUMNS
    assert len(rows) == sum(len(person.care) for person in people.values())
    for row in rows:
        assert date.fromisoformat(row["Event_Start_Date"]) <= AS_OF
        assert all(row[name] for name in ("LA_Code", "NHS_Number", "Gender", "Client_Type", "Event_Type"))
        assert bool(row["Service_Type"]) == (row["Event_Type"] == "Service")
        assert bool(row["Assessment_Type"]) == (row["Event_Type"] == "Assessment")
        assert bool(row["Review_Reason"]) == (row["Event_Type"] == "Review")
        assert bool(row["Request_Route_of_Access"]) == (row["Event_Type"] == "Request")


@pytest.mark.corpus
def test_the_columns_are_those_of_the_national_set(corpus: Path) -> None:
    """The same columns in the same order as the field list of release 1."""
    lines = (corpus / "social-care" / "CLD_R1_FIELDS.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert tuple(line.split("\t")[1] for line in lines) == COLUMNS


def test_the_neighbours_resources_are_valid_r4() -> None:
    """Every resource about everybody whom it knows validates, and so does its CapabilityStatement."""
    for person in known_to(NEIGHBOUR, 7, 200).values():
        for resource in record(person):
            get_fhir_model_class(str(resource["resourceType"])).model_validate_json(json.dumps(resource))
    get_fhir_model_class("CapabilityStatement").model_validate_json(json.dumps(capability()))


@pytest.mark.parametrize("count", [1, 7, 50, 500])
def test_pages_neither_repeat_nor_skip(count: int) -> None:
    """Following the next links gives every resource once."""
    everything = record(next(iter(known_to(NEIGHBOUR, 7, 6).values())))
    query, found = {"_count": str(count)}, []
    while query:
        answer = json.loads(json.dumps(page(everything, "http://x/fhir/y", query, "http://x/fhir")))
        get_fhir_model_class("Bundle").model_validate_json(json.dumps(answer))
        found += [entry["resource"]["id"] for entry in answer["entry"]]
        following = [link["url"] for link in answer["link"] if link["relation"] == "next"]
        query = (
            dict(part.split("=") for part in following[0].partition("?")[2].split("&")) if following else {}
        )
    assert found == [resource["id"] for resource in everything]


def test_tokens_verify_and_carry_the_selected_role() -> None:
    """Each token is signed by the published key and names its member of staff as CIS2 does."""
    issuer = Issuer("http://issuer.example", "http://scr.example/fhir")
    keys = KeySet.import_key_set(json.loads(json.dumps(KeySet([issuer.key]).as_dict(private=False))))
    for member in personas():
        token = jwt.decode(issuer.token(member, "user/*.rs"), keys, algorithms=["RS256"])
        claims = token.claims
        role = claims["nhsid_nrbac_roles"][0]
        assert token.header["typ"] == "at+jwt"
        assert claims["aud"] == "http://scr.example/fhir"
        assert claims["exp"] > claims["iat"] == claims["nbf"]
        assert claims["selected_roleid"] == role["person_roleid"]
        assert role["role_code"] == f"S8000:G8000:{member.role}"
        assert role["org_code"] == member.organisation


def test_no_private_key_is_published() -> None:
    """The JWKS holds the public part alone."""
    published = KeySet([Issuer("http://i", "a").key]).as_dict(private=False)
    assert not {"d", "p", "q"} & set(published["keys"][0])


def test_the_deployment_is_one_that_scr_can_read(tmp_path: Path) -> None:
    """Settings and provider files load, keys and token are their owner's alone."""
    home = tmp_path / "home"
    write_home(home, Ports())
    settings = load({"home": home}).settings
    assert settings.issuers[0].url == Ports().issuer_url
    assert settings.base_url == settings.issuers[0].audience == Ports().base_url
    providers = load_providers(DataFiles(home))
    wanted = {OdsCode(ods) for ods in ("Z99001", "Z99002", "ZZH01", "ZZC01", "ZZN01")}
    assert wanted <= set(providers)
    assert all(providers[ods].name == ORGANISATIONS[str(ods)].name for ods in wanted)
    for file in (home / "keys").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_ports_that_are_taken_are_replaced() -> None:
    """Each service gets a port of its own, whatever was wished for."""
    found = free_ports(Ports(0, 0, 0, 0, 0, 0))
    assert len({found.http, found.issuer, found.mllp, found.gp, found.neighbour} - {0}) == 5
