import { uuidOf } from 'netloom/testing'
import { describe, expect, test, vi } from 'vitest'
import { makeFaultCloud } from './fault-cloud.ts'

const FLOATING = '203.0.113.1'

/** Guests 1 and 2 at 10.0.0.2 and 10.0.0.3; the floating IP leads to the second. */
async function cloudOfTwo() {
  const { manager, context } = await makeFaultCloud()
  await manager.createNetworks(context, { label: 'private', cidr: '10.0.0.0/29' })
  await manager.createFloatingIps(context, { range: FLOATING })
  const [{ uuid } = { uuid: '' }] = await manager.getAllNetworks(context)
  const allocate = (guest: number, address?: string) =>
    manager.allocateForInstance(context, {
      instance_uuid: uuidOf(guest),
      project_id: 'demo',
      requested_networks: [{ uuid, ...(address === undefined ? {} : { address }) }],
    })
  const deallocate = (guest: number) => manager.deallocateForInstance(context, uuidOf(guest))
  await allocate(1)
  await allocate(2)
  await manager.allocateFloatingIp(context, { project_id: 'demo' })
  await manager.associateFloatingIp(context, FLOATING, '10.0.0.3')
  return { manager, context, allocate, deallocate }
}

type TwoGuests = Awaited<ReturnType<typeof cloudOfTwo>>

const meanwhile: readonly (readonly [
  what: string,
  happens: (cloud: TwoGuests) => Promise<unknown>,
  leadsTo: unknown,
])[] = [
  ['nothing happened', async () => {}, '10.0.0.3'],
  ['the instance went', ({ deallocate }) => deallocate(2), null],
  [
    'another instance has its address',
    async ({ allocate, deallocate }) => {
      await deallocate(2)
      await allocate(3, '10.0.0.3')
    },
    null,
  ],
  ['another call let it go', ({ manager, context }) => manager.disassociateFloatingIp(context, FLOATING), null],
]

describe('a floating IP that a host cannot lead elsewhere', () => {
  test.each(meanwhile)(
    'leads to the instance that it led to, as long as that is there: %s',
    async (_, happens, leadsTo) => {
      const cloud = await cloudOfTwo()
      const { manager, context } = cloud
      vi.spyOn(manager, 'converge').mockImplementationOnce(async () => {
        await happens(cloud)
        throw new Error('no room')
      })
      await expect(manager.associateFloatingIp(context, FLOATING, '10.0.0.2')).rejects.toThrow('no room')
      expect(await manager.listFloatingIps(context)).toMatchObject([{ address: FLOATING, fixed_address: leadsTo }])
      const { entries, waiting } = await manager.planHost()
      expect({ entries, waiting }).toEqual({ entries: [], waiting: [] })
    },
  )
})
