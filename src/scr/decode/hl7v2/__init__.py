"""HL7 v2 in the pipe-and-hat encoding: a tolerant grammar of the project's own.

``decode`` gives the messages of a payload, ``parse`` one message as a tree (see ``message``), and
``acknowledge`` the answer to one. Tolerant, because the UK sends v2.3 to v2.5.1 with local habits;
bounded, because anyone on the network may send anything.
"""

from scr.decode.hl7v2.acknowledge import AckCode, acknowledge
from scr.decode.hl7v2.composites import Composite
from scr.decode.hl7v2.files import decode
from scr.decode.hl7v2.message import Message, parse, read_header
from scr.decode.hl7v2.results import quantity, reference_range
from scr.decode.hl7v2.views import Segment

__all__ = [
    "AckCode",
    "Composite",
    "Message",
    "Segment",
    "acknowledge",
    "decode",
    "parse",
    "quantity",
    "read_header",
    "reference_range",
]
