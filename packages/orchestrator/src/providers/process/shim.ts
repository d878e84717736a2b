/**
 * The shim: a few lines of POSIX shell that stand between an engine and the orchestrator. Pure.
 *
 * 1. It leads a session of its own and outlives whoever started it.
 * 2. It holds descriptor 3, the write end of `alive`, and nothing that it starts does: however it ends, a
 *    reader of that FIFO sees the end of file.
 * 3. When it goes, so does everything in the sandbox: each link of the chain asks the kernel for SIGKILL at
 *    its parent's death.
 * 4. The exit code is in `exit`, whole, before `alive` closes; and the end of the output in `log` before that.
 * 5. Output takes no disk: `tail` keeps the last bytes in memory until the output ends. When there is more
 *    than may be written, `ended` says so and everything is killed.
 */
const LOG_BYTES = 64 * 1024

/** Descriptor by which the filter of system calls reaches bwrap. One digit, as POSIX shells want it. */
export const FILTER_FD = 7

export type ShimPlan = {
  /** Ends it after that many seconds. */
  readonly wallClockSeconds: number
  /** Whether it is told to end before it is killed. */
  readonly gracious: boolean
  /** Ends it when it has written more than that to its output. */
  readonly outputBytes: number
  /** `cgroup.procs` files to join before anything of the sandbox runs. */
  readonly cgroups: readonly string[]
  /** Folder to bind to `STAGE` in a mount namespace of its own; the shim is then started by `unshare --mount`. */
  readonly stage: string | undefined
  /** File with the filter of system calls. */
  readonly filter: string | undefined
  /** The shim runs inside a scope that vanishes with it, so it saves the scope's counters. */
  readonly scoped: boolean
  readonly workingFolder: string
  readonly command: readonly string[]
}

/**
 * Where the engine's folder is bound for a sandbox of another user. That user cannot walk a path such as
 * /root/… by itself; every system has this folder, and everybody may walk it.
 */
export const STAGE = '/mnt'

const GRACE_SECONDS = 5

export const SHIM = `#!/bin/sh
# seconds, grace, output, stage, filter, scoped, working folder, number of cgroups, cgroups…, command…
umask 077
ulimit -c 0
limit=$1 grace=$2 most=$3 stage=$4 filter=$5 scoped=$6 folder=$7 joins=$8
shift 8
read -r self < /proc/$$/stat
printf '%s\\n' "$self" > shim.part && mv shim.part shim
read -r began _ < /proc/uptime

(
  exec > out 2>&1 3>&- ${FILTER_FD}< "$filter"
  while [ "$joins" -gt 0 ]; do
    echo 0 > "$1" || exit 71
    shift
    joins=$((joins - 1))
  done
  [ -z "$stage" ] || mount --rbind "$stage" ${STAGE} || exit 71
  cd "$folder" || exit 71
  if [ "$grace" = 0 ]; then set -- -s KILL "$limit" "$@"; else set -- -k "$grace" "$limit" "$@"; fi
  exec setpriv --pdeathsig KILL timeout "$@"
) &
job=$!
echo "$job" > job
{
  head -c "$most"
  # Until here it may write; one byte more is too much.
  [ "$(head -c 1 | wc -c)" -eq 0 ] || { echo output > ended; kill -KILL "$job"; }
} < out 3>&- | tail -c ${LOG_BYTES} > log 3>&- &
tail=$!
wait "$job"
code=$?
# What the sandbox left in its process group would keep the output open.
kill -KILL "-$job" 2> /dev/null
wait "$tail"
if [ "$scoped" = 1 ]; then
  read -r scope < /proc/$$/cgroup
  { cat "/sys/fs/cgroup\${scope#0::}/memory.events"; echo; cat "/sys/fs/cgroup\${scope#0::}/pids.events"; } > events
fi
read -r now _ < /proc/uptime
printf '%s %s\\n' "$code" "$((\${now%.*} - \${began%.*}))" > exit.part && mv exit.part exit
`

/** Arguments of the shim after its own path. */
export function shimArguments(plan: ShimPlan): string[] {
  return [
    String(plan.wallClockSeconds),
    String(plan.gracious ? GRACE_SECONDS : 0),
    String(plan.outputBytes),
    plan.stage ?? '',
    plan.filter ?? '/dev/null',
    plan.scoped ? '1' : '0',
    plan.workingFolder,
    String(plan.cgroups.length),
    ...plan.cgroups,
    ...plan.command,
  ]
}

/** Runs the command as a child that dies with its parent. */
export const dyingWithParent = (command: readonly string[]): string[] => ['setpriv', '--pdeathsig', 'KILL', ...command]
