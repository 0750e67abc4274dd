/** A DHCP client that keeps its lease, as a guest's does. */
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { type TestCloud, until } from './test-cloud.ts'

export class DhcpClient {
  readonly #process: ChildProcess
  #said = ''

  /** Asks at once. */
  constructor(cloud: TestCloud, guest: string) {
    const argv = [
      'busybox',
      'udhcpc',
      '-i',
      'eth0',
      '-f',
      '-t',
      '10',
      '-T',
      '1',
      '-s',
      join(cloud.folder, 'client'),
    ] as const
    this.#process = cloud.namespaces.start(guest, argv, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#said += chunk
    })
  }

  /** How many times it was given its address, renewals included. */
  get given(): number {
    return this.#said.match(/lease of .* obtained/g)?.length ?? 0
  }

  /** @throws {Error} when the server does not say yes */
  async waitForLease(times = 1): Promise<void> {
    await until(() => this.given >= times, `no lease: ${this.#said}`)
  }

  /** Asks the server that gave the lease to prolong it. @throws {Error} when it does not say yes */
  async renew(): Promise<void> {
    const before = this.given
    this.#process.kill('SIGUSR1')
    await this.waitForLease(before + 1)
    if (this.#said.includes('NAK')) throw new Error(`refused: ${this.#said}`)
  }

  /** Gives the lease back. */
  async release(): Promise<void> {
    this.#process.kill('SIGUSR2')
    await until(() => this.#said.includes('entering released state'), `no release: ${this.#said}`)
  }
}
