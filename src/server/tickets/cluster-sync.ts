/** Shares rings of one name between the processes of a `cluster`: those of the workers follow that of the primary. */

import cluster from 'node:cluster'
import { isMainThread } from 'node:worker_threads'
import type { ClusterPart, WorkerEvents } from './cluster-part.js'
import { joinAsPrimary } from './cluster-primary.js'
import { WorkerRing } from './cluster-worker.js'
import type { KeyRing } from './native-ring.js'

/** True if this thread is where a cluster worker talks to its primary. */
export function isClusterWorker(): boolean {
  return isMainThread && cluster.worker !== undefined
}

/** Joins the rings of that name in the cluster. Undefined where there are no other processes. */
export function joinCluster(
  name: string | undefined,
  ring: KeyRing,
  owner: WeakRef<object>,
  events: WorkerEvents,
): ClusterPart | undefined {
  if (name === undefined || !isMainThread) return undefined
  if (cluster.isPrimary) return joinAsPrimary(name, ring, owner)
  return cluster.worker === undefined ? undefined : new WorkerRing(cluster.worker, name, ring, events)
}
