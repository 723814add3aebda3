"""Text normalisation: what is written otherwise than it is said is put into words, by RULES in order."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from .abbreviations import (
    BEFORE_NUMBER,
    DAYS,
    ENDING,
    MONTHS,
    MONTHS_SHORT,
    PHRASES,
    PLACES,
    STARTERS,
    TITLES,
)
from .lexicon import dictionary
from .numbers import cardinal, one_by_one, ordinal, year
from .spelling import fold


@dataclass(frozen=True)
class Said:
    """A word before its phones: `say` is what the lexicon reads; start and end are characters of the text."""

    text: str
    say: str
    start: int
    end: int
    mark: str = ""
    loud: bool = False


UNITS = {
    "%": "percent", "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter",
    "μm": "micrometer", "nm": "nanometer", "kg": "kilogram", "g": "gram", "mg": "milligram",
    "μg": "microgram", "lb": "pound", "lbs": "pound", "oz": "ounce", "yd": "yard", "mi": "mile", "ft": "foot",
    "l": "liter",
    "L": "liter", "ml": "milliliter", "mL": "milliliter", "h": "hour", "hr": "hour", "hrs": "hour",
    "min": "minute", "mins": "minute", "s": "second", "sec": "second", "ms": "millisecond", "Hz": "hertz",
    "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "W": "watt", "kW": "kilowatt",
    "MW": "megawatt", "kWh": "kilowatt hour", "V": "volt", "mV": "millivolt", "KB": "kilobyte",
    "kB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "dB": "decibel", "px": "pixel",
    "mph": "mile per hour", "km/h": "kilometer per hour", "kph": "kilometer per hour",
    "m/s": "meter per second", "°C": "degree celsius", "°F": "degree fahrenheit", "°": "degree",
    "m²": "square meter", "km²": "square kilometer", "m2": "square meter", "km2": "square kilometer",
    "m³": "cubic meter", "ha": "hectare", "fps": "frame per second", "bpm": "beat per minute",
}  # fmt: skip
UNCHANGED = frozenset({"percent", "hertz", "kilohertz", "megahertz", "gigahertz"})  # in the plural
MONEY = {
    "$": ("dollar", "cent"), "£": ("pound", "penny"), "€": ("euro", "cent"), "¥": ("yen", "sen"),
    "₹": ("rupee", "paisa"), "¢": ("cent", ""),
}  # fmt: skip
LARGE = {"k": "thousand", "K": "thousand", "m": "million", "M": "million", "bn": "billion", "B": "billion"}
PLURALS = {"foot": "feet", "penny": "pence", "yen": "yen", "paisa": "paise"}
SIGN_NAMES = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "/": "slash", "%": "percent", "°": "degrees",
    "×": "times", "÷": "divided by", "±": "plus or minus", "≈": "about", "≤": "less than or equal to",
    "≥": "greater than or equal to", "§": "section", "$": "dollars", "£": "pounds", "€": "euros",
    "²": "squared", "³": "cubed", "©": "copyright",
}  # fmt: skip
ADDRESS_SIGNS = SIGN_NAMES | {
    ".": "dot", "-": "dash", "_": "underscore", "?": "question mark", "#": "hash", ":": "colon", "~": "tilde",
}  # fmt: skip
MONARCHS = frozenset(
    "henry louis charles george edward richard james william elizabeth mary philip frederick alexander "
    "peter nicholas catherine francis benedict pius leo gregory clement innocent urban boniface paul john "
    "ivan felipe juan carlos napoleon ferdinand gustav christian haakon harald leopold albert ramses "
    "ptolemy thutmose".split()
)
NUMERAL = re.compile(r"(?=[IVX]{2})X{0,3}(?:IX|IV|V?I{0,3})")
PLAIN_CAPITALS = frozenset(
    "NO SO GO OH AH HI UP ON MY ME WE IS BE DO TO IN OF OR AT BY AS IF HE AN OK HA OW OX YO".split()
)
"""Two capitals that are a word said louder; other pairs (US, IT, TV) are letters."""

NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\d])|\.\d+"
MONTH = (
    r"("
    + "|".join(m.capitalize() for m in MONTHS)
    + "|"
    + "|".join(m.capitalize() for m in MONTHS_SHORT)
    + r")"
)
UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
MARK_ORDER = ("", "(", ",", "-", ";", ":", ".", "!", "?")


def _quantity(number: str, singular: str) -> str:
    """The unit's first noun in the plural unless there is one of it: "three miles per hour"."""
    head, _, rest = singular.partition(" ")
    if head in ("square", "cubic", "kilowatt") and rest:
        head, rest = singular, ""
    if number.lstrip("-") != "1" and head not in UNCHANGED:
        head = PLURALS.get(head, head + "s")
    return f"{cardinal(number)} {head} {rest}".strip()


def _email(m: re.Match[str]) -> str:
    return _address(m[0])


def _url(m: re.Match[str]) -> str:
    return _address(re.sub(r"^(?:https?://)?(?:www\.)?", "", m[0], flags=re.I).rstrip("/"))


def _address(text: str) -> str:
    said = []
    for part in re.findall(rf"{LETTER}+|\d+|.", text):
        if part.isdecimal():
            said.append(cardinal(part) if len(part) < 3 else one_by_one(part))
        elif part[0].isalpha():
            said.append(
                _spelled(part) if len(part) < 3 or not re.search("[aeiouy]", fold(part.lower())) else part
            )
        else:
            said.append(ADDRESS_SIGNS.get(part, ""))
    return " ".join(said)


def _spelled(letters: str) -> str:
    """ "tv" -> "t.v.", which the lexicon reads as letters."""
    return "".join(f"{c}." for c in fold(letters).lower() if c.isalpha())


def _date(day: str, month: int, years: str | None, before: str, month_first: bool) -> str | None:
    if not (1 <= int(day) <= 31 and 1 <= month <= 12):
        return None
    name = MONTHS[month - 1].capitalize()
    said_year = "" if not years else f" {year(years) if len(years) == 4 else cardinal(years)}"
    if month_first:
        return f"{name} {ordinal(day)}{',' if said_year else ''}{said_year}"
    the = "" if re.search(r"\bthe $", before, re.I) else "the "
    return f"{the}{ordinal(day)} of {name}{said_year}"


def _month(name: str) -> int:
    return MONTHS.index(MONTHS_SHORT.get(name.lower(), name.lower())) + 1


def _iso_date(m: re.Match[str]) -> str | None:
    return _date(m[3], int(m[2]), m[1], "", True)


def _slash_date(m: re.Match[str]) -> str | None:
    month, day = (m[1], m[2]) if int(m[1]) <= 12 else (m[2], m[1])  # as in the USA, unless it cannot be
    return _date(day, int(month), m[3], "", True)


def _month_day(m: re.Match[str]) -> str | None:
    return _date(m[2], _month(m[1]), m[3], "", True)


def _day_month(m: re.Match[str]) -> str | None:
    return _date(m[1], _month(m[2]), m[3], m.string[: m.start()], False)


def _month_year(m: re.Match[str]) -> str:
    return f"{MONTHS[_month(m[1]) - 1].capitalize()} {year(m[2])}"


def _time(m: re.Match[str]) -> str | None:
    hour, minute, second, half = int(m[1]), int(m[2]), m[3], m[4]
    if hour > 24 or minute > 59 or (second and int(second) > 59):
        return None
    said = cardinal(str(hour))
    if minute:
        said += f" {'oh ' if minute < 10 else ''}{cardinal(str(minute))}"
    elif not half and not second:
        said += " o'clock" if 1 <= hour <= 12 else " hundred"
    if second:
        said += f" and {_quantity(str(int(second)), 'second')}"
    return said + (f" {half.lower()}.m." if half else "")


def _hour(m: re.Match[str]) -> str:
    return f"{cardinal(m[1])} {m[2].lower()}.m."


def _phone_number(m: re.Match[str]) -> str:
    groups = re.findall(r"\+|\d+", m[0])
    said = ["plus" if group == "+" else one_by_one(group) + "," for group in groups]
    return " ".join(said).rstrip(",")


def _money(m: re.Match[str]) -> str:
    minus, sign, number, large = m[1], m[2], m[3].replace(",", ""), m[4]
    one, hundredth = MONEY[sign]
    minus = "minus " if minus else ""
    if large:
        return f"{minus}{cardinal(number)} {LARGE.get(large, large)} {PLURALS.get(one, one + 's')}"
    whole, _, decimals = number.partition(".")
    if len(decimals) != 2:
        return minus + _quantity(number, one)
    cents = _quantity(decimals.lstrip("0"), hundredth) if int(decimals) else ""
    if not int(whole or 0) and cents:
        return minus + cents
    return f"{minus}{_quantity(whole, one)}{' and ' + cents if cents else ''}"


def _money_after(m: re.Match[str]) -> str:
    return _quantity(m[1].replace(",", ""), MONEY[m[2]][0])


def _unit(m: re.Match[str]) -> str:
    said = UNITS[m[3]]
    return f"{cardinal(m[1])} {said}" if m[2] == "-" else _quantity(m[1].replace(",", ""), said)  # a 5-km run


def _fraction(m: re.Match[str]) -> str:
    whole, top, bottom = m[1], int(m[2]), int(m[3])
    if not whole and ((top, bottom) in ((24, 7), (9, 11)) or top == bottom > 9):
        return f"{cardinal(m[2])} {cardinal(m[3])}"
    if bottom == 0 or bottom > 100 or top > 100 or bottom == 1:
        said = f"{cardinal(m[2])} over {cardinal(m[3])}"
    else:
        part = {2: "half", 4: "quarter"}.get(bottom) or ordinal(bottom)
        said = f"{cardinal(m[2])} {part if top == 1 else 'halves' if bottom == 2 else part + 's'}"
    return f"{cardinal(whole)} and {'a' + said[3:] if top == 1 else said}" if whole else said


def _ordinal(m: re.Match[str]) -> str:
    return ordinal(m[1])


def _plural(m: re.Match[str]) -> str:
    """The 1990s, the '80s, 100s, 747's."""
    digits = m[1] or m[2]
    said = year(digits) if re.fullmatch(r"1[1-9]\d0|20\d0", digits) else cardinal(digits)
    said = said.removeprefix("one ") if digits.replace(",", "") in ("100", "1000") else said
    return said[:-1] + "ies" if said.endswith("y") else said + ("es" if said.endswith("x") else "s")


def _version(m: re.Match[str]) -> str:
    parts = m[0].split(".")
    if len(parts) == 4:  # an address of the internet
        return " dot ".join(one_by_one(part) for part in parts)
    return " point ".join(cardinal(part) for part in parts)


def _feet(m: re.Match[str]) -> str:
    return f"{cardinal(m[1])} foot {cardinal(m[2])}"


def _number(m: re.Match[str]) -> str:
    digits = m[0].lstrip("-")
    beside = m.string[m.end() : m.end() + 1]
    if re.fullmatch(r"1[1-9]\d\d|20\d\d", m[0]) and beside not in ("x", "×", "+", "*", "^"):
        return year(m[0])
    if re.fullmatch(r"\d{7,}", digits) and not digits.endswith("000"):
        return one_by_one(digits)
    return cardinal(m[0])


def _dotted(m: re.Match[str]) -> str | None:
    known = PHRASES.get(m[0].lower().rstrip("."))
    return known or _spelled(m[0])


def _abbreviation(m: re.Match[str]) -> str | None:
    word, low = m[1], m[1].lower()
    before, after = m.string[: m.start()].rstrip(), m.string[m.end() :].lstrip()
    if low in PLACES and re.search(r"\b[A-Z0-9][\w']*$", before):
        following = re.match(r"[A-Z][a-z]*", after)  # Yesterday Dr. Smith; but: on Mulholland Dr. The
        if not following or following[0].lower() in STARTERS:
            return PLACES[low]
    if low in TITLES and word[0].isupper():
        return TITLES[low]
    if low in BEFORE_NUMBER and after[:1].isdigit():
        return BEFORE_NUMBER[low]
    if low in MONTHS_SHORT and word[0].isupper() and low != "mar":
        return MONTHS_SHORT[low]
    if low in DAYS and word[0].isupper():
        return DAYS[low]
    if re.fullmatch(r"[A-Z]", word) and after and word != "I":
        return _spelled(word)  # J. R. R. Tolkien
    if low == "al" and not before.endswith(" et"):
        return None
    if low in ENDING and (word[0].isupper() or low in ("etc", "al")):
        return ENDING[low]
    return PHRASES.get(low)


def _word(m: re.Match[str]) -> str:
    """One run of letters and apostrophes: letters spelled where they must be, else as it is."""
    word, text = m[0], m.string
    plain = fold(word)
    if not plain and len(word) == 1:  # a Greek letter alone
        return unicodedata.name(word).split()[3 if "FINAL" in unicodedata.name(word) else -1].lower()
    if not plain:
        return ""
    before = re.search(r"([A-Z][a-z]+) $", text[: m.start()])
    if before and (said := _roman(plain, before[1])):
        return said
    stem, possessive = re.fullmatch(r"(.*?)('?s)?", plain, re.S).groups()  # type: ignore[union-attr]
    shouted = text.upper() == text and sum(c.isalpha() for c in text) > max(6, len(word))
    if len(stem) > 1 and stem.isalpha() and stem.isupper() and not shouted:
        if _is_initialism(stem):
            return _spelled(stem) + ("s" if possessive else "")
        return plain
    low = plain.lower()
    if low in dictionary() or "'" in low:
        return plain
    if re.search(r"[a-z][A-Z]", plain):  # camel case
        return " ".join(
            _spelled(part) if part.isupper() and len(part) > 1 and _is_initialism(part) else part
            for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", plain)
        )
    if len(low) > 1 and not re.search(r"[aeiouy]", low) and len(low) <= 5 and not re.search(r"(.)\1", low):
        return _spelled(low)
    return plain


def _is_initialism(capitals: str) -> bool:
    if len(capitals) == 2:
        return capitals not in PLAIN_CAPITALS
    if capitals.lower() in dictionary():
        return False
    syllables = re.fullmatch(r"(?:[^AEIOUY]{0,2}[AEIOUY]{1,2})+[^AEIOUY]{0,2}", capitals)
    return len(capitals) < 4 or not syllables or not re.search("[AEIOU]", capitals)


def _roman(word: str, before: str) -> str | None:
    if not NUMERAL.fullmatch(word):
        return None
    values = [{"I": 1, "V": 5, "X": 10}[c] for c in word]
    total = sum(-v if any(w > v for w in values[i + 1 :]) else v for i, v in enumerate(values))
    return f"the {ordinal(total)}" if before.lower() in MONARCHS else cardinal(str(total))


def _sign(m: re.Match[str]) -> str:
    sign, text = m[0], m.string
    before, after = text[m.start() - 1 : m.start()], text[m.end() : m.end() + 1]
    if sign == "#" and (after.isdigit() or after.isalpha()):
        return "number" if after.isdigit() else "hashtag"
    if sign == "#":
        return "sharp" if before.isalpha() else ""
    if sign == "~":
        return "about" if after.isdigit() else ""
    if sign in "<>":
        beside = text[: m.start()].rstrip()[-1:] + text[m.end() :].lstrip()[:1]
        named = {"<": "less than", ">": "greater than"}[sign]
        return named if any(c.isdigit() for c in beside) or before == after == " " else ""
    return SIGN_NAMES.get(sign, "")


TLD = r"(?:com|org|net|edu|gov|io|uk|de|fr|eu|info|ai|dev|app|ch|ca|au|tv)"
END = r"(?![\w])"
LETTER = r"[^\W\d_²³]"
AFTER_NUMBER = r"(?:(?<=\d)|(?<=\d ))"
RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]], ...] = tuple(
    (re.compile(pattern), say)
    for pattern, say in (
        (r"[A-Za-z0-9][\w.+-]*@[\w-]+(?:\.[\w-]+)+", _email),
        (r"(?i:https?://|www\.)[^\s<>\"]*[^\s<>\".,;:!?)\]']", _url),
        (
            rf"(?i:[a-z0-9-]{{2,}}(?:\.[a-z0-9-]+)*\.{TLD})(?![\w])(?:/(?:[^\s<>\"]*[^\s<>\".,;:!?)\]'])?)?",
            _url,
        ),
        (rf"(\d{{4}})-(\d{{2}})-(\d{{2}}){END}", _iso_date),
        (rf"(\d{{1,2}})/(\d{{1,2}})/(\d{{4}}|\d{{2}}){END}", _slash_date),
        (rf"{MONTH}\.? (\d{{1,2}})(?:st|nd|rd|th)?(?:,? (\d{{4}}))?(?![\w:/%]|[.,-]\d)", _month_day),
        (rf"(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {MONTH}\b\.?(?:,? (\d{{4}}){END})?", _day_month),
        (rf"{MONTH}\.?,? (\d{{4}})(?![\w:/%]|[.,-]\d)", _month_year),
        (rf"(\d{{1,2}}):(\d{{2}})(?::(\d{{2}}))?(?:\s?([AaPp])(?:\.\s?[Mm]\.?|[Mm]{END}))?(?![\d:])", _time),
        (rf"(\d{{1,2}})\s?([AaPp])(?:\.\s?[Mm]\.?|[Mm]{END})", _hour),
        (r"\+\d[\d ().-]{6,}\d", _phone_number),
        (r"\(\d{3}\) ?\d{3}[-. ]\d{4}(?!\d)", _phone_number),
        (r"(?:1-)?\d{3}([-.])\d{3}\1\d{4}(?!\d)|\d{3}-\d{4}(?!\d)", _phone_number),
        (
            rf"(-?)(?:US|NZ|A|C)?([$£€¥₹])\s?({NUMBER})(?:\s?(million|billion|trillion|thousand|bn|[kKmMB]){END})?",
            _money,
        ),
        (rf"({NUMBER})\s?([€£¢]){END}", _money_after),
        (rf"({NUMBER})([$]){END}", _money_after),
        (rf"'?(\d0|1\d\d0|20\d0|\d[\d,]*00)'?s{END}|(\d+)'s{END}", _plural),
        (rf"({NUMBER})(M|bn|k){END}", lambda m: f"{cardinal(m[1])} {LARGE[m[2]]}"),
        (rf"((?:(?<![\w)])-)?(?:{NUMBER}))([\s-]?)({UNIT}){END}(?:\.(?= [a-z]))?", _unit),
        (r"(?:(\d+) )?(\d+)/(\d+)(?![\w/])", _fraction),
        (rf"(\d[\d,]*)(?:st|nd|rd|th){END}", _ordinal),
        (r"\d+(?:\.\d+){2,}", _version),
        (r"(\d)'(\d{1,2})(?:\"|\b)", _feet),
        (rf"(?:(?<![\w)])-)?(?:{NUMBER})", _number),
        (rf"{AFTER_NUMBER}– ?(?=[\d$£€])|(?<=\d)-(?=[\d$£€])|(?<=[ap]m)[–-](?=\d)", lambda m: "to"),
        (rf"{AFTER_NUMBER}[x×] ?(?=\d)", lambda m: "by"),
        (rf"{AFTER_NUMBER}\* ?(?=\d)", lambda m: "times"),
        (r"(?<=\d )- (?=\d)", lambda m: "minus"),
        (r"(?<=[\w])\.(?=[a-z\d])", lambda m: "dot"),
        (r"(?<=\d):(?=\d)", lambda m: "to"),
        (r"(?<![A-Za-z])(?:[A-Za-z]\.){2,}(?:[A-Za-z]\b)?|Ph\.D\.?", _dotted),
        (r"(?<![A-Za-z])([A-Za-z]+)\.", _abbreviation),
        (r"(?i:\band/or\b)", lambda m: "and or"),
        (r"(?i:\bw/o\b)", lambda m: "without"),
        (r"\bw/(?=\s)", lambda m: "with"),
        (rf"'(?:em|til|cause|tis|twas|bout|round|n)(?![A-Za-z])|{LETTER}+(?:'{LETTER}+)*", _word),
        (rf"(?:{AFTER_NUMBER}|(?<=\)))\^ ?(?=-?\d)", lambda m: "to the power of"),
        (r"</?[A-Za-z][^<>]*>", lambda m: ""),
        (r"[²³]", _sign),
        (r"={2,}|\+{3,}|/{2,}", lambda m: ""),
        (r"[^\w\s,;:.?!()\[\]{}\"'—–-]", _sign),
    )
)
MARK = re.compile(r"[.?!]+|--+|[,;:—–()\[\]{}\"]|(?<=\s)-(?=\s)")


def spoken(text: str) -> list[Said]:
    """All words of a raw sentence, with their marks."""
    found: list[Said] = []
    at = 0
    while at < len(text):
        end = at + 1
        if not text[at].isspace():
            for pattern, say in RULES:
                if (m := pattern.match(text, at)) and (said := say(m)) is not None:
                    found += _separate(said, m)
                    end = m.end()
                    break
            else:
                if m := MARK.match(text, at):
                    end = m.end()
                    if found and (mark := _mark(m)):
                        stronger = max(found[-1].mark, mark, key=MARK_ORDER.index)
                        found[-1] = replace(found[-1], mark=stronger, end=end)
        at = end
    return found


def _separate(said: str, m: re.Match[str]) -> Iterator[Said]:
    words = said.split()
    loud = len(words) == 1 and len(m[0]) > 1 and m[0].isupper() and not m.string.isupper()
    for word in words:
        plain = word.rstrip(",")
        shown = re.sub(r"\.", "", plain).upper() if "." in plain else plain
        shown = m[0].strip() if len(words) == 1 and m[0][0].isalpha() else shown
        yield Said(shown, fold(plain).lower(), m.start(), m.end(), "," if word != plain else "", loud)


def _mark(m: re.Match[str]) -> str:
    sign, text = m[0], m.string
    if sign[0] in ".?!":
        listed = re.fullmatch(r"\s*\d{1,3}", text[: m.start()])
        rest = text[m.end() :].strip("\"')]} ")
        return (
            "?"
            if "?" in sign
            else "!"
            if "!" in sign
            else "-"
            if len(sign) > 1 and rest
            else ","
            if listed
            else "."
        )
    if sign == '"':  # a word or a title in quotes is said without a pause; a quotation is not
        opening = m.start() == 0 or text[m.start() - 1] in " ("
        inside = (
            text[m.end() : text.find('"', m.end())]
            if opening
            else text[text.rfind('"', 0, m.start()) + 1 : m.start()]
        )
        return "(" if inside.count(" ") > 1 else ""
    if sign in "()[]{}":
        return "("
    return sign if sign in ",;:" else "-"
