import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { MiniDns } from '../../../drivers/dns/minidns.ts'
import { bundle } from '../../kit-internal/bundle.ts'
import { startChild } from '../database/processes/start.ts'

let folder: string
let dns: MiniDns
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'netloom-minidns-'))
  dns = new MiniDns(folder)
  return () => rm(folder, { recursive: true })
})

describe('minidns', () => {
  test('keeps hosts files that a DNS server can read', async () => {
    await dns.createDomain('Example.org')
    await dns.createEntry('Web1', '10.0.0.2', 'A', 'example.ORG')
    await dns.createEntry('web1.v6', '2001:DB8::1', 'AAAA', 'example.org')
    const visible = (await readdir(join(folder, 'example.org'))).filter((name) => !name.startsWith('.'))
    expect(visible).toEqual(['web1', 'web1.v6'])
    const read = (name: string) => readFile(join(folder, 'example.org', name), 'utf8')
    expect(await read('web1')).toBe('10.0.0.2 web1.example.org\n')
    expect(await read('web1.v6')).toBe('2001:db8::1 web1.v6.example.org\n')
  })

  test('has what another instance of it made, and is empty before there is a folder', async () => {
    const other = new MiniDns(join(folder, 'later'))
    expect(await other.getDomains()).toEqual([])
    expect(await other.getEntriesByAddress('10.0.0.2', 'example.org')).toEqual([])
    await dns.createEntry('web1', '10.0.0.2', 'A', 'example.org')
    expect(await new MiniDns(folder).getEntriesByName('web1', 'example.org')).toEqual(['10.0.0.2'])
  })

  test('four processes at once: no entry is lost, each name is made once (defects-manager F5)', async () => {
    const script = await bundle('test/drivers/dns/processes/worker.ts', 'minidns-worker')
    const starts = [0, 25, 50, 75].map((first) => startChild(script, [folder, 'make', String(first), '25']))
    expect((await Promise.all(starts.map((child) => child.ended))).map(({ output }) => output)).toEqual([
      '',
      '',
      '',
      '',
    ])
    expect(await dns.getEntriesByAddress('10.0.0.2', 'example.org')).toHaveLength(100)
    const again = startChild(script, [folder, 'make', '99', '1'])
    expect(await again.ended).toMatchObject({ code: 1, output: expect.stringContaining('FloatingIpDNSExists') })
  })

  test('killed at any moment it leaves each entry whole or not there', async () => {
    const script = await bundle('test/drivers/dns/processes/worker.ts', 'minidns-worker')
    for (let round = 0; round < 5; round += 1) {
      const child = startChild(script, [folder, 'churn', 'web1'])
      await child.said('ready')
      while ((await dns.getEntriesByName('web1', 'example.org')).length === 0) await new Promise(setImmediate)
      child.process.kill('SIGKILL')
      await child.ended
      for (const address of await dns.getEntriesByName('web1', 'example.org')) {
        expect(['10.0.0.2', '10.0.0.3']).toContain(address)
        await dns.deleteEntry('web1', 'example.org')
      }
      await dns.createEntry('web1', '10.0.0.4', 'A', 'example.org')
      await dns.deleteEntry('web1', 'example.org')
    }
  })
})
