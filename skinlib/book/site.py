"""A Sphinx extension: Colab opens the notebooks that the site hands out, not the committed ones.

Those have a first cell that installs skinlib: see `skinlib.book.build.launchable`. The theme knows
one branch, and needs that for its links to edit a page.
"""

from typing import Any

from sphinx.application import Sphinx

BRANCH = "notebooks"  # written by .github/workflows/pages.yml


def _open_launchable(app: Sphinx, page: str, template: str, context: dict, doctree: Any) -> None:
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button["text"] == "Colab":
                branch = app.config.html_theme_options["repository_branch"]
                button["url"] = button["url"].replace(f"/blob/{branch}/", f"/blob/{BRANCH}/")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", _open_launchable, priority=900)  # after the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
