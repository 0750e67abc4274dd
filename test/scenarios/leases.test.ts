import { macOf, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { type Backends, backends } from './backends.ts'
import { type Cloud, makeCloud } from './cloud.ts'

type Guest = 1 | 2
type Kind = 'allocate' | 'lease' | 'deallocate' | 'release'
type Event = { readonly kind: Kind; readonly guest: Guest } | { readonly kind: 'timeout' }

/** The orders in which things can happen to one guest: dnsmasq may speak late, but in order. */
const LIVES: readonly (readonly Kind[])[] = [
  ['allocate', 'lease', 'release', 'deallocate'],
  ['allocate', 'lease', 'deallocate', 'release'],
  ['allocate', 'deallocate', 'lease', 'release'],
]

/** All ways to shuffle two lists into one, each keeping its order. */
function shuffles<T>(a: readonly T[], b: readonly T[]): readonly (readonly T[])[] {
  if (a.length === 0 || b.length === 0) return [[...a, ...b]]
  const [[firstA, ...restA], [firstB, ...restB]] = [a as [T, ...T[]], b as [T, ...T[]]]
  return [
    ...shuffles(restA, b).map((rest) => [firstA, ...rest]),
    ...shuffles(a, restB).map((rest) => [firstB, ...rest]),
  ]
}

/** Every order of two guests' lives where the second asks when the first has let go, with time-outs in many places. */
function orders(): readonly (readonly Event[])[] {
  const life = (guest: Guest, kinds: readonly Kind[]): Event[] => kinds.map((kind) => ({ kind, guest }))
  const both = LIVES.flatMap((one) => {
    const end = one.indexOf('deallocate') + 1
    return LIVES.flatMap((two) =>
      shuffles(life(1, one.slice(end)), life(2, two)).map((late) => [...life(1, one.slice(0, end)), ...late]),
    )
  })
  return both.flatMap((order, index) =>
    order.flatMap((_, place) => ((place + index) % 4 === 0 ? [order.toSpliced(place, 0, { kind: 'timeout' })] : [])),
  )
}

/** The one address of the pool, as it should be. */
class AddressModel {
  user: Guest | null = null
  holder: Guest | null = null

  apply(event: Event): void {
    if (event.kind === 'timeout') {
      if (this.user === null) this.holder = null
    } else if (event.kind === 'allocate') {
      if (this.user === null && this.holder === null) this.user = event.guest
    } else if (event.kind === 'deallocate') {
      if (this.user === event.guest) this.user = null
    } else if (event.kind === 'lease') {
      if (this.user === event.guest) this.holder = event.guest
    } else if (this.holder === event.guest) this.holder = null
  }

  get facts() {
    return {
      usage: { used: this.user === null ? 0 : 1, held: this.user === null && this.holder !== null ? 1 : 0 },
      users: this.user === null ? [] : [uuidOf(this.user)],
      leases: this.holder === null ? [] : [{ mac: macOf(this.holder), allocated: this.user !== null }],
    }
  }
}

async function factsOf({ api }: Cloud) {
  const [network] = await api.getAllNetworks()
  const { used, held } = network!.addresses
  const instances = await api.listInstances()
  return {
    usage: { used, held },
    users: instances
      .filter((instance) => instance.virtual_interfaces[0]?.fixed_ips.length === 1)
      .map(({ uuid }) => uuid),
    leases: (await api.getDhcpLeases()).map(({ mac, allocated }) => ({ mac, allocated })),
  }
}

async function happen(cloud: Cloud, event: Event): Promise<void> {
  const { api, machine } = cloud
  if (event.kind === 'timeout') return machine.pass(601)
  const { kind, guest } = event
  if (kind === 'allocate') {
    await cloud.guest(guest).catch((error: { code: string }) => expect(error.code).toBe('NoMoreFixedIps'))
  } else if (kind === 'deallocate') await api.deallocateForInstance(uuidOf(guest))
  else if (kind === 'lease') await machine.lease(macOf(guest), ADDRESS)
  else await machine.release(macOf(guest), ADDRESS)
}

const ADDRESS = '10.0.0.5'

/** A cloud whose network has a pool of exactly `size` addresses, from 10.0.0.5 on. */
async function smallCloud(pair: Backends, size: number, flags: readonly string[] = []): Promise<Cloud> {
  const cloud = await makeCloud(pair, { flags })
  const pool = { allowed_start: ADDRESS, allowed_end: `10.0.0.${4 + size}`, gateway: '10.0.0.1' }
  await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/24', ...pool })
  return cloud
}

describe.each(backends)('leases on $name', (pair) => {
  test('two guests on one address: any order ends right (defects-manager A3, A4, A5, A6, A7; defects-linux-net C13; lessons B1)', async () => {
    const cloud = await smallCloud(pair, 1)
    for (const order of orders().filter((_, index) => index % pair.every === 0)) {
      const model = new AddressModel()
      const told: string[] = []
      for (const event of order) {
        told.push(event.kind === 'timeout' ? event.kind : `${event.kind} ${event.guest}`)
        await happen(cloud, event)
        model.apply(event)
        expect(await factsOf(cloud), told.join(', ')).toEqual(model.facts)
      }
      for (const guest of [1, 2] as const) await happen(cloud, { kind: 'deallocate', guest })
      await happen(cloud, { kind: 'timeout' })
    }
    await cloud.expectInLine()
    expect(cloud.machine.log.messages('error')).toEqual([])
  }, 60_000)

  test('a guest that never spoke DHCP gives its address back at once (defects-manager A5)', async () => {
    const cloud = await smallCloud(pair, 1, ['--force_dhcp_release=false'])
    await cloud.guest(1)
    await cloud.api.deallocateForInstance(uuidOf(1))
    expect((await cloud.guest(2)).address).toBe(ADDRESS)
  })

  test('a leased address is held until the lease ends, and its lease is ended on the server (defects-manager A4)', async () => {
    const cloud = await smallCloud(pair, 1)
    await cloud.guest(1)
    await cloud.machine.lease(macOf(1), ADDRESS)
    await cloud.api.deallocateForInstance(uuidOf(1))
    const commands = cloud.host.operationsRun.flatMap((run) => (run.kind === 'command' ? [run.command.argv] : []))
    expect(commands).toEqual([['dhcp_release', 'br100', ADDRESS, macOf(1)]])
    await cloud.machine.pass(599)
    expect((await cloud.rows()).networks[0]?.addresses).toMatchObject({ held: 1, free: 0 })
    await cloud.machine.pass(2)
    expect((await cloud.guest(2)).address).toBe(ADDRESS)
    await cloud.expectInLine()
  })

  test('a guest that was let go has its entry taken away before its lease, and gets none any more (defects-manager H3; defects-linux-net C14)', async () => {
    const cloud = await smallCloud(pair, 1)
    const { api, machine, host } = cloud
    await cloud.guest(1)
    await machine.lease(macOf(1), ADDRESS)
    const before = host.operationsRun.length
    await api.deallocateForInstance(uuidOf(1))
    const deeds = host.operationsRun.slice(before).flatMap((run) => {
      if (run.kind === 'remove-file') return run.path.endsWith('/fa-16-3e-00-00-01') ? ['entry'] : []
      return run.kind === 'command' ? [run.command.argv[0]] : [run.kind]
    })
    expect(deeds.filter((deed) => deed === 'entry' || deed === 'dhcp_release')).toEqual(['entry', 'dhcp_release'])
    await machine.release(macOf(1), ADDRESS)
    await machine.lease(macOf(1), ADDRESS)
    expect(await api.getDhcpLeases()).toEqual([])
  })

  test('a pool of ten gives ten different addresses to ten guests one after the other (defects-manager A4)', async () => {
    const cloud = await smallCloud(pair, 10)
    const seen = new Set<string>()
    for (let number = 1; number <= 10; number += 1) {
      seen.add((await cloud.guest(number)).address)
      await cloud.api.deallocateForInstance(uuidOf(number))
    }
    expect(seen.size).toBe(10)
  })

  test('a held lease is still known to the DHCP server after a restart (defects-manager H4)', async () => {
    const cloud = await smallCloud(pair, 2)
    const { machine } = cloud
    await cloud.guest(1)
    await machine.lease(macOf(1), ADDRESS)
    await cloud.api.deallocateForInstance(uuidOf(1))
    await machine.stop()
    await machine.start()
    expect(await machine.picture()).toContain(`file br100.leases: ${macOf(1)} ${ADDRESS} * *`)
  })

  test('reports of what nobody knows change nothing and fail nothing (defects-manager H5)', async () => {
    const cloud = await smallCloud(pair, 1)
    const { machine } = cloud
    await cloud.guest(1)
    const [rows, picture] = [await cloud.rows(), await machine.picture()]
    await machine.lease(macOf(7), '192.168.7.7')
    await machine.release(macOf(7), '192.168.7.7')
    await machine.release(macOf(1), ADDRESS)
    await machine.lease(macOf(7), ADDRESS)
    expect(await cloud.rows()).toEqual(rows)
    expect(await machine.picture()).toEqual(picture)
    expect(machine.log.messages('error')).toEqual([])
  })
})
