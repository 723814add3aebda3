"""Directions that a person finds by sorting pictures by what they feel.

After Latent Compass (Schwettmann, Strobelt & Martino 2020, arXiv:2012.14283), which lets a viewer's own
judgements define a direction in the latent space of a GAN. Here it is what conditions a diffusion model that
moves, each judgement says where to look next, and the direction comes with how far to trust it.

direction.py    a direction, its confidence, its file, and how it is added to what conditions a model
"""
