/** What defaults may refer to besides flags: `$hostname`, `$primary_address`, `$default_state_path`, `$default_run_path`. */
import { homedir, hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { escapeDollars } from './interpolate.ts'
import type { SettingsLayer } from './sources.ts'

/** The machine and the user that the program runs as. */
export interface Machine {
  readonly hostname: string
  /** 0 is root. */
  readonly uid: number
  readonly home: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly interfaces: Readonly<
    Record<string, readonly Pick<NetworkInterfaceInfo, 'address' | 'family' | 'internal'>[] | undefined>
  >
}

/** The machine and user of this process. */
export function readMachine(): Machine {
  const uid = process.getuid?.() ?? 0
  return { hostname: hostname(), uid, home: homedir(), environment: process.env, interfaces: networkInterfaces() }
}

function primaryAddress(interfaces: Machine['interfaces']): string {
  const outward = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith('169.254.'))
  return outward?.address ?? '127.0.0.1'
}

/** A folder of the XDG base directory specification; it says that a relative one is to be ignored. */
function folder(path: string | undefined): string | null {
  return path && isAbsolute(path) ? path : null
}

function isSet(settings: readonly SettingsLayer[], flag: string): boolean {
  return settings.some((layer) => layer.settings.some((setting) => setting.flag === flag))
}

/**
 * Facts as texts that `interpolate` reads, so that `default_run_path` can be `$state_path/run`: a service with a state
 * of its own, wherever `state_path` was set, has sockets of its own too.
 */
export function hostFacts(machine: Machine, settings: readonly SettingsLayer[]): Readonly<Record<string, string>> {
  const { uid, home, environment } = machine
  const state = uid === 0 ? '/var/lib' : (folder(environment.XDG_STATE_HOME) ?? join(home, '.local/state'))
  const run = uid === 0 ? '/run' : folder(environment.XDG_RUNTIME_DIR)
  const runPath = run === null ? '$default_state_path/run' : escapeDollars(join(run, 'netloom'))
  return {
    hostname: escapeDollars(machine.hostname),
    primary_address: primaryAddress(machine.interfaces),
    default_state_path: escapeDollars(join(state, 'netloom')),
    default_run_path: isSet(settings, 'state_path') ? '$state_path/run' : runPath,
  }
}
