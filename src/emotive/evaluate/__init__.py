"""Does control work, and what does it cost: metrics, a protocol for each medium, and their reports."""
