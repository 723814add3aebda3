"""Affect out of existing media: what a judge sees in a picture, and what it saw it by.

attributes.py   what can be measured in a picture without learning: light, colour, lines, composition
published.py    the judge with published coefficients only
picture.py      the judge that learned, and the sentence that explains an estimate
ratings.py      a judge against a folder of pictures that people rated
"""
