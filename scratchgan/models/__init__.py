"""One paper, one file: networks, objective, one training step."""
