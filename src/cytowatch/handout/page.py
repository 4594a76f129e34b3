"""A handout and its wallet card as HTML: one file each, nothing loaded from elsewhere, made for the printer too."""

from __future__ import annotations

from functools import lru_cache

import jinja2
from markupsafe import Markup

from cytowatch.handout.icons import icon
from cytowatch.handout.model import Handout

# empty lines of the diary: days, and checks a day
DIARY = (7, 3)
# what the patient fills in on the card, and how many lines each takes
MINE = (("card_name", 1), ("card_birth", 1), ("card_infusion", 1), ("card_partner", 1))
DETAILS = (("card_doctor", 1), ("card_blood_group", 1), ("card_allergies", 1), ("card_drugs", 2))


def handout_html(handout: Handout) -> str:
    """The handout as one page of HTML."""
    return _template("handout.html.j2").render(h=handout, words=handout.words, days=DIARY[0], checks=DIARY[1])


def card_html(handout: Handout) -> str:
    """The wallet card as one page of HTML, to print, cut and fold."""
    return _template("card.html.j2").render(h=handout, words=handout.words, mine=MINE, details=DETAILS)


@lru_cache(maxsize=2)
def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cytowatch.handout"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # our own drawings, from a file of the package
    environment.globals["icon"] = lambda drawing: Markup(icon(drawing))  # noqa: S704
    environment.filters["dial"] = dial
    return environment.get_template(name)


def dial(phone: str) -> str:
    """A number as a link dials it: digits and a leading plus, without the extension."""
    number = phone.lower().split("x")[0].split("e")[0].split("#")[0]
    return ("+" if number.startswith("+") else "") + "".join(letter for letter in number if letter.isdigit())
