"""Tables as HTML and as text."""

import pandas as pd

from skinlib.book.tables import show

TABLE = pd.DataFrame(
    {"images": [1131188768, 5], "accuracy": [0.5, None], "what": ["<b>", "rest"]},
    index=pd.Index(["a", "b"], name="network"),
)


def test_heads_are_named_and_numbers_stand_right():
    html = show(TABLE)._repr_html_()
    assert html.count('<th scope="col"') == 4
    assert html.count('<th scope="row"') == 2
    assert 'text-align: right">1,131,188,768</td>' in html
    assert 'text-align: right">0.50</td>' in html
    assert 'text-align: right"></td>' in html  # not known
    assert 'text-align: left">&lt;b&gt;</td>' in html


def test_no_head_is_empty():
    pair = pd.concat({"ours": TABLE[["accuracy"]].rename_axis(None)}, axis=1)
    html = show(pair)._repr_html_()
    assert "ours, accuracy</th>" in html
    assert "></th>" not in html


def test_it_is_text_elsewhere():
    said = repr(show(TABLE, digits=1))
    assert said.split()[:7] == [
        "images",
        "accuracy",
        "what",
        "network",
        "a",
        "1,131,188,768",
        "0.5",
    ]


def test_an_empty_table_says_so():
    for table in (pd.DataFrame(), TABLE[:0]):
        assert repr(show(table)) == "not yet run"
        assert show(table)._repr_html_() == "<p>not yet run</p>"
