# Reads "+pid" for each process group that starts and "-pid" for each that was stopped. When the
# writer is gone it kills those that are left, waits until they have ended and removes the folder $1.
trap '' HUP INT QUIT TERM
# A test may have replaced it.
PATH=${PATH:-}:/usr/bin:/bin

pids=
while IFS= read -r line; do
  pid=${line#?}
  case $line in
    +*) pids="$pids $pid" ;;
    -*)
      left=
      for p in $pids; do [ "$p" = "$pid" ] || left="$left $p"; done
      pids=$left
      ;;
  esac
done

# A zombie has ended: only its parent has not looked yet, and may never.
ended() {
  kill -0 "$1" 2> /dev/null || return 0
  case $(sed 's/.*) //' "/proc/$1/stat" 2> /dev/null) in Z*) return 0 ;; esac
  return 1
}

for pid in $pids; do kill -KILL "-$pid" 2> /dev/null; done
for pid in $pids; do
  tries=0
  until ended "$pid" || [ $tries -ge 200 ]; do
    sleep 0.05
    tries=$((tries + 1))
  done
done
rm -rf "$1"
