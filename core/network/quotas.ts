/**
 * What a project may have. Whoever may add to it takes the lock of the project first, in the transaction that adds:
 * then what is counted from rows is true until the end of it, in every process (defects-manager E1).
 */
import type { NetworkStore } from '../contracts/database.ts'
import { FixedIpLimitExceeded, FloatingIpLimitExceeded } from '../errors/quota.ts'

/** A limit that is none. */
export const UNLIMITED = -1

/** Whether there is room for one more. @throws {FixedIpLimitExceeded} */
export async function checkFixedIpQuota(store: NetworkStore, limit: number, projectId: string): Promise<void> {
  if (limit === UNLIMITED) return
  await store.projects.lock(projectId)
  const used = await store.projects.fixedIps(projectId)
  if (used >= limit) throw new FixedIpLimitExceeded({ project_id: projectId, limit, used })
}

/** Whether there is room for one more. @throws {FloatingIpLimitExceeded} */
export async function checkFloatingIpQuota(store: NetworkStore, limit: number, projectId: string): Promise<void> {
  if (limit === UNLIMITED) return
  await store.projects.lock(projectId)
  const used = await store.projects.floatingIps(projectId)
  if (used >= limit) throw new FloatingIpLimitExceeded({ project_id: projectId, limit, used })
}
