"""Directions that a person finds by sorting pictures by what they feel.

After Latent Compass (Schwettmann, Strobelt & Martino 2020, arXiv:2012.14283), which lets a viewer's own
judgements define a direction in the latent space of a GAN. Here it is what conditions a diffusion model that
moves, each judgement says where to look next, and the direction comes with how far to trust it.

direction.py    a direction, its confidence, its file, and how it is added to what conditions a model
basis.py        the axes along which a person searches, of a foreign backbone
scene.py        those of our picture model, and what directions do to it
sorter.py       what a person means, from how they sort: a Bayesian model of preference
asking.py       the tray whose answer would tell most
answers.py      what a person says of a tray, as text and as comparisons
session.py      a search: trays, answers, what is known after them, and its file
sheet.py        a tray and a direction as pictures
"""
