/** The pairs of fact store and message bus that services in namespaces run on. */
import type { TestCloud } from './test-cloud.ts'

/** A pair that is ready for clouds, one after the other. */
export interface Backend {
  readonly flags: readonly string[]
  /** Makes it reachable from the namespaces of a cloud that was built. */
  enter(cloud: TestCloud): Promise<void>
  end(): Promise<void>
}

export interface BackendPair {
  readonly name: string
  prepare(): Promise<Backend>
}

export const backends: readonly BackendPair[] = [
  {
    name: 'sqlite+local',
    // Files and sockets lie in the folder of the cloud, which all namespaces reach.
    prepare: async () => ({ flags: [], enter: async () => {}, end: async () => {} }),
  },
]
