"""From the table of runs to the tables of the chapters: one module per subject.

`runs` is what `skinlib.runs.load` returns. Shares are from 0 to 1; an interval has the columns
`value`, `low`, `high`. What was not run is missing or NaN, never an error.
"""

from skinlib.book.evidence.choices import CHOICES as CHOICES
from skinlib.book.evidence.choices import reading_words as reading_words
from skinlib.book.evidence.choices import readings as readings
from skinlib.book.evidence.classes import at_natural_shares as at_natural_shares
from skinlib.book.evidence.classes import captions as captions
from skinlib.book.evidence.classes import first_answers as first_answers
from skinlib.book.evidence.classes import recall_words as recall_words
from skinlib.book.evidence.classes import recalls as recalls
from skinlib.book.evidence.maps import CONTROLS as CONTROLS
from skinlib.book.evidence.maps import OUTLINE as OUTLINE
from skinlib.book.evidence.maps import overlap_by_class as overlap_by_class
from skinlib.book.evidence.maps import pointing as pointing
from skinlib.book.evidence.maps import pointing_words as pointing_words
from skinlib.book.evidence.maps import recorded_maps as recorded_maps
from skinlib.book.evidence.maps import with_controls as with_controls
from skinlib.book.evidence.maps import with_reach as with_reach
from skinlib.book.evidence.networks import gap_chart as gap_chart
from skinlib.book.evidence.networks import mean_gaps as mean_gaps
from skinlib.book.evidence.networks import pairs as pairs
from skinlib.book.evidence.networks import part_words as part_words
from skinlib.book.evidence.networks import table1 as table1
from skinlib.book.evidence.networks import table1_words as table1_words
from skinlib.book.evidence.recorded import costs as costs
from skinlib.book.evidence.recorded import counts as counts
from skinlib.book.evidence.recorded import vital_signs as vital_signs
from skinlib.book.evidence.selection import ENDS as ENDS
from skinlib.book.evidence.selection import LAPTOP as LAPTOP
from skinlib.book.evidence.selection import NV as NV
from skinlib.book.evidence.selection import RENEWED as RENEWED
from skinlib.book.evidence.selection import RIVALS as RIVALS
from skinlib.book.evidence.selection import kept as kept
from skinlib.book.evidence.selection import live as live
from skinlib.book.evidence.selection import made_anew as made_anew
from skinlib.book.evidence.selection import main_size as main_size
from skinlib.book.evidence.selection import renewed as renewed
from skinlib.book.evidence.selection import short as short
from skinlib.book.evidence.splits import leak as leak
from skinlib.book.evidence.splits import new_images as new_images
from skinlib.book.evidence.splits import relatives as relatives
