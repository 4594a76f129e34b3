"""What a handout is asked for: product, language, telephone, center, day and folder, checked before it is made."""

from __future__ import annotations

import difflib
import os
import re
from datetime import date
from pathlib import Path

from cytowatch.errors import ArgumentError, KnowledgeError
from cytowatch.knowledge.education import ENGLISH, EducationLanguage
from cytowatch.knowledge.model import Knowledge, Product
from cytowatch.knowledge.parse import fold

# digits with the usual marks between them, and an extension
_PHONE = re.compile(r"\+?[0-9][0-9 ().\-/]*[0-9]( ?(x|ext\.?|#) ?[0-9]{1,6})?|\+?\([0-9][0-9 ().\-/]*[0-9]")
_FEWEST_DIGITS, _LONGEST = 3, 80
_SUGGESTIONS = 3


def check_product(name: str, knowledge: Knowledge) -> Product:
    """The product of a key, a nonproprietary name or a brand; ArgumentError with near names for any other."""
    key = fold(name)
    key = knowledge.product_aliases.get(key, key)
    if key in knowledge.products:
        return _with_group(knowledge.products[key], knowledge)
    by_name = {spelling: part for part in knowledge.products.values() for spelling in (part.key, *part.brands)}
    folded = {fold(spelling): spelling for spelling in by_name}
    close = difflib.get_close_matches(fold(name), list(folded), n=_SUGGESTIONS, cutoff=0.5)
    meant = ", ".join(
        f"{by_name[folded[part]].key} ({', '.join(by_name[folded[part]].brands[:2]) or 'no brand'})" for part in close
    )
    raise ArgumentError(
        f"There is no product {name!r}.",
        where="--product",
        why="What a patient is told depends on the product.",
        hint=(f"Did you mean {meant}? " if meant else "") + "`cytowatch knowledge list product` names all of them.",
    )


def _with_group(product: Product, knowledge: Knowledge) -> Product:
    """The same product; ArgumentError where its class belongs to no group, so that half of a handout would be empty."""
    if knowledge.education.group_of(product.product_class):
        return product
    raise ArgumentError(
        f"Nothing is known of what patients are told after `{product.key}`.",
        where="--product",
        why=f"Its class `{product.product_class}` is in no group of education/blocks.toml.",
        hint="Add the class to the group that fits, and run `cytowatch knowledge lint`.",
    )


def check_language(code: str, knowledge: Knowledge) -> str:
    """The code of a language that has words; ArgumentError with the list for any other, KnowledgeError for gaps."""
    languages = knowledge.education.languages
    folded = code.strip().lower()
    if folded in languages:
        _check_complete(languages[folded], knowledge)
        return folded
    listed = ", ".join(f"{part.code} ({part.name})" for part in languages.values())
    raise ArgumentError(
        f"There is no handout in the language {code!r}.",
        where="--language",
        hint=f"Choose one of: {listed}. A folder of tables may add one (docs/how-to/handout.md).",
    )


def _check_complete(language: EducationLanguage, knowledge: Knowledge) -> None:
    """KnowledgeError where a language lacks words: a handout with a gap is worse than none."""
    education = knowledge.education
    blocks = education.blocks.values()
    missing = {block.text for block in blocks} - set(language.texts)
    missing |= {block.section for block in blocks} - set(language.sections)
    missing |= {key for part in education.languages.values() for key in part.words} - set(language.words)
    missing |= {str(knowledge.symptoms[key].system) for key in education.symptoms} - set(language.systems)
    missing |= set() if language.code == ENGLISH else set(education.symptoms) - set(language.symptoms)
    if missing:
        raise KnowledgeError(
            f"The language `{language.code}` has no words for {len(missing)} keys, among them {min(missing)}.",
            where=f"education/{language.code}.toml",
            why="A handout with a gap may leave out the line that matters.",
            hint="`cytowatch knowledge lint` names all of them.",
        )


def check_phone(phone: str | None) -> str:
    """A telephone number as it is printed; empty text leaves a line to write on. ArgumentError for any other."""
    if phone is None:
        raise ArgumentError(
            "No telephone number was given.",
            where="--phone",
            why="A sheet that says 'call at once' must say whom to call.",
            hint='Add --phone "+1 555 0100", the number that is answered day and night; --phone "" leaves a blank line '
            "to write it on by hand.",
        )
    text = " ".join(phone.split())
    if not text:
        return ""
    digits = sum(letter.isdigit() for letter in text)
    if len(text) > _LONGEST or digits < _FEWEST_DIGITS or not _PHONE.fullmatch(text):
        raise ArgumentError(
            f"{phone!r} is no telephone number.",
            where="--phone",
            why="A patient in danger will dial what is printed.",
            hint="Use digits with spaces, +, -, ., / and parentheses; an extension as 'ext 12'.",
        )
    return text


def check_center(center: str) -> str:
    """The name of a center on one line; ArgumentError where it is too long or holds control characters."""
    text = " ".join(center.split())
    if len(text) > _LONGEST or not text.isprintable():
        raise ArgumentError(
            f"The name of the center must be printable and have at most {_LONGEST} characters.",
            where="--center",
            hint="Write the name as it should stand on the sheet.",
        )
    return text


def check_day(day: str | date | None) -> date | None:
    """The day of an ISO text such as 2026-11-29; None stays None. ArgumentError for any other text."""
    if day is None or isinstance(day, date):
        return day
    try:
        return date.fromisoformat(day.strip())
    except ValueError as error:
        raise ArgumentError(
            f"{day!r} is no day.",
            where="--date",
            why="Rules on driving and on staying near changed on a day.",
            hint="Write it as 2026-11-29, or leave it out for the newest rules.",
        ) from error


def check_folder(folder: Path) -> None:
    """ArgumentError where nothing can be written into this folder."""
    there = next((part for part in (folder, *folder.parents) if part.exists()), Path())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return
    raise ArgumentError(
        "Nothing can be written there.",
        where=str(folder),
        why="The handout is up to four files in one folder.",
        hint="Name a folder with --out that you may write into; it is made if it is not there.",
    )
