"""What refuses somebody at a page, said plainly and in the language of the page: by the code of the error.

An error's own message is for whoever works with the API, and is English. What stands in no line here is said
by what kind of thing it is, so that no page says half of it in another language.
"""

from __future__ import annotations

from collections.abc import Mapping

from scr.api.pages.tongue import N_

BY_CODE: Mapping[str, str] = {
    "assurance": N_(
        "Your sign-in does not tell surely enough who you are. Sign in with full proof of who you are."
    ),
    "bad-form": N_("We could not read the form. Go back and send it again."),
    "choose-one": N_("Choose one of these"),
    "cut-off": N_("The form broke off on the way. Send it again."),
    "birthday": N_("The person has reached the age at which they decide for themselves."),
    "deceased": N_("Nobody can see the record of somebody who has died here."),
    "fault": N_("Something went wrong on our side. Try again later."),
    "full": N_("The record has as many of these as it can hold. Withdraw some first."),
    "no-audit": N_("We cannot write down just now who looked, so we show nothing. Try again later."),
    "no-birth-date": N_("We do not know your birth date, so we cannot tell who decides about this record."),
    "no-challenge": N_("There is nothing like this that you said is wrong."),
    "no-choice": N_("There is no such choice of yours."),
    "no-delegation": N_("There is nobody like this who acts for you."),
    "no-document": N_("There is no such document, or you may not see it."),
    "no-entry": N_("There is no such entry in the record, or you may not see it."),
    "no-heading": N_("The record has no such part."),
    "no-look": N_("There is no such look at your record."),
    "no-owner": N_(
        "This is put together here of what several places wrote. Say it of what one of them wrote."
    ),
    "no-record": N_("There is no record that you may see here."),
    "no-route": N_("There is nothing at this address."),
    "no-scan": N_("We could not check the file for viruses, so we did not take it. Try again later."),
    "no-sort": N_("Nothing of this kind can be added."),
    "no-such-head": N_("There is no earlier proof with this number."),
    "not-found": N_("There is nothing like this in the record, or you may not see it."),
    "nothing-sealed": N_("There is nothing to prove yet. Try again in a minute."),
    "not-shown": N_("You may look at this record, and not add this to it."),
    "not-yourself": N_("Sign in as yourself to take up an invitation."),
    "number-invalidated": N_("Your NHS Number is out of use. Ask your GP surgery."),
    "other-author": N_("Somebody else has written this, so it is theirs to change."),
    "over": N_("It is over already."),
    "own-only": N_("Only the person whose record it is may do this."),
    "own-words": N_("You or somebody who acts for you added this. Correct it or withdraw it instead."),
    "precondition-failed": N_("It was changed since. Look at it again."),
    "said-already": N_("You said so before, and the answer is still to come."),
    "scope": N_("You may look at this record, and not do this."),
    "stale-form": N_("The form was open for too long, or was not yours. Open the page again."),
    "stale-version": N_("It was changed since. Look at it again."),
    "there-is-one": N_("There is one already. Correct that one."),
    "too-large": N_("What you sent is too large."),
    "too-many": N_("You said this of many things. Wait for the answers first."),
    "too-many-codes": N_("You typed too many wrong codes. Try again later."),
    "typed-before": N_(
        "You were signed out while you typed. This is what you had typed. Look at it, and send it again. "
        "Choose a file anew."
    ),
    "too-young": N_("You are too young to have a record of your own here. Ask somebody who acts for you."),
}
"""What is said, by the code of the error."""

_BY_STATUS: Mapping[int, str] = {
    401: N_("Sign in again."),
    403: N_("You may not do this."),
    404: N_("There is nothing at this address, or you may not see it."),
    429: N_("That was too often. Try again later."),
}
_TO_CHANGE = N_("Something in what you sent has to be changed.")
_LATER = N_("This does not work just now. Try again later.")


def by_kind(status: int) -> str:
    """What is said of an error of which no line tells, by its HTTP status."""
    return _BY_STATUS.get(status, _LATER if status >= 500 else _TO_CHANGE)
