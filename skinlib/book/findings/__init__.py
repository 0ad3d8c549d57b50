"""What the chapters and the first page say of the runs, in sentences: one module per subject.

Each sentence is computed, leads with what was found, and names what was not yet run. `runs` is what
`skinlib.runs.load` returns.
"""

from skinlib.book.findings.choices import copied, readings, slow_start
from skinlib.book.findings.classes import calibration, decision, melanoma, never_found
from skinlib.book.findings.first_page import in_short
from skinlib.book.findings.layers import across_backends, alive, gamma, offsets, parts
from skinlib.book.findings.maps import (
    against_blob,
    deletion,
    half_a_cell,
    heat_maps,
    same_images,
    untrained,
)
from skinlib.book.findings.networks import (
    against_rivals,
    averages,
    gap,
    larger,
    leads,
    renewed,
    repeated,
    rivals,
    table1,
)
from skinlib.book.findings.recorded import counted, left_out, not_run
from skinlib.book.findings.splits import leak, new_images, relatives
from skinlib.book.words import say
