"""What speech needs besides networks: phones, text and words, and what makes a waveform."""
