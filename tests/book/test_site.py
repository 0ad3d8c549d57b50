from docutils import nodes
from docutils.core import publish_doctree

from skinlib.book.site import explain_terms, number_by_chapter

GLOSSARY = """
offset
    Where a point moves. It is learnt.
"""


def test_figures_count_by_chapter_and_equations_through_the_book():
    numbers = {
        "book/index": {},
        "book/01_dataset": {"figure": {"fig-b": (2,), "fig-a": (1,)}, "exercise": {"ex-a": (1,)}},
        "book/02_layer": {"figure": {"fig-c": (3,)}, "displaymath": {"eq-a": (1,)}},
        "book/10_end": {"displaymath": {"eq-b": (2,)}, "exercise": {"ex-b": (2,)}},
        "book/count": {"figure": {"fig-d": (4,)}},
        "book/glossary": {"figure": {"fig-e": (5,)}},
    }
    number_by_chapter(numbers)
    assert numbers == {
        "book/index": {},
        "book/01_dataset": {
            "figure": {"fig-a": ("1", 1), "fig-b": ("1", 2)},
            "exercise": {"ex-a": ("1", 1)},
        },
        "book/02_layer": {"figure": {"fig-c": ("2", 1)}, "displaymath": {"eq-a": (1,)}},
        "book/10_end": {"displaymath": {"eq-b": (2,)}, "exercise": {"ex-b": ("10", 1)}},
        "book/count": {"figure": {"fig-d": ("A", 1)}},
        "book/glossary": {"figure": {"fig-e": ("A", 2)}},
    }


def test_a_link_to_a_term_shows_its_first_sentence():
    glossary = publish_doctree(GLOSSARY)
    term = next(iter(glossary.findall(nodes.term)))
    term["ids"] = ["term-offset"]
    page = publish_doctree("text")
    page += nodes.reference("", "offset", refuri="glossary.html#term-offset")
    page += nodes.reference("", "elsewhere", refuri="glossary.html#top")
    explain_terms(page, glossary)
    titles = [link.get("reftitle") for link in page.findall(nodes.reference)]
    assert titles == ["Where a point moves.", None]
