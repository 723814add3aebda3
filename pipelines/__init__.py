"""What a user calls: one diffusers-style pipeline per medium, one file each. The room itself loads none."""
