"""The council's adult social care system: a nightly file in the shape of Client Level Data, release 1.

One row for each event, names beside the national columns (First_Name, Last_Name), dates as
YYYY-MM-DD. The file is written whole under another name and then renamed, so that nobody reads half.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
from collections.abc import Mapping
from datetime import date

from scr.demo.history import AS_OF
from scr.demo.people import known_to
from scr.demo.person import COUNCIL, CareEvent, Person
from scr.demo.places import COUNCIL as COUNCIL_CODE
from scr.demo.places import ORGANISATIONS
from scr.demo.suppliers.process import Arguments, asked_to_end, now, whole_write

COLUMNS = (
    "LA_Code", "Reporting_Period_Start_Date", "Reporting_Period_End_Date", "NHS_Number",
    "LA_Person_Unique_Identifier", "GP_Practice_Code", "GP_Practice_Name", "First_Name", "Last_Name",
    "Gender",
    "Ethnicity", "Date_of_Birth", "Date_of_Death", "Client_Type", "Primary_Support_Reason", "Postcode",
    "Accommodation_Status", "Employment_Status", "Has_Unpaid_Carer", "Autism_Spectrum_Disorder_ASD",
    "Visual_Impairment", "Hearing_Impairment", "Dementia", "Client_Funding_Status", "Event_Type",
    "Event_Reference", "Event_Start_Date", "Event_End_Date", "Event_Description", "Event_Outcome",
    "Request_Route_of_Access", "Assessment_Type", "Eligible_Needs_Identified", "Method_of_Assessment",
    "Total_Hrs_Caring_Per_Week", "No_of_adults_being_cared_for", "Adult_1_Linked_Person_ID",
    "Adult_2_Linked_Person_ID", "Adult_3_Linked_Person_ID", "Service_Type", "Service_Component",
    "Delivery_Mechanism", "Provider_CQC_Location_ID", "Provider_CQC_Location_Name", "Review_Reason",
    "Review_Outcomes_Achieved", "Method_of_Review", "Unit_Cost", "Cost_Frequency_Unit_Type",
    "Planned_Units_Per_Week",
)  # fmt: skip


def rows(people: Mapping[str, Person]) -> list[dict[str, str]]:
    """One row for each event of each person; a column that does not apply is empty."""
    return [
        dict.fromkeys(COLUMNS, "") | _of_person(person) | _of_event(event)
        for person in people.values()
        for event in person.care
    ]


def _of_person(person: Person) -> dict[str, str]:
    age = (AS_OF - person.birth_date).days // 365
    codes = {problem.what.code for problem in person.problems}
    return {
        "LA_Code": "999",
        "Reporting_Period_Start_Date": date(AS_OF.year, 4, 1).isoformat(),
        "Reporting_Period_End_Date": AS_OF.isoformat(),
        "NHS_Number": person.nhs_number,
        "LA_Person_Unique_Identifier": person.local_id(COUNCIL),
        "GP_Practice_Code": person.practice,
        "GP_Practice_Name": ORGANISATIONS[person.practice].name,
        "First_Name": person.given,
        "Last_Name": person.family_at(COUNCIL),
        "Gender": "Female" if person.female else "Male",
        "Ethnicity": "Not stated",
        "Date_of_Birth": person.birth_date.isoformat(),
        "Date_of_Death": person.died.isoformat() if person.died else "",
        "Client_Type": "Service User",
        "Primary_Support_Reason": person.support_reason,
        "Postcode": person.address_at(COUNCIL).postcode,
        "Accommodation_Status": "Owner occupier or shared ownership scheme" if age > 40 else "Tenant",
        "Employment_Status": "Not in Paid Employment (not actively seeking work / retired)"
        if age > 66
        else "Unknown",
        "Has_Unpaid_Carer": "Yes" if person.carer else "No",
        "Autism_Spectrum_Disorder_ASD": "No",
        "Visual_Impairment": "No",
        "Hearing_Impairment": "No",
        "Dementia": "Yes" if "52448006" in codes else "No",
        "Client_Funding_Status": "Fully Funded Client",
    }


def _of_event(event: CareEvent) -> dict[str, str]:
    return {
        "Event_Type": event.kind,
        "Event_Reference": event.reference,
        "Event_Start_Date": event.start.isoformat(),
        "Event_End_Date": event.end.isoformat() if event.end else "",
        "Event_Description": event.description,
        "Event_Outcome": event.outcome,
        "Request_Route_of_Access": event.route,
        "Assessment_Type": event.assessment,
        "Eligible_Needs_Identified": event.needs,
        "Method_of_Assessment": event.method,
        "Service_Type": event.service,
        "Service_Component": event.component,
        "Delivery_Mechanism": event.delivery,
        "Provider_CQC_Location_Name": event.provider,
        "Review_Reason": event.reason,
        "Review_Outcomes_Achieved": event.achieved,
        "Method_of_Review": event.method if event.kind == "Review" else "",
        "Unit_Cost": event.cost,
        "Cost_Frequency_Unit_Type": event.cost_unit,
        "Planned_Units_Per_Week": event.units,
    } | ({"Method_of_Assessment": ""} if event.kind == "Review" else {})


def nightly_file(people: Mapping[str, Person]) -> bytes:
    """The whole file, CSV in UTF-8 with a header row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows(people))
    return text.getvalue().encode()


async def drop(arguments: Arguments) -> None:
    """Drop a file now and every night (as long as the demonstration's nights are)."""
    people = known_to(COUNCIL, arguments.seed, arguments.size)
    nights = 0
    while True:
        await arguments.pause()
        name = f"cld-{COUNCIL_CODE}-{now():%Y%m%dT%H%M%S}.csv"
        whole_write(arguments.drop / COUNCIL_CODE / name, nightly_file(people))
        nights += 1
        arguments.report(files=nights, people=len(people))
        await asyncio.sleep(arguments.every)


async def run(arguments: Arguments) -> None:
    """Drop until asked to end."""
    dropping = asyncio.create_task(drop(arguments))
    ending = asyncio.create_task(asked_to_end())
    await asyncio.wait({dropping, ending}, return_when=asyncio.FIRST_COMPLETED)
    for task in (dropping, ending):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
