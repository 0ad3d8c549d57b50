from skinlib.book.site import number_by_chapter


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
