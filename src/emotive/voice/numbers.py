"""Numbers in words."""

from __future__ import annotations


def cardinal(number: str) -> str:
    """ "-1,234.05" -> "minus one thousand two hundred and thirty four point zero five"."""
    from num2words import num2words

    digits = number.replace(",", "").lstrip("-")
    whole, _, decimals = digits.partition(".")
    if len(whole) > 15 or (len(whole) > 1 and whole[0] == "0"):
        said = one_by_one(whole)
    else:
        said = _plain(num2words(int(whole))) if whole else ""
    if decimals:
        said = f"{said} point {one_by_one(decimals)}".strip()
    return f"minus {said}" if number.startswith("-") else said


def ordinal(number: str | int) -> str:
    """ "21" -> "twenty first"."""
    from num2words import num2words

    digits = str(number).replace(",", "")
    return _plain(num2words(int(digits), to="ordinal")) if len(digits) <= 15 else one_by_one(digits)


def year(number: str) -> str:
    """ "1984" -> "nineteen eighty four", "1905" -> "nineteen oh five", "2005" -> "two thousand and five"."""
    from num2words import num2words

    return _plain(num2words(int(number), to="year"))


def one_by_one(digits: str) -> str:
    """ "007" -> "zero zero seven"."""
    return " ".join(_DIGITS[int(d)] for d in digits)


_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _plain(words: str) -> str:
    return words.replace("-", " ").replace(",", "")
