"""Each page of the built book in a real browser: on a desk, by day and by night, and on a phone.

`make browser` runs it, after `make book`. A page is opened once for each screen, and all is asked
of it then.
"""

from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe

from skinlib.book.pdf import open_browser, serve

HTML = Path(__file__).parents[2] / "_build" / "html"
PAGES = ["search.html", *sorted(f"book/{file.name}" for file in HTML.glob("book/*.html"))]
SCREENS = [(1400, "light"), (1400, "dark"), (390, "light")]
WORDS = [
    "receptive field",
    "baseline",
    "melanoma",
    "offset",
    "gamma",
    "focal loss",
    "Grad-CAM",
    "test set",
    "leak",
    "bootstrap",
]


def axe_options(width):
    return {
        "rules": {
            "label-content-name-mismatch": {"enabled": True},  # beside the usual ones
            "color-contrast": {"enabled": width == 1400},  # slow, and the same on a phone
        },
        "resultTypes": ["violations"],
        "preload": False,
    }


# Each answers with a list of complaints.
TOO_WIDE = """() => {
    const scrolls = e => e && (/auto|scroll/.test(getComputedStyle(e).overflowX) ||
                               scrolls(e.parentElement));
    const wide = [...document.querySelectorAll('article *')].filter(e => e.checkVisibility() &&
        e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement));
    const page = document.scrollingElement;
    return wide.slice(0, 3).map(e => `wider than the screen: ${e.tagName} ${e.className}`)
        .concat(page.scrollWidth > innerWidth ? ['the page scrolls sideways'] : []);
}"""
CUT_FIGURES = """() => [...document.querySelectorAll('article img, article svg')].filter(e => {
        const box = e.getBoundingClientRect();
        let left = 0, right = innerWidth;
        for (let p = e.parentElement; p; p = p.parentElement)
            if (getComputedStyle(p).overflowX != 'visible') {
                left = Math.max(left, p.getBoundingClientRect().left);
                right = Math.min(right, p.getBoundingClientRect().right);
            }
        return e.checkVisibility() &&
            (e.naturalWidth === 0 || box.left < left - 1 || box.right > right + 1);
    }).map(e => `a figure is cut: ${e.alt || e.id}`)"""
CUT_EQUATIONS = """() => [...document.querySelectorAll('div.math')].filter(e => {
        const formula = e.querySelector('mjx-math')?.getBoundingClientRect();
        const number = e.querySelector('.eqno')?.getBoundingClientRect();
        return e.checkVisibility() && !(formula?.right <= e.getBoundingClientRect().right + 1 &&
            !(number?.left < formula.right && number.top < formula.bottom &&
              formula.top < number.bottom));
    }).map(e => `an equation is cut: ${e.id}`)"""
RAW_FORMULAS = """() => [...document.querySelectorAll('.math')]
    .filter(e => !e.querySelector('mjx-container') || e.querySelector('[data-mml-node=merror]'))
    .map(e => `a formula is not set: ${e.textContent}`)"""
SEARCH_FIELDS = """() => {
    const fields = document.querySelectorAll('input[type=search], .search-button__button');
    const seen = [...fields].filter(e => {
        const box = e.getBoundingClientRect();
        const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
        return e.checkVisibility() && e.contains(top);
    }).length;
    return seen === 1 ? [] : [`${seen} search fields`];
}"""
HIDDEN_TITLES = """() => [...document.querySelectorAll('h1, .navbar-brand')].filter(e => {
        const box = e.getBoundingClientRect();
        const top = document.elementFromPoint(box.left + 5, box.top + 5);
        return e.checkVisibility() && box.left >= 0 && !e.contains(top) && !top?.contains(e);
    }).map(e => `a title is hidden: ${e.textContent.trim()}`)"""
WARNINGS = """() => [...document.querySelectorAll('.output.stderr, .output.traceback')]
    .map(e => `an output warns: ${e.textContent.trim()}`)"""
QUESTIONS = [
    TOO_WIDE,
    CUT_FIGURES,
    CUT_EQUATIONS,
    RAW_FORMULAS,
    SEARCH_FIELDS,
    HIDDEN_TITLES,
    WARNINGS,
]


@pytest.fixture(scope="session")
def site():
    assert HTML.is_dir(), f"{HTML} has no pages: make book"
    with serve(HTML) as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    with open_browser() as browser:
        yield browser


def screen_name(screen):
    return f"{screen[0]}px-{screen[1]}"


@pytest.fixture(scope="module", params=SCREENS, ids=screen_name)
def screen(browser, request):
    width, theme = request.param
    view = {"width": width, "height": 900}
    with browser.new_context(viewport=view, color_scheme=theme) as context:
        yield context


@pytest.fixture
def tab(screen, site):
    """An empty page, and what the browser complains of from then on."""
    page = screen.new_page()
    page.complaints = []
    host = urlsplit(site).netloc

    def say(wrong, text):
        if wrong:
            page.complaints.append(text)

    def left(request):  # a page that is left stops what it fetches
        return request.failure == "net::ERR_ABORTED"

    page.on("console", lambda line: say(line.type in ("error", "warning"), line.text))
    page.on("pageerror", lambda error: say(True, f"uncaught: {error}"))
    page.on("requestfailed", lambda asked: say(not left(asked), f"failed: {asked.url}"))
    page.on("response", lambda answer: say(answer.status >= 400, f"{answer.status}: {answer.url}"))
    page.on("request", lambda asked: say(urlsplit(asked.url).netloc not in (host, ""), asked.url))
    yield page
    page.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page(tab, site, name):
    tab.goto(f"{site}/{name}")
    tab.evaluate("() => window.MathJax?.startup.promise")
    for question in QUESTIONS:
        tab.complaints += tab.evaluate(question)
    options = axe_options(tab.viewport_size["width"])
    for rule in Axe().run(tab, options=options).response["violations"]:
        places = [node["target"][0] for node in rule["nodes"]]
        tab.complaints.append(f"{rule['impact']} {rule['id']} x {len(places)}: {places[:2]}")
    assert not tab.complaints, "\n".join(tab.complaints)


@pytest.mark.parametrize("screen", SCREENS[-1:], ids=screen_name, indirect=True)
def test_the_search_finds(tab, site):
    for words in WORDS:
        tab.goto(f"{site}/search.html?q={quote(words)}")
        tab.locator("#search-results li").first.wait_for(timeout=10_000)
    assert not tab.complaints
