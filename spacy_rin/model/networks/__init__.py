"""PyTorch modules. They depend on torch and numpy only, not on spaCy or Thinc."""
