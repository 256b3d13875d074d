"""Extractors for frameworks that make graphs of texts, a module for each. No language model or server is needed."""
