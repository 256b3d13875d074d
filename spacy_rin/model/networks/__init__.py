"""PyTorch modules. They know torch and numpy, and nothing of spaCy or thinc."""
