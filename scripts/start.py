"""What the launcher runs inside the environment: the package from this tree, the libraries from the environment.

Started with `-I`, so neither PYTHONPATH nor the current directory can put another module in front.
"""

import sys

sys.path.insert(0, __file__.removesuffix("scripts/start.py") + "src")
sys.argv[0] = "process-janitor"  # the name in usage and error lines

try:
    from process_janitor.faces.cli import main

    code = main()
except KeyboardInterrupt:  # Ctrl-C during an import, here or in there: not a crash to show
    code = 130

sys.exit(code)
