/** Floating IPs on real parts: who is reached, with which address, and what happens to flows. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { PUBLIC_ADDRESS } from '../../core/bin/demo/cloud.ts'
import { Conversation, serve } from './cloud/conversation.ts'
import { allocateGuest, type Guest } from './cloud/guests.ts'
import { dumpRules } from './cloud/host-dump.ts'
import { Shims } from './cloud/shims.ts'
import { isRoot, TestCloud, until } from './cloud/test-cloud.ts'

const [FLOATING, OTHER] = ['203.0.113.65', '203.0.113.66'] as const

describe.skipIf(!isRoot)('floating IPs', () => {
  let cloud: TestCloud
  let api: NetworkApi
  let shims: Shims
  let first: Guest
  let second: Guest
  beforeAll(async () => {
    cloud = await TestCloud.built()
    shims = await Shims.make(join(cloud.folder, 'shims'))
    cloud.environment.PATH = shims.path
    await cloud.host.start()
    api = await cloud.client()
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    first = await allocateGuest(cloud, api, 'guest1')
    second = await allocateGuest(cloud, api, 'guest2')
    for (const address of [FLOATING, OTHER]) {
      await api.createFloatingIps({ range: address })
      await api.allocateFloatingIp({ project_id: 'demo' })
    }
    for (const where of ['public', 'guest1', 'guest2']) await serve(cloud, where, 'tcp')
    for (const where of ['guest1', 'guest2']) await serve(cloud, where, 'udp')
  })
  afterAll(() => cloud?.remove())

  /** The address that the server at `address` sees. */
  const seenAs = (from: string, address: string) => new Conversation(cloud, from, 'tcp', address).firstWord()
  const flows = async (...words: readonly string[]) =>
    (await cloud.namespaces.inside('node1', 'conntrack', '-L', ...words)).stdout.trim()

  it('are where guests come from outside, and lead to them from everywhere (lessons D7, defects-linux-net F4, F5)', async () => {
    expect(await seenAs('guest1', PUBLIC_ADDRESS)).toBe('203.0.113.11')
    await api.associateFloatingIp(FLOATING, first.address)
    expect(await seenAs('guest1', PUBLIC_ADDRESS)).toBe(FLOATING)
    expect(await seenAs('guest2', PUBLIC_ADDRESS)).toBe('203.0.113.11')
    expect(await seenAs('public', FLOATING)).toBe(PUBLIC_ADDRESS)
    expect(await seenAs('guest1', FLOATING)).toBe(FLOATING)
    expect(await seenAs('guest2', FLOATING)).toBe(second.address)
    expect(await seenAs('node1', FLOATING)).toMatch(/^(203\.0\.113\.(11|65)|10\.0\.0\.1)$/)
    await api.disassociateFloatingIp(FLOATING)
    expect(await seenAs('guest1', PUBLIC_ADDRESS)).toBe('203.0.113.11')
  })

  it('end their own flows on disassociation and no others (lessons D1, defects-linux-net F2, F3)', async () => {
    for (const address of [FLOATING, OTHER]) await api.associateFloatingIp(address, first.address)
    const ended = new Conversation(cloud, 'public', 'tcp', FLOATING)
    const lasting = [
      new Conversation(cloud, 'public', 'tcp', OTHER),
      new Conversation(cloud, 'guest2', 'tcp', first.address),
      new Conversation(cloud, 'guest2', 'tcp', PUBLIC_ADDRESS),
    ]
    for (const conversation of [ended, ...lasting]) await conversation.ask('before')
    await api.disassociateFloatingIp(FLOATING)
    expect(await flows('-d', FLOATING)).toBe('')
    ended.say('after')
    for (const conversation of lasting) await conversation.ask('after')
    for (const conversation of lasting) await conversation.ask('much later')
    expect(ended.heard('after')).toBe(false)
    await api.disassociateFloatingIp(OTHER)
  })

  it('take a stream of datagrams along when they move (lessons D2)', async () => {
    await api.associateFloatingIp(FLOATING, first.address)
    const stream = new Conversation(cloud, 'public', 'udp', FLOATING)
    await stream.ask('who', 'guest1')
    await api.associateFloatingIp(FLOATING, second.address)
    await stream.ask('who', 'guest2')
    await api.disassociateFloatingIp(FLOATING)
  })

  it('have their NAT whenever they have their address (lessons D4, defects-linux-net F1)', async () => {
    const changes = [
      () => api.associateFloatingIp(FLOATING, first.address),
      () => api.associateFloatingIp(FLOATING, second.address),
      () => api.disassociateFloatingIp(FLOATING),
    ]
    const isBound = async () =>
      (await cloud.namespaces.inside('node1', 'ip', 'address', 'show', 'to', FLOATING)).stdout !== ''
    const isMapped = async () =>
      (await dumpRules(cloud, cloud.host)).some((rule) => rule.includes(`-d ${FLOATING}/32 -j DNAT`))
    let looks = 0
    for (const change of changes) {
      await shims.arm('hang', 1)
      let done = false
      const changing = change().finally(() => {
        done = true
      })
      // Before each program that changes the host, and at the end: nothing happens in between.
      while (!done) {
        await until(() => done || shims.hung, 'the change neither ends nor goes on')
        expect((await isBound()) && !(await isMapped()), `at look ${looks}`).toBe(false)
        looks += 1
        await shims.step()
      }
      await changing
    }
    await shims.clear()
    expect(looks).toBeGreaterThanOrEqual(3 * 3)
  })
})
