"""The whole book as one PDF, printed by Chromium from its pages: `python -m skinlib.book.pdf`."""

import functools
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import yaml
from playwright.sync_api import Browser, Page, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.constants import PageLabelStyle
from pypdf.generic import Destination, Fit, NameObject
from sphinx_external_toc.parsing import parse_toc_yaml

from skinlib.errors import SkinlibError
from skinlib.files import atomic_write

HEADINGS = """() => [...document.querySelectorAll('article :is(h1, h2, h3, h4, h5, h6)')]
    .filter(heading => heading.checkVisibility()).map(heading => heading.innerText)"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """This machine's Chromium, without a window.

    Raises:
        SkinlibError: if none is installed.
    """
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not path:
        raise SkinlibError(f"none of {', '.join(BROWSERS)} is installed: install one")
    with sync_playwright() as playwright:
        # the pages are our own, and root may not have a sandbox
        browser = playwright.chromium.launch(executable_path=path, chromium_sandbox=False)
        yield browser
        browser.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Address of a folder, for this machine only."""
    handler = functools.partial(_Quiet, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _print(page: Page, before: int = 0) -> PdfReader:
    """A page on paper, its pages numbered on from `before`."""
    page.evaluate("() => window.MathJax?.startup.promise")
    page.add_style_tag(content=f"html {{ counter-reset: page {before} }}")
    paper = page.pdf(prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
    return PdfReader(BytesIO(paper))


def _headings(page: Page, paper: PdfReader) -> list[tuple[int, str, int]]:
    """Depth, text and page (from 0) of each heading.

    Chromium's outline knows the page, but garbles a text of two lines.
    """

    def walk(entries: list, depth: int = 0) -> Iterator[tuple[int, int | None]]:
        for entry in entries:
            if isinstance(entry, list):
                yield from walk(entry, depth + 1)
            else:
                yield depth, paper.get_destination_page_number(entry)

    page.emulate_media(media="print")
    texts = page.evaluate(HEADINGS)
    pairs = zip(texts, walk(paper.outline), strict=True)
    return [(depth, text, leaf or 0) for text, (depth, leaf) in pairs if depth < 2]


def _contents(headings: list[tuple[int, str, int]], title: str, author: str) -> str:
    lines = "".join(
        f"<p class=level{depth}><span>{escape(name)}</span><i></i>{page + 1}"
        for depth, name, page in headings
    )
    return f"""<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>
        <style>
        @page {{ size: A4; margin: 25mm }}
        body {{ font: 10.5pt/1.5 sans-serif }}
        h1 {{ margin-top: 80mm; font-size: 28pt; line-height: 1.2 }}
        h2 {{ break-before: page }}
        p {{ display: flex; margin: 0 }}
        i {{ flex: 1; margin: 0 1ex; border-bottom: 1px dotted #888 }}
        .level0 {{ margin-top: 1ex; font-weight: bold }}
        .level1 {{ padding-left: 2em }}
        </style><h1>{escape(title)}</h1>{escape(author)}<h2>Contents</h2>{lines}"""


def _mend_links(
    writer: PdfWriter, papers: dict[str, tuple[PdfReader, int]], front: int, site: str
) -> None:
    """Lets links to pages of the site lead to pages of the PDF, behind `front` others.

    `papers`: address on the site -> its pages on paper, and the number of those before them.
    """

    def place(address: str, mark: str) -> tuple[int, float] | None:  # page, and height in points
        if address not in papers:
            return None
        paper, before = papers[address]
        target = paper.named_destinations.get(f"/{mark}")
        if target is None:  # Chromium knows only marks to which the same page links
            return before, float(paper.pages[0].mediabox.top)
        leaf = paper.get_destination_page_number(target) or 0
        return before + leaf, float(target.top or paper.pages[leaf].mediabox.top)

    for address, (paper, before) in papers.items():
        for leaf in writer.pages[front + before : front + before + len(paper.pages)]:
            for link in (note.get_object() for note in leaf.annotations or []):
                uri = link.get("/A", {}).get("/URI", "")
                if name := link.get("/Dest"):
                    found = place(address, name.removeprefix("/"))
                elif uri.startswith(site):
                    found = place(*uri.removeprefix(f"{site}/").partition("#")[::2])
                    del link["/A"]
                else:
                    continue
                if found:
                    page = writer.pages[front + found[0]].indirect_reference
                    assert page is not None  # the writer has all its pages
                    target = Destination("", page, Fit.xyz(0, found[1]))
                    link[NameObject("/Dest")] = target.dest_array


def print_book(html: Path, names: list[str], title: str, author: str, output: Path) -> None:
    """Prints pages one after another, behind a title and a table of contents.

    Args:
        html: folder of the site.
        names: its pages, in reading order, without a suffix.
        title: of the book.
        author: of the book.
        output: the PDF, which is replaced.
    """
    papers, headings, before = {}, [], 0
    with open_browser() as browser, serve(html) as site:
        page = browser.new_page()
        for name in names:
            page.goto(f"{site}/{name}.html")
            paper = _print(page, before)
            papers[f"{name}.html"] = paper, before
            headings += [(d, text, before + leaf) for d, text, leaf in _headings(page, paper)]
            before += len(paper.pages)
        page.set_content(_contents(headings, title, author))
        front = _print(page)
    writer = PdfWriter()
    for paper in (front, *(paper for paper, _ in papers.values())):
        writer.append(paper, import_outline=False)
    _mend_links(writer, papers, len(front.pages), site)
    chapter = None
    for depth, text, leaf in headings:
        parent = chapter if depth else None
        entry = writer.add_outline_item(
            title=text, page_number=len(front.pages) + leaf, parent=parent
        )
        chapter = chapter if depth else entry
    writer.set_page_label(
        page_index_from=0, page_index_to=len(front.pages) - 1, style=PageLabelStyle.LOWERCASE_ROMAN
    )
    first, last = len(front.pages), len(writer.pages) - 1
    writer.set_page_label(
        page_index_from=first, page_index_to=last, style=PageLabelStyle.DECIMAL, start=1
    )
    writer.add_metadata(infos={"/Title": title, "/Author": author})
    with atomic_write(output) as partial:
        writer.write(partial)


def main() -> None:
    """Prints this folder's book, which `make book` has made."""
    root = Path.cwd()
    if not (root / "_build" / "html").is_dir():
        raise SystemExit("skinlib: there are no pages to print: make book")
    settings = yaml.safe_load((root / "_config.yml").read_text())
    names = list(parse_toc_yaml(root / "_toc.yml"))
    output = root / "_build" / "skinlib.pdf"
    try:
        print_book(root / "_build" / "html", names, settings["title"], settings["author"], output)
    except SkinlibError as error:
        raise SystemExit(f"skinlib: {error}") from None
    print(output)


if __name__ == "__main__":
    main()
