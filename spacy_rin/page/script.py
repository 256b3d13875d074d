"""What Streamlit runs, again for each visitor and each change on the page."""

from spacy_rin.page.view import show

show()
