"""Affect out of existing media: what a judge sees in a picture or hears in a voice, and by what.

attributes.py   what can be measured in a picture without learning: light, colour, lines, composition
published.py    the judge with published coefficients only
picture.py      the judge that learned, and the sentence that explains an estimate
ratings.py      a judge against a folder of pictures that people rated

vocal_features.py   what can be measured in a voice without learning: pitch, balance, quality, timing
vocal_published.py  the judge of speech with published relations only
voice.py            the judge of speech that learned, over time as well
wav2vec2.py         audeering's judge, from the hub or a folder; not shipped
"""
