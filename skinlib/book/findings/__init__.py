"""What the chapters and the first page say of the runs, in sentences: one module per subject.

Each sentence is computed, leads with what was found, and names what was not yet run. `runs` is what
`skinlib.runs.load` returns.
"""

from skinlib.book.findings.choices import copied as copied
from skinlib.book.findings.choices import lifts as lifts
from skinlib.book.findings.choices import readings as readings
from skinlib.book.findings.choices import slow_start as slow_start
from skinlib.book.findings.classes import calibration as calibration
from skinlib.book.findings.classes import decision as decision
from skinlib.book.findings.classes import melanoma as melanoma
from skinlib.book.findings.classes import never_found as never_found
from skinlib.book.findings.first_page import in_short as in_short
from skinlib.book.findings.layers import across_backends as across_backends
from skinlib.book.findings.layers import alive as alive
from skinlib.book.findings.layers import gamma as gamma
from skinlib.book.findings.layers import offsets as offsets
from skinlib.book.findings.layers import parts as parts
from skinlib.book.findings.maps import against_blob as against_blob
from skinlib.book.findings.maps import deletion as deletion
from skinlib.book.findings.maps import half_a_cell as half_a_cell
from skinlib.book.findings.maps import heat_maps as heat_maps
from skinlib.book.findings.maps import same_images as same_images
from skinlib.book.findings.networks import against_rivals as against_rivals
from skinlib.book.findings.networks import averages as averages
from skinlib.book.findings.networks import gap as gap
from skinlib.book.findings.networks import larger as larger
from skinlib.book.findings.networks import leads as leads
from skinlib.book.findings.networks import renewed as renewed
from skinlib.book.findings.networks import repeated as repeated
from skinlib.book.findings.networks import rivals as rivals
from skinlib.book.findings.networks import table1 as table1
from skinlib.book.findings.recorded import counted as counted
from skinlib.book.findings.recorded import left_out as left_out
from skinlib.book.findings.recorded import not_run as not_run
from skinlib.book.findings.splits import leak as leak
from skinlib.book.findings.splits import leak_in_short as leak_in_short
from skinlib.book.findings.splits import new_images as new_images
from skinlib.book.findings.splits import relatives as relatives
from skinlib.book.words import say as say
