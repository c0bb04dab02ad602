# Sourced by the scripts here: finds a Python and becomes `python -m MODULE …` with it. Kept to what bash 3.2 knows.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

become() {
  for python in "${SEDO_PYTHON:-}" "$root/.venv/bin/python" python3 python3.13 python3.12 python3.11 python3.14 python; do
    [ -n "$python" ] || continue
    if "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1; then
      export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
      exec "$python" -P -m "$@"
    fi
  done
  echo "sedo needs Python 3.11 to 3.14, and none was found on PATH (SEDO_PYTHON=/path/to/python names one)." >&2
  exit 3
}
