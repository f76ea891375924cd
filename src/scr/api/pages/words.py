"""Sentences that come from deeper down, and that pages show: here, so that the catalogues have them.

A refusal that is none of these is shown in English.
"""

from __future__ import annotations

from scr.api.pages.tongue import N_

BY_WHAT_RIGHT = (
    N_("Your own record"),
    N_("Your child"),
    N_("They agreed to it"),
    N_("In their best interest"),
    N_("You are their attorney"),
    N_("You are their deputy"),
)
"""``scr.api.signin.told``"""

SIGNING_IN = (
    N_("Choose one of these"),
    N_("The sign-in does not tell surely enough who it was"),
    N_("NHS login signed nobody in: begin again"),
    N_("NHS CIS2 signed nobody in: begin again"),
    N_("This sign-in was not begun in this browser, or was used: begin again"),
    N_("There is nothing to choose any more: sign in again"),
    N_("The form is not of this sign-in: begin again"),
    N_("The sign-in took too long: begin again"),
)
"""``scr.api.signin``"""

LOOKS = (
    N_("A system"),
    N_("Somebody whose name was not told"),
    N_("One entry of the record"),
    N_("The record"),
    N_("The rules of the record keep it closed to them."),
)
"""``scr.access.looked``, ``scr.access.preview``"""

VISITING = (
    N_("There is no record with this id, or none that you may see"),
    N_("Nothing is held of you here"),
    N_("Sign in, or send a bearer token"),
    N_("The form is not of this session: open the page again"),
    N_("The audit cannot be written, so nothing is shown"),
    N_("The form cannot be read"),
)
"""``scr.api.access``"""
