"""The embedded weights: a folder per model with safetensors, config.json and card; digests in SHA256SUMS."""
