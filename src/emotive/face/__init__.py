"""What faces need besides a network: landmarks, portraits, expressions, and a renderer."""
