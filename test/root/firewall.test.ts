import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import type { Command, Contribution, FirewallDriver, PacketIntent } from 'netloom/contracts'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { iptablesDriver } from '../../drivers/firewall/iptables.ts'
import { parseRuleset } from '../../drivers/firewall/ruleset-text.ts'
import { float, rendered } from '../drivers/firewall/rendered-intents.ts'

const NAMESPACE = `nlfw${process.pid}`
const lockFolder = mkdtempSync(join(tmpdir(), 'netloom-firewall-'))
const lockFile = join(lockFolder, 'xtables.lock')
const env = { ...process.env, XTABLES_LOCKFILE: lockFile }

interface Result {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function inNamespace(argv: readonly string[], input = ''): Result {
  return spawnSync('ip', ['netns', 'exec', NAMESPACE, ...argv], { input, encoding: 'utf8', env })
}

function must(result: Result): string {
  expect(result, result.stderr).toMatchObject({ status: 0 })
  return result.stdout
}

/** Why a back end cannot be tested here; null when it can. */
function obstacle(backEnd: string): string | null {
  if (process.getuid?.() !== 0) return 'needs root'
  if (spawnSync('ip', ['netns', 'add', NAMESPACE]).status !== 0) return 'no network namespaces here'
  const probe = inNamespace([backEnd, 'iptables', '-t', 'nat', '-L', '-n'])
  spawnSync('ip', ['netns', 'delete', NAMESPACE])
  return probe.status === 0 ? null : `${backEnd} does not work here`
}

const settings = { prefix: 'netloom', dropAction: 'DROP', useIpv6: false }
const driver = iptablesDriver(settings)

function from(owner: string, ...resources: PacketIntent[]): Contribution {
  return { owner, resources }
}

const everything = rendered.map(([what, intent], index) =>
  intent.kind === 'one-to-one-nat'
    ? from(what, float(`203.0.113.${index + 1}`, `10.0.0.${index + 10}`, intent.device))
    : from(what, intent),
)

afterAll(() => rmSync(lockFolder, { recursive: true }))

describe.each(['xtables-nft-multi', 'xtables-legacy-multi'])('%s', (backEnd) => {
  const reason = obstacle(backEnd)
  const works = test.skipIf(reason !== null)
  if (reason !== null) test.skip(reason, () => {})

  beforeEach(() => {
    if (reason === null) must(spawnSync('ip', ['netns', 'add', NAMESPACE], { encoding: 'utf8' }))
  })
  afterEach(() => {
    if (reason === null) must(spawnSync('ip', ['netns', 'delete', NAMESPACE], { encoding: 'utf8' }))
  })

  const run = (command: Command): Result => inNamespace([backEnd, ...command.argv], command.input)
  const iptables = (...args: string[]): string => must(run({ argv: ['iptables', '--wait', '10', ...args] }))
  const look = (by: FirewallDriver = driver): string[] => by.reads.map((command) => must(run(command)))

  /** Looks, changes, and says what the driver expects to see next. */
  function apply(wanted: readonly Contribution[], by: FirewallDriver = driver): readonly string[] {
    const { commands, after } = by.change(wanted, look(by))
    for (const command of commands) must(run(command))
    return after
  }

  /** Chains and rules of all tables, `TABLE CHAIN RULE`, each chain in its order; without counters. */
  function rulesIn(text: string): string[] {
    const lines = [...parseRuleset(text)].flatMap(([table, chains]) =>
      [...chains].flatMap(([chain, { rules }]) => [
        `${table} ${chain}`,
        ...rules.map((rule, at) => `${table} ${chain} ${String(at).padStart(4, '0')} ${rule.text}`),
      ]),
    )
    return lines.sort()
  }

  /** `COUNTERS -A CHAIN RULE` lines that a pattern picks, in the order in which they are printed. */
  function linesWith(pattern: RegExp): string[] {
    return look().flatMap((text) => text.split('\n').filter((line) => line.startsWith('[') && pattern.test(line)))
  }

  works('the first apply on a host that was never used leaves nothing to do (defects-linux-net A12)', () => {
    const after = apply([])
    expect(rulesIn(look()[0]!)).toEqual(rulesIn(after[0]!))
    expect(driver.change([], look()).commands).toEqual([])
  })

  works.each(rendered)('prints exactly our text for %s', (_, intent, lines) => {
    apply([])
    apply([from('host', intent)])
    const printed = look().flatMap((text) =>
      [...parseRuleset(text)].flatMap(([table, chains]) =>
        [...chains].flatMap(([chain, { rules }]) => rules.map((rule) => `${table} ${chain} ${rule.text}`)),
      ),
    )
    for (const line of lines) expect(printed).toContain(line)
    expect(driver.change([from('host', intent)], look())).toMatchObject({ commands: [] })
  })

  works.each(['REJECT', 'LOGDROP'])('comes to rest with iptables_drop_action %s', (dropAction) => {
    const rejecting = iptablesDriver({ ...settings, dropAction })
    iptables('-N', 'LOGDROP')
    const wanted = [from('network:1', { kind: 'forwarding', device: 'br1', verdict: 'drop' })]
    apply(wanted, rejecting)
    expect(rejecting.change(wanted, look()).commands).toEqual([])
  })

  works('has IPv6 rules at rest too (defects-linux-net A29)', () => {
    const dualStack = iptablesDriver({ ...settings, useIpv6: true, dropAction: 'REJECT' })
    const wanted = [
      ...everything,
      from('v6', { kind: 'accept', path: 'input', destination: '2001:db8::1', protocol: 'tcp', port: 8775 }),
      from('v6 loopback', { kind: 'accept', path: 'input', destination: '::1', protocol: 'tcp', port: 8775 }),
    ]
    apply(wanted, dualStack)
    expect(dualStack.change(wanted, look(dualStack)).commands).toEqual([])
    expect(look(dualStack)[1]).toContain('-A netloom-INPUT -d 2001:db8::1/128 -p tcp -m tcp --dport 8775 -j ACCEPT')
  })

  works('foreign rules and all counters outlive 100 changes (defects-linux-net A4, A5, A6, lessons C4, C5)', () => {
    iptables('-A', 'INPUT', '-i', 'lo', '-m', 'comment', '--comment', 'netloom-INPUT is ours')
    for (const _ of [1, 2]) iptables('-A', 'INPUT', '-m', 'limit', '--limit', '1/sec')
    iptables(
      '-t',
      'nat',
      '-A',
      'POSTROUTING',
      '-s',
      '192.168.122.0/24',
      '!',
      '-d',
      '192.168.122.0/24',
      '-j',
      'MASQUERADE',
    )
    iptables('-N', 'DOCKER-USER')
    iptables('-A', 'FORWARD', '-j', 'DOCKER-USER')
    iptables('-P', 'FORWARD', 'DROP')
    const dns = from('network:1', { kind: 'accept', path: 'input', device: 'lo', protocol: 'udp', port: 53 })
    apply([dns])
    must(inNamespace(['ip', 'link', 'set', 'lo', 'up']))
    const send = "const s = require('node:dgram').createSocket('udp4'); s.send('x', 53, '127.0.0.1', () => s.close())"
    for (const _ of [1, 2, 3]) must(inNamespace([process.execPath, '-e', send]))

    const foreign = /-A (?!netloom-|nova-)/
    const before = linesWith(foreign)
    const [opening] = linesWith(/--dport 53/)
    expect(opening).toMatch(/^\[3:/)
    expect(before.filter((line) => !line.startsWith('[0:0]')).length).toBeGreaterThan(3)
    for (let index = 1; index <= 100; index += 1) {
      const floats = [index, index + 1, index + 2].map((at) =>
        from(`floating:${at}`, float(`203.0.113.${at}`, `10.0.0.${at}`)),
      )
      const opening = from('other', {
        kind: 'accept',
        path: 'input',
        device: `br${index % 7}`,
        protocol: 'udp',
        port: 67,
      })
      apply(index % 2 === 0 ? [opening, dns, ...floats] : [...floats, dns])
    }
    expect(linesWith(foreign)).toEqual(before)
    expect(linesWith(/--dport 53/)).toEqual([opening])
    expect(look()[0]).toMatch(/:FORWARD DROP \[0:0\]/)
  })

  works('what others flush comes back at the next look (defects-linux-net A10, lessons C8)', () => {
    apply(everything)
    const before = rulesIn(look()[0]!)
    for (const table of ['filter', 'nat', 'mangle']) iptables('-t', table, '-F')
    expect(rulesIn(look()[0]!)).not.toEqual(before)
    apply(everything)
    expect(rulesIn(look()[0]!)).toEqual(before)
    for (const table of ['filter', 'nat', 'mangle']) {
      iptables('-t', table, '-F')
      iptables('-t', table, '-X')
    }
    apply(everything)
    expect(rulesIn(look()[0]!)).toEqual(before)
  })

  works('two programs that take turns come to rest (defects-linux-net A15)', () => {
    const other = iptablesDriver({ ...settings, prefix: 'netloom-b' })
    apply(everything)
    apply([from('host', float('203.0.113.200', '10.0.9.9'))], other)
    const rest = look()[0]!
    expect(driver.change(everything, [rest]).commands).toEqual([])
    expect(other.change([from('host', float('203.0.113.200', '10.0.9.9'))], [rest]).commands).toEqual([])
    apply([])
    const others = (text: string) =>
      rulesIn(text)
        .filter((line) => line.includes('netloom-b-'))
        .map((line) => line.replace(/ \d{4} /, ' '))
    expect(others(look()[0]!)).toEqual(others(rest))
  })

  works('foreign rules that are to stay first and last do, untouched (defects-linux-net A14)', () => {
    const ordered = iptablesDriver({ ...settings, foreignOrder: { first: /ADMINTOP/, last: /ADMINBOT/ } })
    for (const chain of ['ADMINTOP', 'ADMINBOT']) iptables('-N', chain)
    apply([])
    iptables('-A', 'FORWARD', '-j', 'ADMINTOP')
    iptables('-I', 'FORWARD', '1', '-j', 'ADMINTOP')
    iptables('-A', 'FORWARD', '-j', 'ADMINBOT')
    apply([], ordered)
    expect(linesWith(/-A FORWARD /).map((line) => line.split('-A ')[1])).toEqual([
      'FORWARD -j ADMINTOP',
      'FORWARD -j ADMINTOP',
      'FORWARD -j nova-filter-top',
      'FORWARD -j netloom-FORWARD',
      'FORWARD -j ADMINBOT',
    ])
    expect(ordered.change([], look(ordered)).commands).toEqual([])
  })

  works('a rule that others add while netloom changes its own is never lost (defects-linux-net A11)', async () => {
    const execute = promisify(execFile)
    const at = (...args: string[]) => execute('ip', ['netns', 'exec', NAMESPACE, backEnd, ...args], { env })
    const addForeign = async () => {
      for (let index = 1; index <= 60; index += 1) {
        await at('iptables', '--wait', '10', '-I', 'INPUT', '-s', `198.51.100.${index}`, '-j', 'ACCEPT')
      }
    }
    const change = async () => {
      for (let index = 1; index <= 30; index += 1) {
        const wanted = [
          from('network:1', { kind: 'accept', path: 'input', device: `br${index}`, protocol: 'udp', port: 67 }),
        ]
        for (const command of driver.change(wanted, [(await at('iptables-save', '-c')).stdout]).commands) {
          const child = execute('ip', ['netns', 'exec', NAMESPACE, backEnd, ...command.argv], { env })
          child.child.stdin?.end(command.input)
          await child
        }
      }
    }
    apply([])
    await Promise.all([addForeign(), change()])
    expect(linesWith(/-A INPUT -s 198\.51\.100\./)).toHaveLength(60)
    expect(linesWith(/-A netloom-INPUT/)).toEqual(['[0:0] -A netloom-INPUT -i br30 -p udp -m udp --dport 67 -j ACCEPT'])
  })

  works('a shared chain that another program made after the look is not emptied', () => {
    const { commands } = driver.change([], look())
    iptables('-N', 'nova-filter-top')
    iptables('-A', 'nova-filter-top', '-j', 'ACCEPT')
    expect(run(commands[0]!).status).not.toBe(0)
    expect(linesWith(/-A nova-filter-top/)).toEqual(['[0:0] -A nova-filter-top -j ACCEPT'])
    apply([])
    expect(linesWith(/-A nova-filter-top/)).toEqual([
      '[0:0] -A nova-filter-top -j netloom-local',
      '[0:0] -A nova-filter-top -j ACCEPT',
    ])
    expect(driver.change([], look()).commands).toEqual([])
  })

  works('rules of any kind that strangers put into our chains go', () => {
    apply(everything)
    const before = rulesIn(look()[0]!)
    for (const rule of [
      ['-m', 'comment', '--comment', 'two words "quoted" \\ and more', '-j', 'DROP'],
      ['-p', 'tcp', '-m', 'multiport', '--dports', '1,2,3', '-j', 'REJECT'],
      ['-m', 'limit', '--limit', '5/min', '-j', 'LOG', '--log-prefix', 'a b: '],
      ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'ACCEPT'],
      ['!', '-s', '10.0.0.0/8', '-p', 'icmp', '--icmp-type', 'echo-request'],
      ['-i', 'br+', '-m', 'statistic', '--mode', 'random', '--probability', '0.3', '-j', 'DROP'],
    ]) {
      iptables('-I', 'netloom-FORWARD', '2', ...rule)
    }
    apply(everything)
    expect(rulesIn(look()[0]!)).toEqual(before)
  })

  works('stale chains of ours go, and one that a foreign rule uses is only emptied', () => {
    apply([])
    iptables('-N', 'netloom-old')
    iptables('-N', 'netloom-used')
    iptables('-A', 'netloom-used', '-j', 'netloom-old')
    iptables('-A', 'netloom-old', '-j', 'ACCEPT')
    iptables('-I', 'INPUT', '-j', 'netloom-old')
    iptables('-A', 'INPUT', '-i', 'eth9', '-j', 'netloom-used')
    apply([])
    expect(look()[0]).not.toContain('netloom-old')
    expect(linesWith(/netloom-used/)).toEqual(['[0:0] -A INPUT -i eth9 -j netloom-used'])
    expect(driver.change([], look()).commands).toEqual([])
  })

  works('the host does what the driver says it does, change after change (property)', () => {
    const wish = fc.shuffledSubarray([...everything])
    fc.assert(
      fc.property(fc.array(wish, { minLength: 1, maxLength: 4 }), (wishes) => {
        for (const wanted of wishes) {
          const after = apply(wanted)
          expect(rulesIn(look()[0]!)).toEqual(rulesIn(after[0]!))
          expect(driver.change(wanted, look()).commands).toEqual([])
        }
      }),
      { numRuns: 15 },
    )
  })

  works('half of thousands of floating IPs go, and come back in their places', () => {
    const floats = Array.from({ length: 1000 }, (_, index) => {
      const [high, low] = [index >> 8, index & 255]
      return from(`floating:${index}`, float(`203.0.${high}.${low}`, `10.0.${high}.${low}`, 'eth0'))
    })
    for (const wanted of [floats, floats.filter((_, index) => index % 2 === 0), floats, []]) {
      const after = apply(wanted)
      expect(rulesIn(look()[0]!)).toEqual(rulesIn(after[0]!))
      expect(driver.change(wanted, look()).commands).toEqual([])
    }
  })

  works('a batch that iptables refuses changes nothing in its table', () => {
    const { commands } = driver.change(everything, look())
    const broken = commands[0]!.input!.replace('-j REDIRECT --to-ports 8775', '-j REDIRECT --to-ports 99999')
    expect(run({ argv: commands[0]!.argv, input: broken }).status).not.toBe(0)
    expect(look()[0]).not.toMatch(/\*nat[^*]*netloom/)
    apply(everything)
    expect(driver.change(everything, look()).commands).toEqual([])
  })

  works('waits while another program holds the lock (lessons C1)', async () => {
    const { commands } = driver.change(everything, look())
    const hold = "console.log('held'); setTimeout(() => {}, 2000)"
    const holder = spawn('flock', [lockFile, process.execPath, '-e', hold], { stdio: ['ignore', 'pipe', 'ignore'] })
    await once(holder.stdout, 'data')
    for (const command of commands) must(run(command))
    expect(driver.change(everything, look()).commands).toEqual([])
    if (holder.exitCode === null) await once(holder, 'exit')
  })
})
