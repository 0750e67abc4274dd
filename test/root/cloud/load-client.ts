/**
 * A cloud controller that goes on through outages, in a process of its own: `load-client SETTINGS NUMBER FILE`. It works
 * while the file is there, repeats what ended with "try later", as callers are told to, and ends with what it knows to
 * be done: `{ instances: { uuid: address }, floating: { address: uuid | null }, outages: { code: count } }`.
 */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { openClient } from '../../../core/bin/client.ts'

/** Instances that it leaves behind, at most. */
const KEPT = 20

const [settings = '', number = '', file = ''] = process.argv.slice(2)
const project = `project${number}`
const { api, close } = await openClient({ settings: JSON.parse(settings), timeoutMs: 10_000 })
const instances: Record<string, string> = {}
const floating: Record<string, string | null> = {}
const outages: Record<string, number> = {}
/** The last calls and how they ended, for the message when one ends as none should. */
const trail: string[] = []

interface Refusal {
  readonly code?: string
  readonly retryable?: boolean
}

async function tried<T>(call: () => Promise<T>): Promise<T> {
  const note = (outcome: string) => {
    trail.push(`${new Date().toISOString()} ${call.toString().replace(/\s+/g, ' ')} -> ${outcome}`)
    if (trail.length > 40) trail.shift()
  }
  try {
    const value = await call()
    note(JSON.stringify(value)?.slice(0, 300) ?? 'done')
    return value
  } catch (error) {
    const { code = '', retryable = false } = error as Refusal
    note(code)
    if (retryable) outages[code] = (outages[code] ?? 0) + 1
    throw error
  }
}

/** @param done what the same call is refused with when the first one had its effect after all */
async function surely<T>(call: () => Promise<T>, ...done: readonly string[]): Promise<T | undefined> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await tried(call)
    } catch (error) {
      const { code = '', retryable = false } = error as Refusal
      if (tries > 0 && done.includes(code)) return undefined
      if (!retryable) throw Object.assign(error as Error, { message: [(error as Error).message, ...trail].join('\n') })
      await delay(100)
    }
  }
}

/** What an allocation of which no answer came may have left is taken first: none is left over. */
async function takeFloating(): Promise<string> {
  for (;;) {
    const own = (await surely(() => api.listFloatingIps())) ?? []
    const spare = own.find((row) => row.project_id === project && !(row.address in floating))
    if (spare !== undefined) return spare.address
    try {
      return await tried(() => api.allocateFloatingIp({ project_id: project }))
    } catch (error) {
      if (!(error as Refusal).retryable) throw error
    }
  }
}

for (let round = 0; existsSync(file); round += 1) {
  const uuid = randomUUID()
  const info = (await surely(() =>
    api.allocateForInstance({ instance_uuid: uuid, project_id: project, host: 'net1' }),
  ))!
  const address = info[0]!.network.subnets[0]!.ips[0]!.address!
  instances[uuid] = address
  const public_ = await takeFloating()
  floating[public_] = null
  await surely(() => api.associateFloatingIp(public_, address))
  floating[public_] = uuid
  // Two of three are let go again, half of them with their floating IP on.
  if (round % 3 === 0 && Object.keys(instances).length <= KEPT) continue
  if (round % 3 === 1) await surely(() => api.disassociateFloatingIp(public_), 'FloatingIpNotAssociated')
  await surely(() => api.deallocateForInstance(uuid))
  delete instances[uuid]
  // An operator says whose it is: when the first call had its effect it may be another project's by now.
  const own = { projectId: project }
  await surely(() => api.deallocateFloatingIp(public_, own), 'FloatingIpNotAllocated', 'Forbidden')
  delete floating[public_]
}
await close()
process.stdout.write(JSON.stringify({ instances, floating, outages }))
