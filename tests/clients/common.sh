# What the scripts of this folder share; they source it. Sets `root` and `here`, and wants `work`, a folder for what is
# installed and what is written.
here=$PWD/tests/clients
server=

# Installs a pinned list of Python packages into a folder, once. Sets `python` to its interpreter, or to nothing.
install_python() { # FOLDER REQUIREMENTS MINOR-VERSION
  python=
  if ! command -v python3 >/dev/null || ! python3 -c "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, $3))" 2>/dev/null; then
    return
  fi
  if ! cmp -s "$2" "$1/requirements.txt"; then
    rm -rf "$1"
    python3 -m venv "$1"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$2"
    cp "$2" "$1/requirements.txt"
  fi
  python=$1/bin/python
}

# Installs a pinned list of Node packages into a folder, once. Sets `node` to the interpreter, or to nothing. Tests are
# copied there, since modules are found beside the test that imports them.
install_node() { # FOLDER SOURCE
  node=
  if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null; then
    return
  fi
  if ! cmp -s "$2/package.json" "$1/package.json"; then
    rm -rf "$1"
    mkdir -p "$1"
    cp "$2"/package*.json "$1/"
    npm install --silent --no-audit --no-fund --prefix "$1"
  fi
  cp "$2"/*.mjs "$1/"
  node=node
}

# Starts a scenario; SIM_LISTENERS then holds the names and addresses of its listeners. `sim` is the simulator's command.
start() { # SCENARIO
  : >"$work/ready"
  "${sim[@]}" --scenario "$1" --key key --ready-json >"$work/ready" &
  server=$!
  until [ -s "$work/ready" ]; do
    kill -0 "$server" 2>/dev/null || { echo "the simulator did not start with $1"; exit 1; }
    sleep 0.02
  done
  SIM_LISTENERS=$(cat "$work/ready")
  export SIM_LISTENERS
}

stop() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
  fi
}

# Sets `sim` to the command that starts the simulator of this program.
simulator_of() { # HOPMARK-OR-MOCK-BACKEND
  sim=("$1" sim)
  [ "$(basename "$1")" = mock-backend ] && sim=("$1")
  return 0
}
