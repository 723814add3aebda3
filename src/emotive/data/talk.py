"""What people say who move their hands: of oneself and others, sizes, places, numbers, refusals."""

from __future__ import annotations

import numpy as np

from .sentences import filled, sentence

SHARE = 0.6  # of `talk` that is from the templates here


def talk(rng: np.random.Generator) -> str:
    """One sentence for training the motion of bodies: one of `TEMPLATES`, or, with probability 0.4, any."""
    if rng.random() < SHARE:
        return filled(TEMPLATES[rng.integers(len(TEMPLATES))], rng)
    return sentence(rng)


TEMPLATES: tuple[str, ...] = (
    # Self and other
    "I think that you should {do} the {thing} yourself.",
    "you and I both know that {name} never {did} it.",
    "believe me, I would never {do} your {thing}.",
    "to me, this {idea} means everything.",
    "I feel it here, in my heart, every single {day}.",
    "what do you want me to say?",
    "we are in this together, all of us.",
    "it is my {idea}, not yours, and I will keep it.",
    "tell me, what would you do without your {thing}?",
    # Refusal and doubt
    "no, no, I really do not want another {thing}.",
    "there is nothing, absolutely nothing, in that {place}.",
    "stop it, this is not what we agreed on.",
    "I do not know, maybe it was {quality}.",
    "perhaps they will {do} it, perhaps they won't, who knows?",
    "nobody cares, and nothing will ever change.",
    "I can't believe that they {did} the whole {place}.",
    # Size and amount
    "it was a huge {thing}, bigger than anything I had seen.",
    "the {thing} was tiny, just a little {quality} thing.",
    "so many {animals} were there, everywhere around us.",
    "the whole world is watching, all the people in every {place}.",
    "we went up and up until we reached the top of the {place}.",
    "then it fell down, deep under the {thing}.",
    "just a small step, and then a very long way to the {place}.",
    # Place and direction
    "look over there, behind the {place}, can you see it?",
    "come here, right here, next to the {thing}.",
    "go that way, past the {place}, and turn left.",
    "here is the {place}, and there, far away, is the {place}.",
    # Number and order
    "first you {do} the {thing}, second you {do} the {stuff}, and then you go.",
    "there are three reasons why I love this {place}.",
    "one {person} {went}, two of them stayed, and four came back.",
    "on the one hand it is {quality}, on the other hand it is {quality}.",
    "it is either the {thing} or the {thing}, you can't have both.",
    # Feeling
    "this is wonderful, I am so happy that you are here.",
    "oh, what a beautiful {thing}, thank you so much.",
    "I am so tired of this, it never ends.",
    "how could you {do} such a thing to me?",
    "I was afraid, something was moving behind the {thing}.",
    "everything is calm now, the {place} is quiet.",
    "listen to me, this is important, really important.",
    "come on, let us {go} before it is too late.",
    "I told you again and again, and you never listened.",
    "it grew and grew, slowly at first, then faster and faster.",
    "the {person} opened the door, took the {thing} and threw it away.",
    "imagine a {quality} {place}, with {stuff} all around you.",
    "exactly, that is the point, that is what I mean.",
    "well, you know, it is complicated, a kind of {idea}.",
)
