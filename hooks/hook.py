"""One lifecycle event. Kept tiny: a main script's bytecode is never cached."""

import sys

sys.path.insert(0, __file__.rsplit("/", 2)[0] + "/src")

from process_janitor.faces.hook import main  # the line above makes the package importable

sys.exit(main(sys.argv[1:]))
