"""Training: one loop, one recipe per model."""
