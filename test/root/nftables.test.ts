/** `firewall_driver = nftables` on real parts: the traffic of guests, what others made, and what breaks. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { PUBLIC_ADDRESS } from '../../core/bin/demo/cloud.ts'
import { provideRequirements } from '../../core/bin/demo/requirements.ts'
import { Conversation, serve } from './cloud/conversation.ts'
import { allocateGuest, type Guest } from './cloud/guests.ts'
import { isRoot, TestCloud, until } from './cloud/test-cloud.ts'

const FLOATING = '203.0.113.65'
/** Of others: a table in which a forward chain comes after ours, and one that is named almost like ours. */
const FOREIGN = `
table inet site {
  set known { type ipv4_addr; elements = { 192.0.2.7 }; }
  chain forward { type filter hook forward priority filter; policy accept; ip saddr @known counter drop; }
}
table ip netloom {
  chain postrouting { type nat hook postrouting priority srcnat; ip saddr 192.0.2.7 masquerade; }
}
`

describe.skipIf(!isRoot)('firewall_driver = nftables', () => {
  let cloud: TestCloud
  let api: NetworkApi
  let guest: Guest
  let neighbour: Guest
  const inside = (...argv: readonly [string, ...string[]]) => cloud.namespaces.inside('node1', ...argv)
  const seenAs = (from: string, address: string) => new Conversation(cloud, from, 'tcp', address).firstWord()
  const foreign = async () =>
    (await inside('sh', '-c', 'nft list table inet site; nft list table ip netloom; iptables-save -c | grep site-'))
      .stdout
  const own = async () => (await inside('nft', '-s', 'list', 'table', 'inet', 'netloom')).stdout
  const METADATA =
    "require('net').connect(80, '169.254.169.254').once('data', (text) => process.exit(!console.log(`${text}`)))"

  beforeAll(async () => {
    await provideRequirements(() => {}, { nft: 'nftables' })
    cloud = await TestCloud.built({ flags: ['--reconcile_interval=600', '--metadata_port=8080'] })
    await inside('nft', FOREIGN)
    await inside('iptables', '-N', 'site-rules')
    await inside('iptables', '-A', 'FORWARD', '-s', '192.0.2.7', '-j', 'site-rules')
    await cloud.host.start()
    api = await cloud.client()
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    guest = await allocateGuest(cloud, api, 'guest1')
    neighbour = await allocateGuest(cloud, api, 'guest2')
    await api.createFloatingIps({ range: FLOATING })
    await api.allocateFloatingIp({ project_id: 'demo' })
    await api.associateFloatingIp(FLOATING, guest.address)
    for (const where of ['public', 'node1', 'guest1', 'guest2']) await serve(cloud, where, 'tcp')
  })
  afterAll(() => cloud?.remove())

  it('takes the place of iptables, whose chains go, with a floating IP that goes on leading to its guest', async () => {
    expect((await inside('iptables-save')).stdout).toContain('netloom-')
    const before = await foreign()
    await cloud.host.stop('SIGTERM')
    const lost = cloud.pinging('public', FLOATING)
    cloud.environment.NETLOOM_FIREWALL_DRIVER = 'nftables'
    await cloud.host.start()
    expect(await lost()).toBe(0)
    expect((await inside('iptables-save')).stdout).not.toContain('netloom-')
    expect(await foreign()).toBe(before)
    expect((await cloud.command('plan')).status).toBe(0)
  })

  it('leads guests out, in and to each other as iptables does (lessons D7, defects-linux-net F4, F5)', async () => {
    expect(await seenAs('public', FLOATING)).toBe(PUBLIC_ADDRESS)
    expect(await seenAs('guest1', PUBLIC_ADDRESS)).toBe(FLOATING)
    expect(await seenAs('guest2', PUBLIC_ADDRESS)).toBe('203.0.113.11')
    expect(await seenAs('guest1', FLOATING)).toBe(FLOATING)
    // On one bridge: only br_netfilter shows it to the table at all.
    expect(await seenAs('guest2', FLOATING)).toBe(neighbour.address)
    expect(await seenAs('node1', FLOATING)).toMatch(/^(203\.0\.113\.(11|65)|10\.0\.0\.1)$/)
    const { stdout } = await cloud.runIn('guest1', [process.execPath, '-e', METADATA])
    expect(stdout.trim(), 'as the metadata service sees the guest').toBe(guest.address)
  })

  it('ends the flows of a floating IP that is let go, and only those (lessons D1, defects-linux-net F2)', async () => {
    const ended = new Conversation(cloud, 'public', 'tcp', FLOATING)
    const lasting = new Conversation(cloud, 'guest2', 'tcp', PUBLIC_ADDRESS)
    for (const conversation of [ended, lasting]) await conversation.ask('before')
    await api.disassociateFloatingIp(FLOATING)
    ended.say('after')
    await lasting.ask('after')
    expect(ended.heard('after')).toBe(false)
    expect(await own()).not.toContain(FLOATING)
    expect(await seenAs('guest1', PUBLIC_ADDRESS)).toBe('203.0.113.11')
    await api.associateFloatingIp(FLOATING, guest.address)
  })

  it('mends a flush of everything, and a killed service leaves its guests their traffic (lessons C3, C8)', async () => {
    const before = { own: await own(), foreign: await foreign() }
    await inside('nft', 'delete', 'table', 'inet', 'netloom')
    expect((await cloud.command('plan')).status).toBe(10)
    expect((await cloud.json('reconcile')).failures).toEqual([])
    expect(await own()).toBe(before.own)
    expect(await foreign()).toBe(before.foreign)
    const lost = cloud.pinging('public', FLOATING)
    await cloud.host.stop('SIGKILL')
    await cloud.host.start()
    expect(await lost()).toBe(0)
    expect((await cloud.command('plan')).status).toBe(0)
    await inside('nft', 'flush', 'ruleset')
    // A change that comes before the next look finds nothing to change, looks, and makes it all.
    await api.disassociateFloatingIp(FLOATING)
    await api.associateFloatingIp(FLOATING, guest.address)
    await until(() => cloud.ping('public', FLOATING), 'the floating IP is not reached again')
    expect(await own()).toBe(before.own)
  })
})
