"""Teachers: procedural training data, and what is kept back for evaluation."""
