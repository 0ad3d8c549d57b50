from skinlib.book.front import ROOT, front


def test_the_readme_says_what_chapter_9_found():
    passage, picture = front(ROOT / "book/09_verdict.ipynb")
    assert passage in (ROOT / "README.md").read_text()
    assert (ROOT / "book/found.png").read_bytes() == picture
