/** The job that netloom is for, step by step: the same on real parts and on the simulated host. */
import { randomUUID } from 'node:crypto'
import type { NetworkApi } from '../../api/network-api.ts'
import { PUBLIC_ADDRESS } from './cloud.ts'
import { type DemoReport, expect } from './report.ts'

/** Where the job runs. */
export interface Stage {
  readonly api: NetworkApi
  /** The flag `host` of its network host. */
  readonly host: string
  /** Null where nothing is real: the steps that only look at traffic are left out. */
  readonly traffic: Traffic | null
  /** The network namespace of a guest. */
  namespaceOf(guest: string): string
  /** How the service is stopped, for people. */
  readonly ending: string
  stopService(): Promise<void>
  startService(): Promise<void>
}

export interface Traffic {
  /** Runs a DHCP client in a guest. @returns the address that it got */
  lease(guest: string): Promise<string>
  /** One ping. @param from a guest or `public` */
  ping(from: string, address: string): Promise<boolean>
  /** Pings until stopped. @returns a function that stops it and tells how many were lost */
  pinging(from: string, address: string): () => Promise<number>
}

interface Guest {
  readonly name: string
  readonly uuid: string
}

/** The names of the guests. */
export const guestNames: readonly string[] = ['guest1', 'guest2']

/** @param keep ends before anything is taken away again */
export async function runMainJob(report: DemoReport, stage: Stage, keep: boolean): Promise<void> {
  const { api } = stage
  const guests = guestNames.map((name) => ({ name, uuid: randomUUID() }))
  const [first = '', second = ''] = await startGuests(report, stage, guests)
  const reach = async (from: string, address: string) =>
    expect((await stage.traffic?.ping(from, address)) !== false, `${from} does not reach ${address}`)
  if (stage.traffic) {
    await report.step('they reach each other, the gateway and the public side', async () => {
      await reach('guest1', second)
      await reach('guest2', first)
      await reach('guest1', '10.0.0.1')
      await reach('guest1', PUBLIC_ADDRESS)
      return '4 pings answered, the last through SNAT'
    })
  }
  let floating = ''
  await report.step('floating IP associated', async () => {
    await api.createFloatingIps({ range: '203.0.113.64/28' })
    floating = await api.allocateFloatingIp({ project_id: 'demo' })
    await api.associateFloatingIp(floating, first)
    for (const from of ['public', 'guest1', 'guest2']) await reach(from, floating)
    return `${floating} leads to guest1${stage.traffic ? ', pinged from the public side, from guest2 and from itself' : ''}`
  })
  await report.step(`service ${stage.ending} and started again`, async () => {
    const stopPing = stage.traffic?.pinging('guest1', PUBLIC_ADDRESS)
    await stage.stopService()
    await stage.startService()
    const lost = await stopPing?.()
    expect(!lost, `${lost} pings were lost`)
    await expectNothingToDo(stage)
    await reach('public', floating)
    return `${lost === undefined ? '' : 'no ping of guest1 lost meanwhile, '}nothing to do in the plan`
  })
  if (!keep) await takeAway(report, stage, guests, floating)
}

/** @returns the addresses of the guests */
async function startGuests(report: DemoReport, stage: Stage, guests: readonly Guest[]): Promise<readonly string[]> {
  const { api, host, traffic } = stage
  const addresses: string[] = []
  await report.step('network created', async () => {
    const [network] = await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    return `${network?.label} ${network?.cidr} on ${network?.bridge}`
  })
  await report.step('two instances allocated and attached', async () => {
    for (const { name, uuid } of guests) {
      const info = await api.allocateForInstance({ instance_uuid: uuid, project_id: 'demo', hostname: name })
      addresses.push(info[0]?.network.subnets[0]?.ips[0]?.address ?? '')
      await api.attach(host, { instance_uuid: uuid, target: { kind: 'netns', name: stage.namespaceOf(name) } })
    }
    return guests.map(({ name }, index) => `${name} ${addresses[index]}`).join(', ')
  })
  if (traffic) {
    await report.step('each takes its lease with a DHCP client', async () => {
      for (const [index, { name }] of guests.entries()) {
        const got = await traffic.lease(name)
        expect(got === addresses[index], `${name} got ${got}, not ${addresses[index]}`)
      }
      await until(async () => (await api.getDhcpLeases()).length === 2, 'the service did not hear of both leases')
      return 'each got the address that was allocated to it, and the service heard of both leases'
    })
  }
  return addresses
}

async function takeAway(report: DemoReport, stage: Stage, guests: readonly Guest[], floating: string): Promise<void> {
  const { api, traffic } = stage
  await report.step('floating IP disassociated', async () => {
    await api.disassociateFloatingIp(floating)
    expect(!(await traffic?.ping('public', floating)), `the public side still reaches ${floating}`)
    await api.deallocateFloatingIp(floating)
    return `${traffic ? 'the public side reaches it no more; ' : ''}${floating} is back in its pool`
  })
  await report.step('instances deallocated', async () => {
    for (const { uuid } of guests) await api.deallocateForInstance(uuid)
    const free = async () => {
      const [network] = await api.getAllNetworks()
      return network?.addresses.used === 0 && network.addresses.held === 0
    }
    await until(free, 'addresses are still held')
    await expectNothingToDo(stage)
    return 'both addresses are free, nothing to do in the plan'
  })
}

async function expectNothingToDo({ api, host }: Stage): Promise<void> {
  const { entries } = await api.plan(host)
  expect(entries.length === 0, `the plan is not empty: ${entries.map(({ text }) => text).join(', ')}`)
}

const UNTIL_LIMIT_MS = 10_000

async function until(holds: () => Promise<boolean>, otherwise: string): Promise<void> {
  const end = performance.now() + UNTIL_LIMIT_MS
  while (!(await holds())) {
    expect(performance.now() < end, otherwise)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
