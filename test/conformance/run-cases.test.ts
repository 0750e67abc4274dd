import { type DhcpDriver, definePlugin, dhcpDriverSlot, hostDriverSlot } from 'netloom/contracts'
import { checkConformance, conformanceTests, runCases } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import bridge from '../../plugins/interface/bridge.ts'

const harness = async () => ({ instance: null, foreign: [] })
const passes = { name: 'passes', run: () => {} }
const fails = {
  name: 'fails',
  run: () => {
    throw new Error('not so')
  },
}

/** Writes what guests are called into one file, as it is. */
const careless = definePlugin({
  name: 'careless',
  summary: 'For the test',
  provides: dhcpDriverSlot,
  contract: '1.0',
  create: (): DhcpDriver => {
    let asked = 0
    return {
      serve: () => [{ kind: 'sysctl', key: 'net.ipv4.ip_forward', value: String(asked++) }],
      host: (_network, _device, { hostname, address }) => [
        { kind: 'file', path: '/n/hosts', content: `${address} ${hostname}\n`, mode: 0o644 },
      ],
      leaseFile: () => [],
      release: (_device, address, mac) => [{ argv: ['sh', '-c', `dhcp_release ${address} ${mac}`] }],
    }
  },
})

describe('the runner', () => {
  test('goes on after a case that is broken, and tells of each', async () => {
    expect(await runCases([fails, passes], harness)).toEqual([
      { case: 'fails', verdict: 'broken', reason: 'not so' },
      { case: 'passes', verdict: 'kept', reason: '' },
    ])
  })

  test('does not run a case from which the plugin declares to deviate, and gives the reason', async () => {
    expect(await runCases([fails], harness, [{ case: 'fails', reason: 'by design' }])).toEqual([
      { case: 'fails', verdict: 'declared', reason: 'by design' },
    ])
  })

  test('refuses a deviation from a case that there is not: it would hide a misspelling', async () => {
    const deviations = [{ case: 'other', reason: 'x' }]
    await expect(runCases([passes], harness, deviations)).rejects.toThrow('there is no case "other"')
  })
})

describe('the kit', () => {
  test('finds what a careless plugin does', async () => {
    const broken = (await checkConformance(careless)).filter(({ verdict }) => verdict === 'broken')
    expect(broken.map((outcome) => outcome.case)).toEqual([
      'serve says the same twice, for any network, and leaves it as it is',
      'two guests have nothing in common: one goes without the other',
      'two networks have nothing in common',
      'release names address and MAC address as words of their own',
      'no name of an instance adds a line, a field or a word (defects-linux-net G2; lessons B8)',
    ])
  })

  test('has no cases for a slot whose plugins are not pure', async () => {
    const host = definePlugin({ ...(bridge as object), provides: hostDriverSlot } as never)
    await expect(checkConformance(host)).rejects.toMatchObject({ code: 'NotSupported' })
  })

  test('makes one test of each case, for any framework', async () => {
    const made = new Map<string, () => Promise<void>>()
    conformanceTests((name, run) => made.set(name, run), careless)
    const outcomes = await checkConformance(careless)
    expect([...made.keys()]).toEqual(outcomes.map((outcome) => `careless: ${outcome.case}`))
    await expect(made.get('careless: two networks have nothing in common')!()).rejects.toThrow()
    await made.get('careless: leaseFile says the same twice, for no lease, one, and one whose address was let go')!()
  })

  test('takes flags as a deployer writes them, and says what is wrong with them', async () => {
    const outcomes = await checkConformance(bridge, { flags: ['--num_networks=many'] })
    expect(new Set(outcomes.map(({ reason }) => reason))).toEqual(
      new Set(['num_networks: must be a whole number, not "many"']),
    )
  })
})
