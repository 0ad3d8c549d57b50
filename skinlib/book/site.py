"""A Sphinx extension for three things that Jupyter Book has no setting for.

Colab opens the notebooks that the site hands out, not the committed ones. Those have a first cell
that installs skinlib: see `skinlib.book.build.launchable`. The theme knows one branch, and needs
that for its links to edit a page.

Figures and exercises are numbered by chapter, so that none is taken for one of the paper's.
Equations run through, so that 1 to 5 are the paper's.

A link to a term of the glossary shows the first sentence there while the mouse is on it.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

BRANCH = "notebooks"  # written by .github/workflows/pages.yml
GLOSSARY = "book/glossary"


def _open_launchable(app: Sphinx, page: str, template: str, context: dict, doctree: Any) -> None:
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button["text"] == "Colab":
                branch = app.config.html_theme_options["repository_branch"]
                button["url"] = button["url"].replace(f"/blob/{branch}/", f"/blob/{BRANCH}/")


def number_by_chapter(numbers: dict[str, dict[str, dict[str, tuple]]]) -> None:
    """Makes figure 7 the third of chapter 2: 2.3; pages that are no chapter share the letter A.

    `numbers`: page -> kind of thing -> its label -> its number in the whole book; is changed.
    """
    rest: dict[str, int] = {}  # kind -> how many so far on pages that are no chapter
    for page, kinds in numbers.items():
        chapter = re.search(r"/0*(\d+)_[^/]*$", page)
        for kind in kinds.keys() - {"displaymath"}:
            labels = sorted(kinds[kind], key=kinds[kind].__getitem__)
            first = 1 if chapter else rest.get(kind, 0) + 1
            if not chapter:
                rest[kind] = rest.get(kind, 0) + len(labels)
            head = chapter[1] if chapter else "A"
            kinds[kind] = {label: (head, place) for place, label in enumerate(labels, first)}


def _renumber(app: Sphinx, env: BuildEnvironment) -> list[str]:
    number_by_chapter(env.toc_fignumbers)
    return []


def explain_terms(page: nodes.document, glossary: nodes.document) -> None:
    """Gives each link to a term the first sentence of its definition as its title."""
    sentences = {}
    for item in glossary.findall(nodes.definition_list_item):
        *terms, definition = item.children
        sentence = re.split(r"(?<=\.)\s", definition.astext())[0]
        sentences.update({name: sentence for term in terms for name in term["ids"]})
    for link in page.findall(nodes.reference):
        target = link.get("refuri", "").partition("#")[2]
        if target in sentences:
            link["reftitle"] = sentences[target]


def _explain_terms(app: Sphinx, page: nodes.document, name: str) -> None:
    if GLOSSARY in app.env.found_docs and name != GLOSSARY:
        explain_terms(page, app.env.get_doctree(GLOSSARY))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("env-get-updated", _renumber, priority=900)  # after Sphinx has numbered
    app.connect("doctree-resolved", _explain_terms)
    app.connect("html-page-context", _open_launchable, priority=900)  # after the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
