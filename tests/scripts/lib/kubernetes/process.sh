# shellcheck shell=bash
# Processes that outlive the script that starts them and are found again by their process ID. Sourced; needs fail.

# What a command is started by, for one that is to run elsewhere, such as in a network namespace.
ENTER=()

# Starts a command whose arguments name DIRECTORY; its ID goes to DIRECTORY/NAME.pid, what it says to DIRECTORY/NAME.log.
start_detached() { # DIRECTORY NAME COMMAND…
  local directory=$1 name=$2
  shift 2
  printf '%s\0' "${ENTER[@]}" "$@" >"$directory/$name.command"
  : >"$directory/$name.log"
  resume_detached "$directory" "$name"
}

# Starts again what was started under that name, with the same arguments.
resume_detached() { # DIRECTORY NAME
  local command
  mapfile -d '' -t command <"$1/$2.command"
  setsid "${command[@]}" >>"$1/$2.log" 2>&1 </dev/null &
  echo "$!" >"$1/$2.pid"
  # Bash has nothing to say about how it ends.
  disown
}

# Whether it still runs, and is not another process that got the same ID.
is_running() { # DIRECTORY NAME
  local pid
  pid=$(cat "$1/$2.pid" 2>/dev/null) && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$1"
}

# Ends it, by force after ten seconds. Does nothing where it does not run.
stop_detached() { # DIRECTORY NAME
  local pid
  if is_running "$1" "$2"; then
    pid=$(cat "$1/$2.pid")
    kill "$pid" 2>/dev/null || true
    for _ in {1..200}; do
      is_running "$1" "$2" || break
      sleep 0.05
    done
    ! is_running "$1" "$2" || kill -KILL "$pid"
  fi
  rm -f "$1/$2.pid"
}

# Ends it, and starts it again as it was started.
restart_detached() { # DIRECTORY NAME
  local command
  is_running "$1" "$2" || fail "$2 does not run"
  mapfile -d '' -t command <"/proc/$(cat "$1/$2.pid")/cmdline"
  stop_detached "$1" "$2"
  start_detached "$1" "$2" "${command[@]}"
}

# Repeats a command until it succeeds; gives up, with the end of the log, when the process is gone or after a minute.
wait_detached() { # DIRECTORY NAME COMMAND…
  local directory=$1 name=$2 deadline=$((SECONDS + 60))
  shift 2
  until "${ENTER[@]}" "$@" >"$directory/wait.log" 2>&1; do
    if ! is_running "$directory" "$name" || [ "$SECONDS" -gt "$deadline" ]; then
      tail -n 15 "$directory/$name.log" >&2
      fail "$name did not become ready"
    fi
    sleep 0.1
  done
  rm -f "$directory/wait.log"
}

# A port that nothing listens on, below Linux' range for outgoing connections and beside those that tests lease.
free_port() {
  local port
  for _ in {1..100}; do
    port=$((30001 + RANDOM % 2767))
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  fail "no free port found"
}
