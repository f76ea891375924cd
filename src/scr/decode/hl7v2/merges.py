"""The other patient of a message that merges two records of its sender, or parts them (chapter 3.3.34 ff.).

A34 and A40 name the surviving record in PID and the prior one in MRG; A37 has a PID for each of the two.
The other one is shown as a message of its own, so that an adapter's expressions read it as they read
any patient. A message with more than one pair of them has none: a human has to take it apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from scr.decode.hl7v2.views import Segment

MERGING = frozenset({"A34", "A40"})
PARTING = "A37"
_FROM_MRG = {2: 4, 3: 1, 4: 2}
"""Fields of PID, and where MRG has them: the external identifier, the list, the alternate one."""


def other_patient(event: str | None, segments: Sequence[Segment]) -> list[Segment] | None:
    """The segments of the other patient's message: header and PID; None where there is no such one."""
    patients = [segment for segment in segments if segment.name == "PID"]
    prior = [segment for segment in segments if segment.name == "MRG"]
    if event in MERGING and len(patients) == len(prior) == 1:
        return [segments[0], _as_patient(prior[0])]
    if event == PARTING and len(patients) == 2 and not prior:
        return [segments[0], patients[1]]
    return None


def _as_patient(prior: Segment) -> Segment:
    cells, fields = prior.cells, ["PID", "", "", "", ""]
    for number, at in _FROM_MRG.items():
        fields[number] = cells[at] if at < len(cells) else ""
    return Segment("PID", prior.delimiters.field.join(fields), prior.delimiters)
