/**
 * The broker and the database die and come back while four clients work; hosts are cut off. How often they die:
 * NETLOOM_TEST_OUTAGES, default 1 each.
 */
import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundle } from '../kit-internal/bundle.ts'
import { type Servers, startServers } from './cloud/backends.ts'
import { type Ended, isRoot, TestCloud, until } from './cloud/test-cloud.ts'

const OUTAGES = Number(process.env.NETLOOM_TEST_OUTAGES ?? 1)
const CLIENTS = 4

/** How long a cloud may take to answer again when its servers are back, in milliseconds. */
const RECOVERY_MS = 5000

/** A quorum queue that is younger than this dies with RabbitMQ 3.10, in milliseconds. */
const QUEUE_SETTLES_MS = 2500

interface Done {
  readonly instances: Readonly<Record<string, string>>
  readonly floating: Readonly<Record<string, string | null>>
  readonly outages: Readonly<Record<string, number>>
}

describe.skipIf(!isRoot)('a cloud on MariaDB and RabbitMQ', () => {
  let servers: Servers
  let cloud: TestCloud
  // Also what was begun when the rest of it failed.
  afterAll(async () => {
    await cloud?.remove()
    await servers?.end()
  })
  beforeAll(async () => {
    servers = await startServers()
    cloud = await TestCloud.built({
      hosts: ['control', 'net1', 'net2'],
      guests: [],
      hostFlags: {
        control: ['network_driver', 'l3_lib', 'dhcp_driver', 'firewall_driver'].map((flag) => `--${flag}=noop`),
      },
      flags: ['--report_interval=1', '--service_down_time=3', '--quota_floating_ips=-1', ...(await servers.flags())],
    })
    await servers.enter(cloud)
    for (const host of cloud.hosts) await host.start()
    await cloud.json('network', 'create', 'private', '10.0.0.0/22')
    await cloud.json('floating', 'create', '198.51.100.0/24')
    await delay(QUEUE_SETTLES_MS)
  }, 180_000)

  async function expectInLine(): Promise<void> {
    for (const host of cloud.hosts) {
      let last: Ended = { status: -1, stdout: '', stderr: '' }
      const inLine = async () => {
        last = await cloud.commandOn(host, 'plan')
        return last.status === 0
      }
      await until(inLine, `${host.name} is not in line`).catch(() =>
        expect(last, host.name).toMatchObject({ status: 0 }),
      )
    }
  }

  /** Asks again and again until it is answered. @throws {Error} after the time that a cloud may take */
  async function recovered(): Promise<void> {
    const end = performance.now() + RECOVERY_MS
    let last: Ended
    do {
      last = await cloud.command('--timeout=2', 'network', 'list')
      if (last.status === 0) return
      expect(last, 'what is away is named').toMatchObject({ status: 5 })
    } while (performance.now() < end)
    throw new Error(`no answer ${RECOVERY_MS} ms after the servers were back: ${last.stderr}`)
  }

  it('loses nothing that was acknowledged and does nothing twice while its servers die (lessons G3, G4)', async () => {
    const script = await bundle('test/root/cloud/load-client.ts', 'load-client')
    const settings = JSON.stringify(cloud.host.settings)
    const working = join(cloud.folder, 'working')
    await writeFile(working, '')
    const clients = Array.from({ length: CLIENTS }, (_, number) =>
      cloud.runIn('control', [process.execPath, script, settings, String(number), working], 600_000),
    )
    // A client that cannot connect at its start is told so and ends: these are to be there before.
    const all = async () =>
      new Set((await cloud.json('instance', 'list')).map((row: { project_id: string }) => row.project_id))
    await until(async () => (await all()).size === CLIENTS, 'not all clients work')
    for (let outage = 0; outage < OUTAGES; outage += 1) {
      for (const server of [
        { kill: () => servers.rabbitmq.kill(), start: () => servers.rabbitmq.start() },
        { kill: () => servers.mariadb.kill(), start: () => servers.mariadb.start() },
      ]) {
        await server.kill()
        await delay(300)
        await server.start()
        await recovered()
        await delay(QUEUE_SETTLES_MS)
      }
    }
    await rm(working)
    const ended = await Promise.all(clients)
    expect(ended.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
      Array(CLIENTS).fill({ status: 0, stderr: '' }),
    )
    const done: readonly Done[] = ended.map(({ stdout }) => JSON.parse(stdout))
    expect(
      done.some(({ outages }) => Object.keys(outages).length > 0),
      'the outages were felt',
    ).toBe(true)

    const instances = Object.assign({}, ...done.map((each) => each.instances))
    const rows = await cloud.json('instance', 'list')
    const held = rows.map((row: never) => addressOf(row))
    expect(Object.fromEntries(held)).toEqual(instances)
    expect(new Set(held.map(([, address]: readonly [string, string]) => address)).size).toBe(held.length)
    const floating = (await cloud.json('floating', 'list')).filter(
      (row: { project_id: string | null }) => row.project_id,
    )
    expect(
      Object.fromEntries(
        floating.map((row: { address: string; instance_uuid: string }) => [row.address, row.instance_uuid]),
      ),
    ).toEqual(Object.assign({}, ...done.map((each) => each.floating)))
    const [network] = await cloud.json('network', 'list')
    expect(network.addresses.used, 'used is counted from rows').toBe(held.length)
    await expectInLine()
  }, 600_000)

  const [bus, store] = [5672, 3306]
  it.each([
    { from: 'the bus', ports: [bus] },
    { from: 'the store', ports: [store] },
    { from: 'both', ports: [bus, store] },
  ])(
    'a host that is cut off from $from owns no address of another, and is in line afterwards (lessons G3)',
    async ({ ports }) => {
      const guests = [randomUUID(), randomUUID(), randomUUID()]
      const allocate = (index: number, on: string) =>
        cloud.command('--timeout=4', 'instance', 'allocate', guests[index]!, '--project', 'cut', '--host', on)
      expect(await allocate(0, 'net1')).toMatchObject({ status: 0 })
      // The network has one host, and that is the one that is lost.
      const [{ host }] = await cloud.json('network', 'list')
      const lost = cloud.hosts.findIndex(({ name }) => name === host)
      const join = await servers.cutOff(`203.0.113.${11 + lost}`, ports)
      try {
        // Longer than a host may be silent. A controller that is cut off may be the one that is asked: then again.
        await delay(4000)
        if (ports.includes(store))
          await until(async () => (await cloud.stateOf(host)) === 'down', `${host} is not seen as down`)
        for (const { status, stderr } of await Promise.all([allocate(1, 'net1'), allocate(2, 'net2')])) {
          expect([0, 5], stderr).toContain(status)
        }
      } finally {
        await join()
      }
      for (const { name } of cloud.hosts) {
        await until(async () => (await cloud.stateOf(name)) === 'up', `${name} does not come back`)
      }
      for (const [index, on] of ['net1', 'net1', 'net2'].entries()) {
        await until(async () => (await allocate(index, on)).status === 0, `${on} takes no instance any more`)
      }
      const held = (await cloud.json('instance', 'list')).map((row: never) => addressOf(row)[1])
      expect(new Set(held).size).toBe(held.length)
      const [network] = await cloud.json('network', 'list')
      expect(network.addresses.used, 'used is counted from rows').toBe(held.length)
      await expectInLine()
      for (const guest of guests) await cloud.json('instance', 'deallocate', guest)
    },
  )
})

function addressOf(row: { uuid: string; virtual_interfaces: readonly { fixed_ips: readonly string[] }[] }) {
  return [row.uuid, row.virtual_interfaces[0]?.fixed_ips[0]] as const
}
