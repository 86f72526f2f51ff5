# Sourced by the scripts beside it: a machine of our own for the end-to-end suite, made of Linux namespaces (mount, pid,
# net) in which a sandbox lies at the real paths. What it writes to /etc, /var, /opt and /root goes to $STATE.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$HERE/../../.." && pwd)
STATE=${KUBE_AUDITCTL_E2E_STATE:-/tmp/kube-auditctl-e2e-sandbox}
# Inside.
BOX=/var/lib/kube-auditctl-sandbox
TOOL="$(command -v node) $REPO/bin/kube-auditctl"

# The pid of the machine's init, as this machine knows it; empty when it is off.
init_pid() {
  local pid start
  read -r pid start 2>/dev/null <"$STATE/init" || return 0
  if [ "$(awk '{ print $22 }' "/proc/$pid/stat" 2>/dev/null)" = "$start" ]; then echo "$pid"; fi
}
