"""What Streamlit runs, anew for each visitor and each change on the page."""

from spacy_rin.page.view import show

show()
