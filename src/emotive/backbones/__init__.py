"""Diffusion models of others, and the four ways in which affect reaches them.

adapter.py      what passes: prompt embeds, affect points, and the conditionings that an adapter makes of them
families.py     Stable Diffusion 1, 2, XL and 3, FLUX, as data: what their pipelines take and give
opening.py      a hub id, a folder or one .safetensors file -> a diffusers pipeline
single_file.py, vocabularies.py, lora.py, sampling_defaults.py, fingerprints.py   what that takes
saving.py       an adapter in a folder
directions.py   adapter, fitted in seconds: offsets of the embeds, regressed from how named emotions are said
regression.py, phrases.py   what an encoder makes of emotion words, regressed on their affect
blend.py        adapter, untrained: the predictions for prompts at the poles of affect, blended
mapper.py       adapter, trained: a slim transformer over the embeds
emoticrafter.py adapter: the published EmotiCrafter checkpoints
"""
