/** The conformance kit: what every plugin of a slot does, checked on ours and on a stranger's in the same way. */
import { NotSupported, type Plugin } from 'netloom/contracts'
import { dhcpDriverCases } from './dhcp-driver.ts'
import { dnsDriverCases } from './dns-driver.ts'
import { firewallDriverCases } from './firewall-driver.ts'
import { l3LibCases } from './l3-lib.ts'
import { networkDriverCases } from './network-driver.ts'
import { makeInstance } from './plugin-instance.ts'
import { raDriverCases } from './ra-driver.ts'
import { type CaseOutcome, type ConformanceCase, type Deviation, type Harness, runCases } from './run-cases.ts'

export { makeInstance } from './plugin-instance.ts'
export * from './run-cases.ts'

/** Cases by the flag of the slot. */
export const conformanceCases = {
  network_driver: networkDriverCases,
  l3_lib: l3LibCases,
  dhcp_driver: dhcpDriverCases,
  ra_driver: raDriverCases,
  firewall_driver: firewallDriverCases,
  instance_dns_manager: dnsDriverCases,
  floating_ip_dns_manager: dnsDriverCases,
} as const

export interface ConformanceOptions {
  /** `--flag=value` texts for the plugin; the others have their defaults. */
  readonly flags?: readonly string[]
  readonly deviations?: readonly Deviation[]
  /** See `Harness`. */
  readonly foreign?: readonly string[]
}

/** Runs all cases of the plugin's slot. @throws {NotSupported} for a slot that has none */
export async function checkConformance(
  plugin: Plugin,
  options: ConformanceOptions = {},
): Promise<readonly CaseOutcome[]> {
  return runCases(casesOf(plugin), () => harness(plugin, options), options.deviations)
}

/**
 * Makes a test of each case.
 * @param test what the framework makes a test with, from a name and a function
 * @example
 * import { conformanceTests } from 'netloom/testing'
 * import { test } from 'vitest'
 * import plugin from '../index.js'
 *
 * conformanceTests(test, plugin)
 */
export function conformanceTests(
  test: (name: string, run: () => Promise<void>) => unknown,
  plugin: Plugin,
  options: ConformanceOptions = {},
): void {
  for (const each of casesOf(plugin)) {
    test(`${plugin.name}: ${each.name}`, async () => {
      const deviations = options.deviations?.filter((deviation) => deviation.case === each.name)
      const [outcome] = await runCases([each], () => harness(plugin, options), deviations)
      if (outcome?.verdict === 'broken') throw new Error(outcome.reason)
    })
  }
}

function casesOf(plugin: Plugin): readonly ConformanceCase<unknown>[] {
  const flag = plugin.provides.flag as keyof typeof conformanceCases
  if (!Object.hasOwn(conformanceCases, flag))
    throw new NotSupported({ what: `cases for ${flag}`, by: 'the conformance kit' })
  return conformanceCases[flag] as readonly ConformanceCase<unknown>[]
}

async function harness(plugin: Plugin, { flags, foreign = [] }: ConformanceOptions): Promise<Harness<unknown>> {
  return { instance: await makeInstance(plugin, flags), foreign }
}
