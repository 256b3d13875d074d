"""The script that Streamlit runs for each visitor, and again after each change on the page."""

from spacy_rin.page.view import show

show()
