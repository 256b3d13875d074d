"""The page of `spacy rin serve`, where one types a text and sees what a pipeline makes of it."""
