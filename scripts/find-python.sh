# Sourced by the launchers when an environment has to be built: sets $python to the real path of an interpreter that
# can run bootstrap.py (3.9 is enough for that), or says what is missing and exits.
#
# Every candidate is run, from / : a version manager's shim may exist and fail, and a project's .python-version must
# not decide which interpreter this plugin lives in.

python=
for candidate in python3 python3.14 python3.13 python3.12 python3.11 python \
    /usr/local/bin/python3 /opt/homebrew/bin/python3 /usr/bin/python3 python3.10 python3.9; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    python=$(cd / && "$candidate" -I -S -c \
        'import sys; print(sys.executable if sys.version_info >= (3, 9) else "")' 2>/dev/null </dev/null) || python=
    [ -n "$python" ] && break
done
if [ -z "$python" ] && command -v uv >/dev/null 2>&1; then
    python=$(cd / && uv python find '>=3.11' 2>/dev/null </dev/null) || python=
fi
if [ -z "$python" ]; then
    echo 'process-janitor: needs Python 3.11 or newer and found no python3 that runs; install one (apt install python3, brew install python, or uv) and run this again' >&2
    exit 1
fi
