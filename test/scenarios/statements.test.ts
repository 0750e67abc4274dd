/** How many statements the daily work sends to the store: counted over all services, BEGIN and COMMIT apart. */
import { uuidOf } from 'netloom/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Session } from '../../drivers/database/sql/session.ts'
import { backends } from './backends.ts'
import { type Cloud, type CloudOptions, makeCloud } from './cloud.ts'

afterEach(() => vi.restoreAllMocks())

async function statementsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  const query = vi.spyOn(Session.prototype, 'query')
  await work()
  const statements = query.mock.calls.map(([sql]) => sql.replace(/\s+/g, ' '))
  query.mockRestore()
  return statements
}

const GUESTS = 12

const clouds: readonly (readonly [what: string, options: CloudOptions, network: object])[] = [
  ['one network host', {}, {}],
  ['a network that another host serves', { machines: ['host1', 'host2'] }, { served: 'host2' }],
  ['multi_host', {}, { multi_host: true }],
  ['Flat', { flags: ['--network_manager=flat'] }, {}],
]

/** Networks of others, with guests and floating IPs: what must not matter. */
async function fill({ api }: Cloud): Promise<void> {
  for (let index = 1; index <= 6; index += 1) {
    const place = { cidr: `10.${index}.0.0/24`, bridge: `br${200 + index}` }
    await api.createNetworks({ label: `n${index}`, project_id: `p${index}`, ...place })
  }
  for (let number = 100; number < 100 + GUESTS; number += 1) {
    const project_id = `p${1 + (number % 6)}`
    await api.allocateForInstance({ instance_uuid: uuidOf(number), project_id })
    await api.allocateForInstance({ instance_uuid: uuidOf(number + 100), project_id: 'demo' })
  }
}

describe.each(backends)('statements on $name', (pair) => {
  test.each(clouds)(
    'of the daily work are few, and as many in a full store: %s (defects-manager G1, G3, G12, G14)',
    async (_, options, network) => {
      const cloud = await makeCloud(pair, options)
      const { api } = cloud
      const hasFloating = !options.flags?.includes('--network_manager=flat')
      const { served, ...request } = network as { served?: string }
      const place = { label: 'private', cidr: '10.0.0.0/24', project_id: 'demo' }
      const { uuid } = (await api.createNetworks({ ...place, ...request }))[0]!
      if (served !== undefined) await api.modifyNetwork(uuid, { host: served })
      const counts = async (number: number) => {
        const instance = { instance_uuid: uuidOf(number), project_id: 'demo' }
        const named = { ...instance, instance_uuid: uuidOf(number + 1), requested_networks: [{ uuid }] }
        const allocate = await statementsOf(() => api.allocateForInstance(instance))
        const requested = await statementsOf(() => api.allocateForInstance(named))
        const repeated = await statementsOf(() => api.allocateForInstance(named))
        const show = await statementsOf(() => api.getInstanceNwInfo(named.instance_uuid))
        const list = await statementsOf(() => Promise.all([api.listFixedIps(), hasFloating && api.listFloatingIps()]))
        const search = await statementsOf(() => api.getInstanceUuidsByIpFilter({ fixed_ip: '10.0.0.2' }))
        const deallocate = await statementsOf(() => api.deallocateForInstance(instance.instance_uuid))
        expect(allocate.length, allocate.join('\n')).toBeLessThanOrEqual(12)
        expect(requested.length, requested.join('\n')).toBeLessThanOrEqual(12)
        expect(repeated.length, repeated.join('\n')).toBeLessThanOrEqual(6)
        expect(show.length, show.join('\n')).toBeLessThanOrEqual(3)
        expect(list.length, list.join('\n')).toBeLessThanOrEqual(3)
        expect(search.length, search.join('\n')).toBe(1)
        const daily = [allocate, requested, repeated, show, list, search, deallocate]
        expect(daily.flat().filter((statement) => /^(UPDATE|INSERT INTO) networks\b/.test(statement))).toEqual([])
        return daily.map((statements) => statements.length)
      }
      // The first guest of a network is what makes a host serve it.
      await cloud.guest(90)
      const before = await counts(1)
      await fill(cloud)
      const after = await counts(3)
      // One who lets something go on another host asks whether that is up; on a broker either may be asked.
      if (served === undefined) expect(after).toEqual(before)
      else expect(after.map((count, index) => count <= before[index]! + 1)).not.toContain(false)
    },
  )
})
