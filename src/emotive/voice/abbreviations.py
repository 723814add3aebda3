"""Abbreviations, months and days, and what follows them: tables that splitting and reading both need."""

from __future__ import annotations

# A dot after these does not end a sentence; after those of ENDING it does before a capital.
TITLES = {
    "mr": "mister", "mrs": "missus", "ms": "ms", "dr": "doctor", "prof": "professor", "rev": "reverend",
    "gen": "general", "col": "colonel", "capt": "captain", "lt": "lieutenant", "sgt": "sergeant",
    "gov": "governor", "sen": "senator", "rep": "representative", "pres": "president", "hon": "honorable",
    "mt": "mount", "st": "saint", "ft": "fort", "messrs": "messieurs",
}  # fmt: skip
PHRASES = {
    "vs": "versus", "cf": "compare", "approx": "approximately", "ca": "circa", "e.g": "for example",
    "i.e": "that is", "dept": "department", "est": "established", "tel": "telephone",
}  # fmt: skip
ENDING = {
    "etc": "et cetera", "jr": "junior", "sr": "senior", "inc": "incorporated", "ltd": "limited",
    "corp": "corporation", "bros": "brothers", "ave": "avenue", "blvd": "boulevard", "rd": "road",
    "hwy": "highway", "co": "company", "al": "al",
}  # fmt: skip
BEFORE_NUMBER = {
    "no": "number", "nos": "numbers", "p": "page", "pp": "pages", "ch": "chapter", "art": "article",
    "fig": "figure", "vol": "volume", "ext": "extension", "sec": "section",
}  # fmt: skip
PLACES = {"dr": "drive", "st": "street", "ft": "feet"}
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
MONTHS_SHORT = {"sept": "september"} | {month[:3]: month for month in MONTHS if month != "may"}
DAYS = {
    "mon": "monday", "tue": "tuesday", "tues": "tuesday", "wed": "wednesday", "thu": "thursday",
    "thurs": "thursday", "fri": "friday",
}  # fmt: skip
STARTERS = frozenset(
    "a an and as at but for he her his how i if in it its my no on our she so that the their then there "
    "these they this those to we what when where which who why with yes you your".split()
)
"""Words that tell that a sentence begins, after a dot that may have been an abbreviation's only."""
