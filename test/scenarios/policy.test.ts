import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { uuidOf } from 'netloom/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openClient } from '../../core/bin/client.ts'
import { main } from '../../core/bin/program.ts'
import { backends } from './backends.ts'
import { type Cloud, makeCloud, refusalOf } from './cloud.ts'

/** A policy file that goes with the test. */
async function policyFile(rules: object | string) {
  const folder = await mkdtemp(join(tmpdir(), 'netloom-policy-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'policy.json')
  const write = (text: object | string) => writeFile(path, typeof text === 'string' ? text : JSON.stringify(text))
  await write(rules)
  return { path, write, flags: [`--policy_file=${path}`] }
}

/** A tenant with roles. */
async function tenant(cloud: Cloud, roles: readonly string[]) {
  const client = await openClient({ settings: cloud.machine.settings, asProject: 'mine', roles })
  onTestFinished(() => client.close())
  return client.api
}

describe.each(backends)('a policy on $name', (pair) => {
  test('is asked before anything is done, and gives roles what they would not have', async () => {
    const { flags } = await policyFile({
      'network:allocate_floating_ip': 'role:public',
      'network:get_dhcp_leases': 'rule:admin_api or role:watcher',
      'network:get_all_networks': '!',
    })
    const cloud = await makeCloud(pair, { flags })
    await cloud.api.createNetworks({ label: 'p', cidr: '10.0.0.0/24' })
    await cloud.api.createFloatingIps({ range: '203.0.113.0/28' })
    const [plain, privileged] = [await tenant(cloud, []), await tenant(cloud, ['Public', 'watcher'])]
    const before = await cloud.api.listFloatingIps()
    expect(await refusalOf(plain.allocateFloatingIp({ project_id: 'mine' }))).toEqual({
      code: 'PolicyNotAuthorized',
      status: 4,
      message: expect.stringContaining('network:allocate_floating_ip'),
    })
    expect(await cloud.api.listFloatingIps()).toEqual(before)
    expect(await refusalOf(plain.getDhcpLeases())).toMatchObject({ code: 'PolicyNotAuthorized' })
    expect(await refusalOf(plain.listHosts())).toMatchObject({ code: 'AdminRequired' })
    expect(await refusalOf(cloud.api.getAllNetworks())).toMatchObject({ code: 'PolicyNotAuthorized' })
    expect(await privileged.allocateFloatingIp({ project_id: 'mine' })).toBe('203.0.113.1')
    expect(await privileged.getDhcpLeases()).toEqual([])
    // What no rule speaks of is as ever.
    await plain.allocateForInstance({ instance_uuid: uuidOf(1), project_id: 'mine' })
    // Whose it is, is looked up all the same.
    expect(await refusalOf(privileged.allocateFloatingIp({ project_id: 'theirs' }))).toMatchObject({
      code: 'Forbidden',
    })
  })

  test('is read again when its file changed; a broken one is told and changes nothing', async () => {
    const file = await policyFile({ 'network:list_instances': '!' })
    const cloud = await makeCloud(pair, { flags: file.flags })
    const mine = await tenant(cloud, [])
    const isRefused = () =>
      mine.listInstances().then(
        () => false,
        (error: { code: string }) => error.code === 'PolicyNotAuthorized',
      )
    expect(await isRefused()).toBe(true)
    await file.write({})
    expect(await isRefused()).toBe(true)
    await cloud.machine.catchUp()
    expect(await isRefused()).toBe(false)
    await file.write('{"network:list_instances": "nonsense"}')
    await cloud.machine.catchUp()
    await cloud.machine.catchUp()
    expect(await isRefused()).toBe(false)
    await rm(file.path)
    await cloud.machine.catchUp()
    expect(await isRefused()).toBe(false)
    expect(cloud.machine.log.messages('error')).toEqual(Array(2).fill('the policy was not changed: its file is broken'))
    await file.write({ 'network:list_instances': '!' })
    await cloud.machine.catchUp()
    expect(await isRefused()).toBe(true)
  })

  test('that is broken keeps the service from starting, and config check finds it', async () => {
    const { path, flags } = await policyFile('{\n  "network:list_instances": "role:admin or (role:x"\n}')
    const message = 'rule network:list_instances: at character 15: "(" without ")"'
    expect(await refusalOf(makeCloud(pair, { flags }))).toMatchObject({
      code: 'ConfigInvalid',
      status: 6,
      message: expect.stringContaining(`policy_file: ${message} (${path}:2)`),
    })
    let stdout = ''
    const status = await main({
      argv: [...flags, '--host=h', 'config', 'check', '--json'],
      environment: {},
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: () => {} },
    })
    expect([status, JSON.parse(stdout)]).toEqual([
      6,
      {
        ok: false,
        problems: expect.arrayContaining([
          { level: 'error', flag: 'policy_file', value: null, file: path, line: 2, message },
        ]),
      },
    ])
    const missing = await refusalOf(makeCloud(pair, { flags: [`--policy_file=${path}.not`] }))
    expect(missing).toMatchObject({ code: 'ConfigInvalid', message: expect.stringContaining(`${path}.not`) })
  })
})
