"""One lifecycle event. Kept tiny: a main script's bytecode is never cached."""

import gc
import os
import sys

# What lives for milliseconds need not be searched for cycles, nor taken apart in the end: both took a tenth of the time.
gc.disable()
sys.path.insert(0, __file__.rsplit("/", 2)[0] + "/src")

from process_janitor.faces.hook import main  # noqa: E402  # the line above makes the package importable

os._exit(main(sys.argv[1:]))
