import { readFileSync } from 'node:fs'

/**
 * Returns the microseconds of CPU of the calling thread, or `undefined` if the platform does not report them. The
 * figure of the process would not help, because client and server threads share it.
 */
export function threadCpu(): number | undefined {
  return fromScheduler() ?? fromNode()
}

/** Returns the difference of two readings, if both are known. */
export function cpuBetween(start: number | undefined, end: number | undefined): number | undefined {
  return start === undefined || end === undefined ? undefined : end - start
}

/** Read synchronously: an asynchronous read would report a thread of libuv's pool. */
function fromScheduler(): number | undefined {
  try {
    const nanoseconds = Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0])
    // Kernels without scheduler statistics have the file too, full of zeros.
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
