"""What spaCy sees: the component, what it learns from, and how its predictions are read."""
