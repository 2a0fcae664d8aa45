"""`python3 -I -S …/watcher/__main__.py`: run the watcher. Kept tiny: a main script's bytecode is never cached."""

import sys

sys.path.insert(0, __file__.rsplit("/", 3)[0])

from process_janitor.watcher.run import main  # the line above makes the package importable

sys.exit(main(sys.argv[1:]))
