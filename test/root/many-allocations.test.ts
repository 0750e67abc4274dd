import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { bundle } from '../kit-internal/bundle.ts'
import { isRoot, runProgram, TestCloud } from './cloud/test-cloud.ts'

const CLIENTS = 4
const EACH = 250

describe.skipIf(!isRoot)('1000 instances of 4 client processes at once, through one service', () => {
  let cloud: TestCloud
  let api: NetworkApi
  let client: string
  beforeAll(async () => {
    client = await bundle('test/root/cloud/busy-client.ts', 'busy-client')
    cloud = await TestCloud.start({ guests: [] })
    api = await cloud.client()
    // From the 2nd to the 1001st: not one more than there are instances.
    const pool = { gateway: '10.0.0.1', allowed_start: '10.0.0.2', allowed_end: '10.0.3.233' }
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/22', network_size: 1024, ...pool })
  })
  afterAll(() => cloud?.remove())

  async function all(task: 'allocate' | 'deallocate'): Promise<string[]> {
    const settings = JSON.stringify(cloud.host.settings)
    const ended = await Promise.all(
      Array.from({ length: CLIENTS }, (_, i) =>
        runProgram([client, settings, task, String(1 + i * EACH), String(EACH)]),
      ),
    )
    expect(ended.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
      Array(CLIENTS).fill({ status: 0, stderr: '' }),
    )
    return ended.flatMap(({ stdout }) => JSON.parse(stdout))
  }
  const hostFiles = async () =>
    (await readdir(join(cloud.folder, 'state/networks/node1/netloom-br100.hosts'))).filter((name) => name !== '.keep')
  const usage = async () => (await api.getAllNetworks())[0]?.addresses

  it('get addresses that are all different, none refused (lessons A7, defects-manager A2)', async () => {
    const addresses = await all('allocate')
    expect(addresses).toHaveLength(CLIENTS * EACH)
    expect(new Set(addresses).size).toBe(CLIENTS * EACH)
    const late = await cloud.command('instance', 'allocate', randomUUID(), '--project', 'demo')
    expect(late).toMatchObject({ status: 4, stderr: expect.stringContaining('1000 used') })
  })

  it('are all in the rows, each with its file for DHCP, and nothing is left to do (lessons A6)', async () => {
    const rows = (await api.listInstances()).flatMap((instance) => instance.virtual_interfaces)
    expect(new Set(rows.flatMap((vif) => vif.fixed_ips)).size).toBe(CLIENTS * EACH)
    expect(await usage()).toMatchObject({ used: CLIENTS * EACH, held: 0, free: 0 })
    expect((await hostFiles()).sort()).toEqual(rows.map((vif) => vif.mac.replaceAll(':', '-')).sort())
    expect((await cloud.command('plan')).status).toBe(0)
  })

  it('give all of them back at once, and the pool is as before', async () => {
    const addresses = await all('deallocate')
    expect(new Set(addresses).size).toBe(CLIENTS * EACH)
    expect(await usage()).toMatchObject({ used: 0, held: 0, free: CLIENTS * EACH })
    expect(await api.listInstances()).toEqual([])
    expect(await hostFiles()).toEqual([])
    expect((await cloud.command('plan')).status).toBe(0)
  })
})
