"""Directions that a person finds by sorting pictures by what they feel (after Latent Compass, Schwettmann et al. 2020).

direction.py    a direction, its confidence, its file, and how it is added to what conditions a model
"""
