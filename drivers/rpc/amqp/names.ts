import { parseHost } from 'netloom/contracts'

/** What things are called on the broker. The version is part of each name: a later layout lives beside this one. */
export interface Names {
  /** A host's own queue on a topic. @throws {InvalidInput} the host has no valid name */
  host(topic: string, host: string): string
  /** The queue of calls that name no host. */
  calls(topic: string): string
  /** The queue of casts that name no host: they outlive servers and brokers. */
  casts(topic: string): string
  /** The exchange of fan-outs; the topic is the routing key. */
  readonly fanout: string
}

/** @param prefix keeps clouds on one broker apart */
export function namesUnder(prefix: string): Names {
  const root = `${prefix}.v1`
  return {
    host: (topic, host) => `${root}.${topic}.host.${parseHost(host)}`,
    calls: (topic) => `${root}.${topic}.calls`,
    casts: (topic) => `${root}.${topic}.casts`,
    fanout: `${root}.fanout`,
  }
}
