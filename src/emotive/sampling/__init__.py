"""Sampling: pure functions over a mean velocity (x, sigma, sigma_next) -> u."""
