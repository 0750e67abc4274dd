import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readClientConfig } from '../../config/client-config.ts'
import type { Machine } from '../../config/host-facts.ts'
import { slotOption } from '../../config/registry.ts'
import { coreOptions } from '../../core/plugin-system/core-options.ts'
import { rpcBackendSlot } from '../../core/plugin-system/slots.ts'

const folder = mkdtempSync(join(tmpdir(), 'netloom-client-'))
afterAll(() => rmSync(folder, { recursive: true }))

const { host, run_path, rpc_response_timeout } = coreOptions
const wanted = { host, run_path, rpc_response_timeout, rpc_backend: slotOption(rpcBackendSlot) }
const machine: Machine = { hostname: 'node1', uid: 0, home: '/root', environment: {}, interfaces: {} }

function read(text: string, commandLine: readonly string[] = []) {
  const file = join(folder, 'netloom.conf')
  writeFileSync(file, text)
  return readClientConfig(
    wanted,
    { configFiles: [file], environment: {}, commandLine },
    { references: coreOptions, machine },
  )
}

test('a client finds the sockets of the service of the same configuration', async () => {
  expect(await read('')).toEqual({
    host: 'node1',
    run_path: '/run/netloom',
    rpc_response_timeout: 60,
    rpc_backend: 'local',
  })
  expect((await read('state_path = /s/$host\nhost = h')).run_path).toBe('/s/h/run')
  expect((await read('run_path = $networks_path/run')).run_path).toBe('/var/lib/netloom/networks/node1/run')
  expect((await read('state_path = /s', ['--state_path=/t'])).run_path).toBe('/t/run')
})

test('flags of others may be wrong or unknown, unless one of ours is made from them', async () => {
  const text = 'network_size = x\nvlan_start = y\nmy_ip = nowhere'
  expect((await read(text, ['--colour=red', '--vlan_start=z'])).host).toBe('node1')
  await expect(read(`${text}\nhost = $my_ip`)).rejects.toMatchObject({
    code: 'ConfigInvalid',
    details: {
      problems: [
        { flag: 'my_ip', line: 3 },
        { flag: 'network_size', line: 1 },
      ],
    },
  })
})

test('bad flags of ours and files that cannot be read are all reported', async () => {
  await expect(read('nonsense\nrpc_response_timeout = 0', ['--host=$nobody'])).rejects.toMatchObject({
    exitStatus: 6,
    details: {
      problems: [{ flag: 'config_file', line: 1 }, { flag: 'host' }, { flag: 'rpc_response_timeout', line: 2 }],
    },
  })
})
