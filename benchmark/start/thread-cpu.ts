import { readFileSync } from 'node:fs'

/**
 * Microseconds the calling thread has spent on a CPU, or `undefined` where there is no way to know. The whole
 * process would not do: client and server threads share it.
 */
export function threadCpu(): number | undefined {
  return fromScheduler() ?? fromNode()
}

/** The difference of two readings, known only when both are. */
export function cpuBetween(start: number | undefined, end: number | undefined): number | undefined {
  return start === undefined || end === undefined ? undefined : end - start
}

/** Read synchronously, since an asynchronous read would tell about a thread of libuv's pool. */
function fromScheduler(): number | undefined {
  try {
    const nanoseconds = Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0])
    // Kernels without scheduler statistics have the file all the same, full of zeros.
    return nanoseconds > 0 ? nanoseconds / 1000 : undefined
  } catch {
    return undefined
  }
}

/** Since Node.js 23.9. */
function fromNode(): number | undefined {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => { user: number; system: number } }
  if (threadCpuUsage === undefined) return undefined
  const { user, system } = threadCpuUsage.call(process)
  return user + system
}
