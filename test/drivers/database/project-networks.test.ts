import { FixedIpAlreadyInUse, FixedIpNotFoundForNetwork, NetworkHasProject, NoMoreNetworks } from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import { allocate, mac, newNetwork, openDatabase, TestClock, uuid } from './kit.ts'

/** Two networks on VLANs and one without. */
async function threeNetworks() {
  const clock = new TestClock()
  const database = await openDatabase({ clock })
  const [one, two, flat] = await database.transaction(async ({ networks }) => [
    await networks.create(newNetwork('10.0.0.0/29', { vlan: 100, vpn_private_address: '10.0.0.1' })),
    await networks.create(newNetwork('10.0.1.0/29', { vlan: 101 })),
    await networks.create(newNetwork('10.0.2.0/29')),
  ])
  return { clock, database, one: one!, two: two!, flat: flat! }
}

describe('a network for a project', () => {
  test('is its own, else the oldest with a VLAN that is nobody’s; then there are no more', async () => {
    const { clock, database, one, two } = await threeNetworks()
    await database.transaction(async ({ networks }) => {
      const red = await networks.associate('red')
      expect(red).toEqual({ ...one, project_id: 'red', updated_at: clock.text })
      expect(await networks.associate('red')).toEqual(red)
      expect((await networks.associate('blue')).id).toBe(two.id)
      await expect(networks.associate('green')).rejects.toThrow(NoMoreNetworks)
      await networks.disassociate(one.id)
      expect((await networks.associate('green')).id).toBe(one.id)
    })
  })

  test('is one that is named, or one more, when that is asked for', async () => {
    const { database, one, two, flat } = await threeNetworks()
    await database.transaction(async ({ networks }) => {
      expect((await networks.associate('red', { networkId: two.id, force: true })).id).toBe(two.id)
      expect((await networks.associate('red', { networkId: two.id, force: true })).project_id).toBe('red')
      expect((await networks.associate('red', { force: true })).id).toBe(one.id)
      await expect(networks.associate('red', { force: true })).rejects.toThrow(NoMoreNetworks)
      expect((await networks.associate('red', { networkId: flat.id, force: true })).id).toBe(flat.id)
      const theirs = networks.associate('blue', { networkId: two.id, force: true })
      await expect(theirs).rejects.toThrow(NetworkHasProject)
    })
  })

  test('has nobody of a former project in it', async () => {
    const { database, one, two } = await threeNetworks()
    await database.transaction(async (store) => {
      await store.networks.associate('red')
      await allocate(store, one, 1)
      await store.networks.disassociate(one.id)
      expect((await store.networks.associate('blue')).id).toBe(two.id)
      await expect(store.networks.associate('green')).rejects.toThrow(NoMoreNetworks)
    })
  })
})

describe('an address that the pool never hands out', () => {
  test('is taken by whoever names it, once, and is kept again afterwards', async () => {
    const { database, one, two } = await threeNetworks()
    await database.transaction(async (store) => {
      const { claim } = await allocate(store, one, 1)
      const { fixedIps } = store
      const taken = await fixedIps.claimReserved('10.0.0.1', claim)
      expect(taken).toMatchObject({ address: '10.0.0.1', instance_uuid: uuid(1), allocated: true, reserved: true })
      expect((await fixedIps.list({ networkIds: [one.id] })).map(({ address }) => address)).toEqual([
        '10.0.0.1',
        '10.0.0.2',
      ])
      await expect(fixedIps.claimReserved('10.0.0.1', claim)).rejects.toThrow(FixedIpAlreadyInUse)
      await expect(fixedIps.claimReserved('10.0.0.3', claim)).rejects.toThrow(FixedIpNotFoundForNetwork)
      await expect(fixedIps.claimReserved('10.0.0.1', { ...claim, networkId: two.id })).rejects.toThrow(
        FixedIpNotFoundForNetwork,
      )
      // Leased, it is held until the lease ends, as any other.
      expect(await fixedIps.lease('10.0.0.1', mac(1))).toBe(true)
      await fixedIps.deallocate(taken.id)
      await expect(fixedIps.claimReserved('10.0.0.1', claim)).rejects.toThrow(FixedIpAlreadyInUse)
      expect(await fixedIps.release('10.0.0.1', mac(1))).toBe(true)
      expect(await fixedIps.byAddress('10.0.0.1')).toMatchObject({ instance_uuid: null, reserved: true, leased: false })
      await expect(fixedIps.claimAddress('10.0.0.1', claim)).rejects.toMatchObject({ code: 'FixedIpReserved' })
      await fixedIps.claimReserved('10.0.0.1', claim)
    })
  })
})
