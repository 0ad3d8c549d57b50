"""Each figure that moves is moved, by the keyboard alone, and shows something else then."""

from pathlib import Path

import pytest

from skinlib.book.pdf import open_browser, serve

HTML = Path(__file__).parents[2] / "_build" / "html"
CHAPTERS = sorted(file.name for file in HTML.glob("book/[01]*_*.html"))
CONTROLS = ".moving.moves .vega-bindings :is(input, select)"


@pytest.fixture(scope="module")
def page():
    assert CHAPTERS, f"{HTML} has no chapters: make book"
    with serve(HTML) as site, open_browser() as browser:
        page = browser.new_page()
        page.site = site
        yield page


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_control_of_a_chapters_figure_changes_it(page, chapter):
    page.goto(f"{page.site}/book/{chapter}")
    page.wait_for_selector(".moving.moves svg")
    count = page.locator(CONTROLS).count()
    assert count
    for i in range(count):
        control = page.locator(CONTROLS).nth(i)
        drawn = page.locator(".moving.moves svg").first
        before = drawn.inner_html()
        control.focus()
        if control.get_attribute("type") == "radio" and control.is_checked():
            continue
        for key in ("ArrowRight", "ArrowRight", "Space", "ArrowLeft"):
            page.keyboard.press(key)
            if drawn.inner_html() != before:
                break
        page.wait_for_function(
            "([svg, before]) => svg.innerHTML !== before", arg=[drawn.element_handle(), before]
        )
