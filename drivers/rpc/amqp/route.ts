import type { Request } from '../envelope.ts'
import type { Names } from './names.ts'

/** Where a message goes, and what may be done with it when the connection breaks. */
export interface Route {
  readonly exchange: string
  readonly key: string
  /** Whoever gets it twice remembers it: it may be sent again. */
  readonly repeatable: boolean
  /** It outlives the broker. */
  readonly persistent: boolean
  /** Nobody there is an error. */
  readonly mandatory: boolean
}

const toQueue = { exchange: '', persistent: false, mandatory: true }

/** To the host that the request names, or to whichever takes it. @throws {InvalidInput} the host has no valid name */
export function routeOf({ kind, topic, server }: Request, names: Names): Route {
  if (server !== null) return { ...toQueue, key: names.host(topic, server), repeatable: true }
  if (kind === 'call') return { ...toQueue, key: names.calls(topic), repeatable: false }
  return { ...toQueue, key: names.casts(topic), repeatable: false, persistent: true }
}

/** To every host of the topic. */
export function fanoutRoute({ topic }: Request, names: Names): Route {
  return { exchange: names.fanout, key: topic, repeatable: true, persistent: false, mandatory: false }
}
