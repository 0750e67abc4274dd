import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { macOf, SimulatedHost, uuidOf } from 'netloom/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { main } from '../../core/bin/program.ts'
import { startService } from '../../core/bin/serve.ts'
import { type Backends, backends } from './backends.ts'
import { type Cloud, makeCloud, refusalOf } from './cloud.ts'

const STRANGER = fileURLToPath(new URL('../fixtures/plugins/quiet-dhcp.mjs', import.meta.url))
const GONE = uuidOf(404)

/** A network of 10.0.0.0/24 with a guest of project demo, which has 203.0.113.1; 203.0.113.2 is another's. */
async function cloudWithGuest(pair: Backends): Promise<Cloud> {
  const cloud = await makeCloud(pair)
  const { api } = cloud
  await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24', bridge: 'br7', uuid: uuidOf(1000) })
  await api.createNetworks({
    label: 'demo',
    cidr: '10.1.0.0/24',
    bridge: 'br8',
    uuid: uuidOf(1001),
    project_id: 'other',
  })
  const { address } = await cloud.guest(1)
  await api.createFloatingIps({ range: '203.0.113.0/29' })
  await api.associateFloatingIp(await api.allocateFloatingIp({ project_id: 'demo' }), address)
  await api.allocateFloatingIp({ project_id: 'other' })
  return cloud
}

/** Runs the command against the cloud. */
async function command(cloud: Cloud, argv: readonly string[]) {
  let stderr = ''
  const status = await main({
    argv: [...cloud.machine.settings.commandLine, '--json', ...argv],
    environment: {},
    stdout: { write: () => true },
    stderr: { write: (text) => (stderr += text) },
  })
  const { error } = JSON.parse(stderr) as { error: { code: string; message: string } }
  return { status, ...error }
}

const allocate = (...words: readonly string[]) => ['instance', 'allocate', GONE, '--project', 'demo', ...words]
const attach = (...words: readonly string[]) => ['instance', 'attach', uuidOf(1), ...words]

const cases: readonly (readonly [status: number, code: string, argv: readonly string[]])[] = [
  [2, 'InvalidCidr', ['network', 'create', 'new', '10.2.0/24']],
  [2, 'InvalidCidr', ['network', 'create', 'new', '10.2.0.0/33']],
  [2, 'InvalidInput', ['network', 'create', 'new', 'fd00::/64']],
  [4, 'CidrConflict', ['network', 'create', 'new', '10.0.0.0/24']],
  [4, 'CidrConflict', ['network', 'create', 'new', '10.0.0.128/25']],
  [2, 'NetworkRangeTooSmall', ['network', 'create', 'new', '10.2.0.0/24', '1', '512', '--bridge=br9']],
  [2, 'InvalidInput', ['network', 'create', 'new', '10.2.0.0/24', '2', '128']],
  [2, 'NetworkRangeTooSmall', ['network', 'create', 'new', '10.2.0.0/31']],
  [2, 'InvalidInput', ['network', 'create', 'new', '10.2.0.0/24', '--bridge=bridge0123456789']],
  [2, 'InvalidInput', ['network', 'create', 'new', '10.2.0.0/24', '--bridge=br;reboot']],
  [4, 'BridgeInUse', ['network', 'create', 'new', '10.2.0.0/24', '--bridge=br7']],
  [2, 'InvalidInput', ['network', 'create', 'a\nb', '10.2.0.0/24']],
  [2, 'InvalidAddress', ['network', 'create', 'new', '10.2.0.0/24', '--gateway=nowhere']],
  [2, 'AddressOutOfRange', ['network', 'create', 'new', '10.2.0.0/24', '--gateway=10.3.0.1']],
  [2, 'InvalidInput', ['network', 'create', 'new', '10.2.0.0/24', '--gateway=10.2.0.255']],
  [2, 'AddressOutOfRange', ['network', 'create', 'new', '10.2.0.0/24', '--fixed_cidr=10.3.0.0/25']],
  [2, 'NetworkNotCreated', ['network', 'create', 'new']],
  [3, 'NetworkNotFoundForUUID', ['network', 'show', GONE]],
  [3, 'NetworkNotFoundForUUID', ['network', 'delete', GONE]],
  [2, 'InvalidUUID', ['network', 'delete', 'private']],
  [4, 'NetworkInUse', ['network', 'delete', uuidOf(1000)]],
  [2, 'InvalidUUID', ['instance', 'allocate', 'web1', '--project', 'demo']],
  [2, 'InvalidInput', allocate('--hostname', 'web1\nfa:16:3e:00:00:99,evil,10.0.0.9')],
  [2, 'InvalidInput', allocate('--hostname', '$(reboot)')],
  [2, 'InvalidInput', allocate('--hostname=--user=root')],
  [2, 'InvalidInput', allocate('--hostname', 'a,b')],
  [2, 'InvalidMacAddress', allocate('--mac', 'fa:16:3e')],
  [4, 'VirtualInterfaceCreateException', allocate('--mac', macOf(1))],
  [3, 'NetworkNotFoundForUUID', allocate('--network', GONE)],
  [3, 'NetworkNotFoundForProject', allocate('--network', uuidOf(1001))],
  [3, 'FixedIpNotFoundForAddress', ['fixed', 'show', '10.9.0.5']],
  [2, 'InvalidIpAddressError', ['fixed', 'show', '10.0.0']],
  [3, 'NetworkNotFoundForUUID', ['fixed', 'list', '--network', GONE]],
  [3, 'NetworkNotFoundForUUID', ['fixed', 'list', '--free', '--network', GONE]],
  [4, 'FixedIpInUse', ['fixed', 'reserve', '10.0.0.2']],
  [4, 'FixedIpInUse', ['fixed', 'reserve', '10.0.0.0/25']],
  [3, 'FixedIpNotFoundForAddress', ['fixed', 'reserve', '10.9.0.0/24']],
  [2, 'AddressOutOfRange', ['fixed', 'reserve', '10.0.0.200-10.0.1.5']],
  [2, 'InvalidInput', ['fixed', 'reserve', '10.0.0.9-10.0.0.8']],
  [2, 'InvalidCidr', ['fixed', 'reserve', '10.0.0.0/33']],
  [2, 'InvalidInput', ['fixed', 'unreserve', '10.0.0.0-10.0.0.1']],
  [2, 'InvalidInput', ['fixed', 'unreserve', '10.0.0.255']],
  [3, 'FixedIpNotFoundForNetwork', allocate('--network', `${uuidOf(1000)}=10.9.0.5`)],
  [4, 'FixedIpReserved', allocate('--network', `${uuidOf(1000)}=10.0.0.1`)],
  [4, 'FixedIpAlreadyInUse', allocate('--network', `${uuidOf(1000)}=10.0.0.2`)],
  [2, 'InvalidIpAddressError', allocate('--network', `${uuidOf(1000)}=10.0.0`)],
  [2, 'InvalidInput', allocate('--vpn')],
  [4, 'InstanceExists', ['instance', 'allocate', uuidOf(1), '--project', 'other']],
  [3, 'InstanceNotFound', ['instance', 'show', GONE]],
  [3, 'InstanceNotFound', ['instance', 'deallocate', GONE]],
  [3, 'InstanceNotFound', ['instance', 'attach', GONE, '--tap', 'vnet1']],
  [2, 'InvalidInput', attach('--netns', '../../etc')],
  [2, 'InvalidInput', attach('--tap', 'a-name-that-is-too-long')],
  [3, 'VirtualInterfaceNotFound', attach('--tap', 'vnet1', '--vif', '3')],
  [2, 'InvalidInput', ['floating', 'create', '203.0.114.0/31']],
  [2, 'InvalidIpAddressError', ['floating', 'create', 'everything']],
  [2, 'InvalidInput', ['floating', 'create', '10.0.0.0/8']],
  [4, 'CidrConflict', ['floating', 'create', '10.0.0.8/29']],
  [4, 'FloatingIpExists', ['floating', 'create', '203.0.113.6']],
  [2, 'InvalidInput', ['floating', 'create', '203.0.114.1', '--pool', 'a b']],
  [4, 'FloatingIpInUse', ['floating', 'delete', '203.0.113.0/29']],
  [3, 'FloatingIpNotFoundForAddress', ['floating', 'delete', '203.0.114.1']],
  [3, 'FloatingIpPoolNotFound', ['floating', 'allocate', '--project', 'demo', '--pool', 'none']],
  [4, 'Forbidden', ['floating', 'associate', '203.0.113.2', '10.0.0.2', '--as-project', 'demo']],
  [4, 'FloatingIpNotAllocated', ['floating', 'associate', '203.0.113.3', '10.0.0.2']],
  [3, 'FixedIpNotFoundForAddress', ['floating', 'associate', '203.0.113.1', '192.168.0.9']],
  [4, 'FixedIpNotAllocated', ['floating', 'associate', '203.0.113.1', '10.0.0.9']],
  [4, 'FloatingIpNotAssociated', ['floating', 'disassociate', '203.0.113.2']],
  [4, 'FloatingIpAssociated', ['floating', 'release', '203.0.113.1']],
  [2, 'InvalidIpAddressError', ['floating', 'release', '203.0.113']],
]

describe.each(backends)('bad input on $name', (pair) => {
  test('each gets its error and its exit status, and changes nothing (defects-manager C2)', async () => {
    const cloud = await cloudWithGuest(pair)
    const before = { rows: await cloud.rows(), look: await cloud.host.look(), run: cloud.host.operationsRun.length }
    for (const [status, code, argv] of cases) {
      const refusal = await command(cloud, argv)
      expect.soft([refusal.status, refusal.code, argv]).toEqual([status, code, argv])
      expect(await cloud.rows(), argv.join(' ')).toEqual(before.rows)
    }
    expect(await cloud.host.look()).toEqual(before.look)
    expect(cloud.host.operationsRun).toHaveLength(before.run)
    await cloud.expectInLine()
  })

  test('no service running: 5, and how to start one', async () => {
    const cloud = await makeCloud(pair)
    await cloud.machine.stop()
    const refusal = await command(cloud, ['network', 'list'])
    expect(refusal).toMatchObject({ status: 5, code: 'ServiceUnavailable' })
    expect(refusal.message).toContain('netloom serve')
  })

  test('a second service of the same host on the same state: 4, and the first goes on', async () => {
    const cloud = await makeCloud(pair)
    const hostDriver = new SimulatedHost()
    const refusal = await refusalOf(startService(cloud.machine.settings, { hostDriver }))
    expect(refusal).toMatchObject({ code: 'ServiceAlreadyRunning', status: 4 })
    expect(hostDriver.processes).toBe(0)
    expect(await cloud.api.listHosts()).toMatchObject([{ host: 'host1', state: 'up' }])
  })

  test.each([
    ['a flag with a wrong value', '--network_size=many', 'ConfigInvalid'],
    ['a bridge with a name that is too long', '--flat_network_bridge=bridge0123456789', 'ConfigInvalid'],
    ['an unknown plugin', '--dhcp_driver=isc', 'PluginNotFound'],
    ['a plugin of a contract to come', `--dhcp_driver=${STRANGER}#tomorrow`, 'PluginContractMismatch'],
    ['a plugin of a contract long gone', `--dhcp_driver=${STRANGER}#yesterday`, 'PluginContractMismatch'],
    ['a file that is no plugin', `--dhcp_driver=${STRANGER}#handmade`, 'PluginInvalid'],
    ['a plugin without a method', `--dhcp_driver=${STRANGER}#halfDone`, 'PluginInvalid'],
  ])('%s: no start, 6, nothing touched', async (_what, flag, code) => {
    const cloud = await makeCloud(pair)
    const { settings, host } = cloud.machine
    const rows = await cloud.rows()
    await cloud.machine.stop()
    const processes = host.processes
    const start = startService({ ...settings, commandLine: [...settings.commandLine, flag] }, { hostDriver: host })
    expect(await refusalOf(start)).toMatchObject({ code, status: 6 })
    expect(host.processes).toBe(processes)
    await cloud.machine.start()
    expect(await cloud.rows()).toEqual(rows)
  })

  test('a program that the host lacks: no start, 6, and the package that has it', async () => {
    const cloud = await makeCloud(pair)
    await cloud.machine.stop()
    class BareHost extends SimulatedHost {
      override missingPrograms(): readonly string[] {
        return ['dnsmasq']
      }
    }
    const hostDriver = new BareHost()
    const refusal = await refusalOf(startService(cloud.machine.settings, { hostDriver }))
    expect(refusal).toMatchObject({ code: 'ProgramsMissing', status: 6 })
    expect(refusal.message).toContain('apt-get install dnsmasq-base')
    expect(hostDriver.processes).toBe(0)
  })

  test("a stranger's plugin is chosen by the path of its file, with flags of its own", async () => {
    const cloud = await makeCloud(pair, { flags: [`--dhcp_driver=${STRANGER}`, '--quiet_dhcp_path=/quiet'] })
    await cloud.api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    const { address, mac } = await cloud.guest(1)
    expect(await cloud.host.resource(join('file /quiet', `quiet-${address}`))).toMatchObject({ content: `${mac}\n` })
    await cloud.expectInLine()
    onTestFinished(() => expect(cloud.machine.log.messages('error')).toEqual([]))
  })
})
