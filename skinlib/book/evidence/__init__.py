"""From the table of runs to the tables of the chapters: one module per subject.

`runs` is what `skinlib.runs.load` returns. Shares are from 0 to 1; an interval has the columns
`value`, `low`, `high`. What was not run is missing or NaN, never an error.
"""

from skinlib.book.evidence.choices import CHOICES, reading_words, readings
from skinlib.book.evidence.classes import (
    at_natural_shares,
    captions,
    first_answers,
    recall_words,
    recalls,
)
from skinlib.book.evidence.maps import (
    CONTROLS,
    OUTLINE,
    overlap_by_class,
    pointing,
    pointing_words,
    recorded_maps,
    with_controls,
    with_reach,
)
from skinlib.book.evidence.networks import (
    gap_chart,
    mean_gaps,
    pairs,
    part_words,
    table1,
    table1_words,
)
from skinlib.book.evidence.recorded import costs, counts, vital_signs
from skinlib.book.evidence.selection import (
    ENDS,
    LAPTOP,
    NV,
    RENEWED,
    RIVALS,
    kept,
    live,
    made_anew,
    main_size,
    renewed,
    short,
)
from skinlib.book.evidence.splits import leak, new_images, relatives
