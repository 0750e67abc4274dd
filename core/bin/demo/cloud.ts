/** A small cloud in network namespaces of its own: a public side, network hosts on it, guests. */
import { mkdtempSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SettingsInput } from '../../../config/read-settings.ts'
import { Namespaces } from './namespaces.ts'
import { NetworkHost } from './network-host.ts'

const CLIENT_SCRIPT = `#!/bin/sh
case $1 in
  deconfig) ip -4 address flush dev "$interface" ;;
  bound|renew)
    ip address replace "$ip/$mask" broadcast + dev "$interface"
    ip route replace default via "\${router%% *}" dev "$interface"
    echo "$ip" >&2 ;;
esac
`

/** The namespace of the public side. */
const PUBLIC = 'public'

/** The address that the hosts and the guests reach outside. */
export const PUBLIC_ADDRESS = '203.0.113.1'

export interface CloudOptions {
  /** The folder that netloom was built in. */
  readonly packageFolder: string
  /** What the names of all its namespaces begin with. */
  readonly prefix: string
  /** The flag `host` of each network host. */
  readonly hosts: readonly string[]
  readonly guests: readonly string[]
  /** More flags for all hosts and clients, such as another store or bus. */
  readonly flags?: readonly string[]
  /** More flags for single hosts, by name. */
  readonly hostFlags?: Readonly<Record<string, readonly string[]>>
  /** The variables of single hosts, by name, in place of those of all. */
  readonly hostEnvironments?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** The hosts are cabled to one segment for guests too: `eth1`. */
  readonly trunk?: boolean
  /** More variables for the services. */
  readonly environment?: Readonly<Record<string, string>>
}

export class Cloud {
  /** Holds the state of the services. */
  readonly folder: string
  /** Path of the command `netloom`. */
  readonly program: string
  readonly namespaces: Namespaces
  readonly hosts: readonly NetworkHost[]
  readonly #options: CloudOptions

  /** Nothing but a folder is made; `build` does the rest, and `remove` takes away whatever there is by then. */
  constructor(options: CloudOptions) {
    const { packageFolder, prefix, hosts } = options
    this.#options = options
    this.folder = mkdtempSync(join(tmpdir(), 'netloom-cloud-'))
    this.program = join(packageFolder, 'dist/core/bin/netloom.js')
    this.namespaces = new Namespaces(prefix)
    this.hosts = hosts.map((name, index) => this.#networkHost(name, hostAddress(index)))
  }

  /** Makes the namespaces and what links them; starts no service. */
  async build(): Promise<void> {
    const { hosts, guests } = this.#options
    await writeFile(join(this.folder, 'client'), CLIENT_SCRIPT, { mode: 0o755 })
    await this.#buildPublicSide()
    for (const [index, host] of hosts.entries()) await this.#buildHost(host, hostAddress(index))
    for (const guest of guests) await this.namespaces.add(guest)
  }

  /** The first host: all there is in a cloud of one. */
  get host(): NetworkHost {
    return this.hosts[0]!
  }

  #networkHost(name: string, address: string): NetworkHost {
    const { packageFolder, flags = [], hostFlags = {}, hostEnvironments = {} } = this.#options
    const environment = hostEnvironments[name] ?? this.#options.environment ?? {}
    const own = hostFlags[name] ?? []
    const settings: SettingsInput = {
      configFiles: [join(packageFolder, 'config/presets/flat-dhcp.conf')],
      environment,
      commandLine: [`--state_path=${this.folder}/state`, `--host=${name}`, `--my_ip=${address}`, ...flags, ...own],
    }
    const logFile = join(this.folder, `${name}.log`)
    return new NetworkHost({ namespaces: this.namespaces, name, program: this.program, settings, logFile })
  }

  async #buildPublicSide(): Promise<void> {
    const { namespaces } = this
    await namespaces.add(PUBLIC)
    await namespaces.inside(PUBLIC, 'ip', 'link', 'add', 'name', 'segment', 'type', 'bridge', 'forward_delay', '0')
    await namespaces.inside(PUBLIC, 'ip', 'address', 'add', `${PUBLIC_ADDRESS}/24`, 'dev', 'segment')
    await namespaces.inside(PUBLIC, 'ip', 'link', 'set', 'segment', 'up')
    if (!this.#options.trunk) return
    await namespaces.inside(PUBLIC, 'ip', 'link', 'add', 'name', 'trunk', 'type', 'bridge', 'forward_delay', '0')
    await namespaces.inside(PUBLIC, 'ip', 'link', 'set', 'trunk', 'up')
  }

  async #buildHost(host: string, address: string): Promise<void> {
    const { namespaces } = this
    const outside = namespaces.fullName(PUBLIC)
    await namespaces.add(host)
    const cable = async (device: string, end: string, segment: string) => {
      const peer = ['peer', 'name', end, 'netns', outside] as const
      await namespaces.inside(host, 'ip', 'link', 'add', 'name', device, 'type', 'veth', ...peer)
      await namespaces.inside(PUBLIC, 'ip', 'link', 'set', end, 'master', segment, 'up')
    }
    await cable('eth0', host, 'segment')
    if (this.#options.trunk) await cable('eth1', `${host}-t`, 'trunk')
    await namespaces.inside(host, 'ip', 'address', 'add', `${address}/24`, 'dev', 'eth0')
    await namespaces.inside(host, 'ip', 'link', 'set', 'eth0', 'up')
    await namespaces.inside(host, 'ip', 'route', 'add', 'default', 'via', PUBLIC_ADDRESS)
  }

  /** A real DHCP client in a guest. @returns the address that it got */
  async lease(guest: string): Promise<string> {
    const script = join(this.folder, 'client')
    const client = ['busybox', 'udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-t', '10', '-T', '1', '-s', script] as const
    const { stderr } = await this.namespaces.inside(guest, ...client)
    return stderr.trim().split('\n').at(-1) ?? ''
  }

  /** One ping. @param from a guest, a host or `public` */
  ping(from: string, address: string): Promise<boolean> {
    return this.namespaces.succeeds(from, 'ping', '-c', '1', '-W', '2', address)
  }

  /** Pings ten times a second until stopped. @returns a function that stops it and tells how many were lost */
  pinging(from: string, address: string): () => Promise<number> {
    const argv = ['ping', '-i', '0.1', '-W', '1', address] as const
    const child = this.namespaces.start(from, argv, { stdio: ['ignore', 'pipe', 'ignore'] })
    let output = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk
    })
    return async () => {
      const gone = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGINT')
      await gone
      const [, sent = '0', received = '0'] = /(\d+) packets transmitted, (\d+) received/.exec(output) ?? []
      if (Number(sent) === 0) throw new Error('no ping was sent')
      return Number(sent) - Number(received)
    }
  }

  /** Stops the services, then takes all away. */
  async remove(): Promise<void> {
    for (const host of this.hosts) await host.stop('SIGTERM')
    await this.namespaces.remove()
    await rm(this.folder, { recursive: true, force: true })
  }
}

function hostAddress(index: number): string {
  return `203.0.113.${11 + index}`
}
