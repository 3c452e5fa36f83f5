/** Shares rings of one name between the processes of a `cluster`: that of the primary leads, those of the workers follow. */

import cluster from 'node:cluster'
import { isMainThread } from 'node:worker_threads'
import type { ClusterPart, FollowerEvents } from './cluster-part.js'
import { lead } from './cluster-primary.js'
import { Follower } from './cluster-worker.js'
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
  events: FollowerEvents,
): ClusterPart | undefined {
  if (name === undefined || !isMainThread) return undefined
  if (cluster.isPrimary) return lead(name, ring, owner)
  return cluster.worker === undefined ? undefined : new Follower(cluster.worker, name, ring, events)
}
