"""The web page of `spacy rin serve`, which shows the entities and relations of any text that a visitor types."""
