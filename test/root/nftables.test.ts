/** `firewall_driver = nftables` on real parts: the traffic of guests, what others made, and what breaks. */
import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import type { Contribution, PacketIntent } from 'netloom/contracts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { PUBLIC_ADDRESS } from '../../core/bin/demo/cloud.ts'
import { provideRequirements } from '../../core/bin/demo/requirements.ts'
import { parseTable } from '../../drivers/firewall/nftables/table.ts'
import { nftablesDriver } from '../../drivers/firewall/nftables.ts'
import { float, rendered } from '../drivers/firewall/rendered-intents.ts'
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
    expect((await cloud.ask('plan')).status).toBe(0)
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
    expect((await cloud.ask('plan')).status).toBe(10)
    expect((await cloud.ask('reconcile')).status).toBe(0)
    expect(await own()).toBe(before.own)
    expect(await foreign()).toBe(before.foreign)
    const lost = cloud.pinging('public', FLOATING)
    await cloud.host.stop('SIGKILL')
    await cloud.host.start()
    expect(await lost()).toBe(0)
    expect((await cloud.ask('plan')).status).toBe(0)
    await inside('nft', 'flush', 'ruleset')
    // A change that comes before the next look finds nothing to change, looks, and makes it all.
    await api.disassociateFloatingIp(FLOATING)
    await api.associateFloatingIp(FLOATING, guest.address)
    await until(() => cloud.ping('public', FLOATING), 'the floating IP is not reached again')
    expect(await own()).toBe(before.own)
  })
})

describe.skipIf(!isRoot)('nft', () => {
  const namespace = `nlnft${process.pid}`
  const run = (argv: readonly string[], input = ''): string => {
    const result = spawnSync('ip', ['netns', 'exec', namespace, ...argv], { input, encoding: 'utf8' })
    expect(result, result.stderr).toMatchObject({ status: 0 })
    return result.stdout
  }
  const driver = nftablesDriver({ dropAction: 'REJECT', useIpv6: true })
  const look = () => run(['sh', '-c', `${driver.reads[0]?.argv.join(' ')} 2> /dev/null || true`])
  const apply = (wanted: readonly Contribution[]) => {
    const { commands, after } = driver.change(wanted, [look()])
    for (const { argv, input } of commands) run(argv, input)
    return after
  }
  const from = (owner: string, ...resources: PacketIntent[]): Contribution => ({ owner, resources })
  const everything = rendered.map(([what, intent], at) =>
    intent.kind === 'one-to-one-nat'
      ? from(what, float(`203.0.113.${at + 1}`, `10.0.0.${at + 10}`, intent.device))
      : from(what, intent),
  )
  const unhandled = (text: string) => {
    const { sets, chains } = parseTable(text)!
    const plain = [...chains].map(([name, { hook, rules }]) => [name, hook, rules.map((rule) => rule.text)])
    return { sets: [...sets].map(([name, elements]) => [name, [...elements].sort()]).sort(), chains: plain.sort() }
  }

  beforeAll(async () => {
    await provideRequirements(() => {}, { nft: 'nftables' })
    expect(spawnSync('ip', ['netns', 'add', namespace]).status).toBe(0)
  })
  afterAll(() => void spawnSync('ip', ['netns', 'delete', namespace]))

  it('does what the driver says it does, change after change (property)', () => {
    const odd = from(
      'odd',
      { kind: 'forwarding', device: '12', verdict: 'drop' },
      float('203.0.113.99', '10.0.0.99', 'snat'),
    )
    fc.assert(
      fc.property(fc.array(fc.shuffledSubarray([...everything, odd]), { minLength: 2, maxLength: 3 }), (wishes) => {
        for (const wanted of wishes) {
          const [expected = ''] = apply(wanted)
          expect(unhandled(look())).toEqual(unhandled(expected))
          expect(driver.change(wanted, [look()]).commands).toEqual([])
        }
      }),
      { numRuns: 4 },
    )
  })

  it('keeps the counters of what stays, and takes thousands at once (defects-linux-net A5, lessons C4)', () => {
    const network = from('network:1', { kind: 'nat-exemption', cidr: '0.0.0.0/0', destination: '127.0.0.0/8' })
    const gone = from('network:2', { kind: 'nat-exemption', cidr: '10.2.0.0/24', destination: '10.2.0.0/24' })
    apply([network, gone])
    run(['ip', 'link', 'set', 'lo', 'up'])
    run(['ping', '-c', '2', '-i', '0.2', '127.0.0.1'])
    const counted = () =>
      /daddr 127\.0\.0\.0\/8 counter packets (\d+)/.exec(run(['nft', 'list', 'table', 'inet', 'netloom']))?.[1]
    const before = counted()
    expect(Number(before)).toBeGreaterThan(0)
    const floats = Array.from({ length: 5000 }, (_, at) =>
      from(`floating:${at}`, float(`203.0.${at >> 8}.${at & 255}`, `10.0.${at >> 8}.${at & 255}`, 'eth0')),
    )
    for (const wanted of [[network, ...floats], [...floats.slice(1), network], [network]]) {
      apply(wanted)
      expect(driver.change(wanted, [look()]).commands).toEqual([])
    }
    expect(counted()).toBe(before)
  })
})
