import assert from 'node:assert/strict'
import type { Contribution, FirewallDriver, PacketIntent } from 'netloom/contracts'
import { checkCommands, frozen, sameTwice } from './checks.ts'
import type { ConformanceCase, Harness } from './run-cases.ts'

const floating = (publicAddress: string, fixedAddress: string): Contribution => ({
  owner: `floating:${publicAddress}`,
  resources: [{ kind: 'one-to-one-nat', publicAddress, fixedAddress, device: 'eth0' }],
})

const network: readonly PacketIntent[] = [
  { kind: 'forwarding', device: 'br100', verdict: 'accept' },
  { kind: 'nat-exemption', cidr: '10.0.0.0/24', destination: '192.0.2.1/32' },
  { kind: 'nat-exemption', cidr: '10.0.0.0/24', destination: '10.0.0.0/24', undnatted: true },
  { kind: 'source-nat', cidr: '10.0.0.0/24', to: '192.0.2.1', device: 'eth0' },
  { kind: 'source-nat', cidr: '10.0.0.0/24', to: '192.0.2.1', device: null, destination: '198.51.100.0/24' },
  { kind: 'accept', path: 'input', device: 'br100', protocol: 'udp', port: 67 },
  { kind: 'checksum-fill', device: 'br100' },
]

/** Every kind of intent. */
const wanted: readonly Contribution[] = frozen([
  {
    owner: 'host',
    resources: [
      { kind: 'port-forward', address: '169.254.169.254', protocol: 'tcp', port: 80, to: '192.0.2.1', toPort: 8775 },
      { kind: 'accept', path: 'forward', destination: '192.0.2.1', protocol: 'tcp', port: 8775 },
    ],
  },
  { owner: 'network:1', resources: network },
  { owner: 'network:2', resources: [{ kind: 'forwarding', device: 'br101', verdict: 'drop' }] },
  { owner: 'network:3', resources: [{ kind: 'forwarding', device: 'br102', verdict: 'accept', peers: ['eth0'] }] },
  { owner: 'network:4', resources: [{ kind: 'forwarding', device: 'br-eth1', verdict: 'within' }] },
  floating('203.0.113.5', '10.0.0.2'),
  floating('203.0.113.6', '10.0.0.3'),
])

const lines = (texts: readonly string[]) => texts.flatMap((text) => text.split('\n'))

/** Others' lines are in the text, as they were and in the order in which they were. */
function assertKept(foreign: readonly string[], after: readonly string[]): void {
  for (const [index, text] of foreign.entries()) {
    const found = (after[index] ?? '').split('\n')
    let place = 0
    for (const line of text.split('\n').filter((each) => each.trim() !== '' && !each.startsWith('#'))) {
      const at = found.indexOf(line, place)
      assert.ok(at >= 0, `a rule of others is gone, changed or moved: ${line}`)
      place = line === 'COMMIT' ? at + 1 : at
    }
  }
}

/** What is on the host when the driver has had its way once. */
function settled({ instance, foreign }: Harness<FirewallDriver>, contributions = wanted): readonly string[] {
  return instance.change(contributions, foreign).after
}

/** `firewall_driver` */
export const firewallDriverCases: readonly ConformanceCase<FirewallDriver>[] = [
  {
    name: 'says the same twice, in commands that are no line for a shell',
    run({ instance, foreign }) {
      checkCommands(instance.reads)
      checkCommands(sameTwice(() => instance.change(wanted, foreign)).commands)
    },
  },
  {
    name: 'has nothing to do after its own change',
    run(harness) {
      const after = settled(harness)
      assert.deepEqual(harness.instance.change(wanted, after), { commands: [], after })
    },
  },
  {
    name: 'has nothing to say when it has nothing to do, and something when it has',
    run(harness) {
      const { instance, foreign } = harness
      assert.deepEqual(instance.describe(wanted, settled(harness)), [])
      const said = instance.describe(wanted, foreign)
      assert.equal(said.length > 0, instance.change(wanted, foreign).commands.length > 0)
      for (const line of said) assert.ok(!line.includes('\n'), JSON.stringify(line))
    },
  },
  {
    name: 'leaves the rules of others byte for byte, in their order',
    run(harness) {
      const { instance, foreign } = harness
      const after = settled(harness)
      assertKept(foreign, after)
      assertKept(foreign, instance.change(wanted.slice(0, 3), after).after)
      assertKept(foreign, instance.change([], after).after)
    },
  },
  {
    name: 'takes away what is not wanted any more, and only that',
    run(harness) {
      const { instance } = harness
      const one = wanted.slice(0, -1)
      const { after } = instance.change(one, settled(harness))
      assert.deepEqual(
        lines(after).filter((line) => line.includes('203.0.113.6')),
        [],
      )
      assert.deepEqual(instance.change(one, after).commands, [])
      for (const line of lines(settled(harness, one))) assert.ok(lines(after).includes(line), `gone: ${line}`)
    },
  },
  {
    name: 'takes everything away when nothing is wanted, and is then done',
    run(harness) {
      const { instance, foreign } = harness
      const { after } = instance.change([], settled(harness))
      const left = lines(after).filter((line) => !lines(foreign).includes(line))
      assert.deepEqual(
        left.filter((line) => /203\.0\.113|10\.0\.0\.|br10/.test(line)),
        [],
      )
      assert.deepEqual(instance.change([], after).commands, [])
    },
  },
  {
    name: 'comes to the same whether owners come one by one or together',
    run(harness) {
      const { instance, foreign } = harness
      let after = foreign
      for (let count = 1; count <= wanted.length; count += 1)
        after = instance.change(wanted.slice(0, count), after).after
      assert.deepEqual(instance.change(wanted, after).commands, [])
    },
  },
  {
    name: 'passes over nothing that limits an intent',
    run({ instance, foreign }) {
      const said = (resource: PacketIntent) =>
        instance.change([{ owner: 'o', resources: [resource] }], foreign).commands
      const forwarding = { kind: 'forwarding', device: 'br100', verdict: 'accept' } as const
      const sourceNat = { kind: 'source-nat', cidr: '10.0.0.0/24', to: '192.0.2.1', device: null } as const
      // Where even a whole one is nothing, the driver leaves all to somebody else.
      if (said(sourceNat).length === 0) return
      assert.notDeepEqual(said({ ...forwarding, peers: ['eth0'] }), said(forwarding))
      assert.notDeepEqual(said({ ...sourceNat, destination: '198.51.100.0/24' }), said(sourceNat))
    },
  },
  {
    name: 'refuses values that would be another rule (defects-linux-net G2)',
    run({ instance, foreign }) {
      const injected = '-A INPUT -j ACCEPT'
      for (const text of [`eth0\n${injected}`, `eth0 -j ACCEPT`, `10.0.0.2\n${injected}`]) {
        for (const resource of [
          { kind: 'forwarding', device: text, verdict: 'accept' },
          { kind: 'forwarding', device: 'br100', verdict: 'accept', peers: [text] },
          { kind: 'one-to-one-nat', publicAddress: '203.0.113.9', fixedAddress: text, device: null },
          { kind: 'source-nat', cidr: text, to: '192.0.2.1', device: null },
          { kind: 'source-nat', cidr: '10.0.0.0/24', to: '192.0.2.1', device: null, destination: text },
        ] as const) {
          let said: string
          try {
            const { commands, after } = instance.change([{ owner: 'o', resources: [resource] }], foreign)
            said = [...commands.map(({ argv, input = '' }) => `${argv.join('\n')}\n${input}`), ...after].join('\n')
          } catch {
            continue
          }
          assert.ok(!said.includes(text), `${JSON.stringify(text)} got through as ${resource.kind}`)
        }
      }
    },
  },
]
