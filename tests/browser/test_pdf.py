"""A few pages of the built book on paper."""

import re
from pathlib import Path

import pytest
from pypdf import PdfReader

from skinlib.book.pdf import print_book

HTML = Path(__file__).parents[2] / "_build" / "html"
NAMES = [f"book/{name}" for name in ("04_joint_loss", "notation", "try_it", "bibliography")]


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    output = tmp_path_factory.mktemp("pdf") / "book.pdf"
    print_book(HTML, NAMES, "A few pages", "nobody", output)
    return PdfReader(output)


def letters(text):
    return re.sub(r"\W", "", text)


def test_the_contents_name_the_page_of_each_heading(paper):
    texts = [page.extract_text() for page in paper.pages]
    front = paper.page_labels.index("1")
    lines = re.findall(r"^(.*\D)(\d+)$", "\n".join(texts[:front]), re.MULTILINE)
    assert len(lines) > 10
    for heading, number in lines:
        assert letters(heading) in letters(texts[front + int(number) - 1])


def test_links_lead_to_pages_of_the_book(paper):
    links = [note.get_object() for page in paper.pages for note in page.annotations or []]
    addresses = [str(link["/A"]["/URI"]) for link in links if "/A" in link]
    assert addresses
    assert not [address for address in addresses if "127.0.0.1" in address]
    cited = {paper.pages.index(link["/Dest"][0].get_object()) for link in links if "/Dest" in link}
    last = len(paper.pages) - 1
    assert {page for page in cited if page > last - 5}, "no citation leads to the bibliography"


def test_code_is_printed_but_not_the_imports(paper):
    text = "\n".join(page.extract_text() for page in paper.pages)
    assert "dataset = load(" in text
    assert "import " not in text


@pytest.mark.parametrize(
    ("before", "after"),
    [("where each is at home.", "symbol what it is"), ("The whole network", "use strict")],
)
def test_what_is_longer_than_a_page_starts_below_what_precedes_it(paper, before, after):
    """Chromium moves what may not be torn to a new page, and leaves the old one empty."""
    texts = [page.extract_text() for page in paper.pages]
    assert [text for text in texts if before in text and after in text]
