/** What is refused on a real host: by the built command and the built service, with nothing changed. */
import { appendFile, mkdtemp, readdir, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { allocateGuest } from './cloud/guests.ts'
import { dumpCloud } from './cloud/host-dump.ts'
import { isRoot, TestCloud } from './cloud/test-cloud.ts'

const UNKNOWN = '1b4e28ba-2fa1-41d2-883f-0016d3cca427'
const PLUGIN = fileURLToPath(new URL('../fixtures/plugins/quiet-dhcp.mjs', import.meta.url))

describe.skipIf(!isRoot)('a service on a real host', () => {
  it('refuses each of these in one clear line, and changes neither rows nor host (defects-linux-net E17)', async () => {
    const cloud = await TestCloud.start()
    onTestFinished(() => cloud.remove())
    const api = await cloud.client()
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    const guest = await allocateGuest(cloud, api, 'guest1')
    const waiting = await api.allocateForInstance({ instance_uuid: UNKNOWN.replace('1', '2'), project_id: 'demo' })
    await api.createFloatingIps({ range: '203.0.113.65' })
    await api.createFloatingIps({ range: '203.0.113.66', pool: 'lost', interface: 'nope0' })
    for (const pool of ['nova', 'lost']) await api.allocateFloatingIp({ project_id: 'demo', pool })
    expect(waiting).toHaveLength(1)
    const cases: readonly (readonly [status: number, code: string, part: string, words: readonly string[]])[] = [
      [2, 'InvalidCidr', '10.0.0.300/24', ['network', 'create', 'x', '10.0.0.300/24']],
      [4, 'CidrConflict', 'network private', ['network', 'create', 'x', '10.0.0.0/25', '--bridge', 'br7']],
      [2, 'InvalidInput', '1 to 15', ['network', 'create', 'x', '10.9.0.0/24', '--bridge', 'a-bridge-of-19-char']],
      [3, 'FloatingIpPoolNotFound', 'nowhere', ['floating', 'allocate', '--project', 'p', '--pool', 'nowhere']],
      [4, 'Forbidden', 'project other', ['--as-project=other', 'floating', 'associate', '203.0.113.65', guest.address]],
      [4, 'FixedIpNotAllocated', '10.0.0.77', ['floating', 'associate', '203.0.113.65', '10.0.0.77']],
      [3, 'NoFloatingIpInterface', 'nope0', ['floating', 'associate', '203.0.113.66', guest.address]],
      [3, 'InstanceNotFound', UNKNOWN, ['instance', 'show', UNKNOWN]],
      [2, 'InvalidInput', 'hostname', ['instance', 'allocate', UNKNOWN, '--project', 'p', '--hostname', 'a\nb']],
      [2, 'InvalidInput', 'hostname', ['instance', 'allocate', UNKNOWN, '--project', 'p', '--hostname', '$(reboot)']],
      [3, 'NamespaceNotFound', 'gone', ['instance', 'attach', UNKNOWN.replace('1', '2'), '--netns', 'gone']],
      [6, 'ConfigInvalid', 'rpc_response_timeout', ['--rpc_response_timeout=soon', 'network', 'list']],
      [5, 'ServiceUnavailable', 'netloom serve', [`--run_path=${cloud.folder}/none`, 'network', 'list']],
      [4, 'ServiceAlreadyRunning', 'node1', ['serve']],
    ]
    const before = await dumpCloud(cloud, api)
    for (const [status, code, part, words] of cases) {
      const plain = await cloud.command(...words)
      const json = await cloud.command('--json', ...words)
      expect.soft({ status: plain.status, words }).toEqual({ status, words })
      expect.soft(plain.stderr).toContain(part)
      expect.soft(JSON.parse(json.stderr)).toMatchObject({ error: { code, message: expect.stringContaining(part) } })
      expect.soft([plain.stdout, json.stdout, json.status]).toEqual(['', '', status])
    }
    expect(await dumpCloud(cloud, api)).toEqual(before)
    expect((await cloud.command('plan')).status).toBe(0)
  })

  it('does not start with what it cannot use, and leaves no trace', async () => {
    const cloud = await TestCloud.built({ guests: [] })
    onTestFinished(() => cloud.remove())
    const long = join(cloud.folder, 'x'.repeat(100))
    const cases: readonly (readonly [status: number, part: string, flags: readonly string[]])[] = [
      [6, 'no such plugin', ['--dhcp_driver=dnsmask']],
      [6, 'written for contract dhcp_driver 2.0', [`--dhcp_driver=${PLUGIN}#tomorrow`]],
      [6, 'reconcile_interval', ['--reconcile_interval=soon']],
      [6, 'run_path', [`--run_path=${long}`]],
      [6, 'sql_connection', [`--sql_connection=sqlite:////proc/facts.sqlite`]],
    ]
    for (const [status, part, flags] of cases) {
      const { status: ended, stderr, stdout } = await cloud.command(...flags, 'serve')
      expect.soft({ ended, flags }).toEqual({ ended: status, flags })
      expect.soft(stderr).toContain(part)
      expect.soft(stdout).toBe('')
    }
    expect(await readdir(join(cloud.folder, 'state')).catch(() => [])).toEqual([])
  })

  it('asks for the flag without which a FlatDHCP network has no bridge', async () => {
    const cloud = await TestCloud.start({ guests: [], flags: ['--flat_network_bridge=', '--host_driver=noop'] })
    onTestFinished(() => cloud.remove())
    const { status, stderr } = await cloud.command('network', 'create', 'private', '10.0.0.0/24')
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('flat_network_bridge') })
  })

  it('names the programs that are missing, with their packages', async () => {
    const cloud = await TestCloud.built({ guests: [] })
    onTestFinished(() => cloud.remove())
    const { settings } = cloud.host
    const files = settings.configFiles.flatMap((file) => ['--config-file', file])
    const service = [process.execPath, cloud.program, ...settings.commandLine, ...files, 'serve']
    // In a mount namespace of its own the program is no program.
    const hidden = 'mount --bind /dev/null "$(command -v dnsmasq)" && exec "$@"'
    const ended = await cloud.namespaces
      .inside('node1', 'unshare', '-m', 'sh', '-c', hidden, 'sh', ...service)
      .catch((error: { details: { code: number; stderr: string } }) => error.details)
    expect(ended).toMatchObject({ code: 6, stderr: expect.stringContaining('apt-get install dnsmasq-base') })
  })
})

/** Writes until nothing more goes in. @returns the file to remove */
async function fill(folder: string): Promise<string> {
  const file = join(folder, 'filler')
  for (;;) {
    const full = await appendFile(file, Buffer.alloc(4096)).then(
      () => false,
      () => true,
    )
    if (full) return file
  }
}

describe.skipIf(!isRoot)('a disk of the service', () => {
  const allocate = ['instance', 'allocate', UNKNOWN, '--project', 'demo', '--mac', 'fa:16:3e:00:00:05'] as const
  let disk: string

  /** A cloud with a small disk of its own. @param flag leads to `DISK` */
  async function build(flag: string): Promise<TestCloud> {
    disk = await mkdtemp(join(tmpdir(), 'netloom-disk-'))
    const cloud = await TestCloud.built({ guests: [], flags: [flag.replace('DISK', disk)] })
    await cloud.namespaces.run('mount', '-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk)
    onTestFinished(async () => {
      await cloud.remove()
      await cloud.namespaces.run('umount', disk)
      await rmdir(disk)
    })
    return cloud
  }

  /** An allocation that is refused as the disk is full, and goes well when it is not. */
  async function expectUndone(cloud: TestCloud, part: string): Promise<void> {
    await cloud.host.start()
    const api = await cloud.client()
    await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    await api.allocateForInstance({ instance_uuid: UNKNOWN.replace('1', '2'), project_id: 'demo' })
    const before = await dumpCloud(cloud, api)
    const filler = await fill(disk)
    const { status, stderr } = await cloud.command(...allocate)
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(part) })
    await rm(filler)
    expect(await dumpCloud(cloud, api)).toEqual(before)
    expect((await cloud.command('plan')).status).toBe(0)
    expect((await cloud.command(...allocate)).status).toBe(0)
  }

  it('for DHCP files is full: an allocation is undone, and goes well when there is room again (lessons A3)', async () => {
    await expectUndone(
      await build('--networks_path=DISK'),
      'netloom-br100.hosts/fa-16-3e-00-00-05 cannot be written: ENOSPC',
    )
  })

  it('for facts is full: an allocation is undone, and goes well when there is room again (lessons A3)', async () => {
    await expectUndone(await build('--sql_connection=sqlite:///DISK/facts.sqlite'), 'full')
  })

  it('may not be written: the service does not start and says which flag leads there', async () => {
    const cloud = await build('--state_path=DISK')
    await cloud.namespaces.run('mount', '-o', 'remount,ro', disk)
    const { status, stderr } = await cloud.command('serve')
    expect({ status, stderr }).toEqual({ status: 6, stderr: expect.stringMatching(/sql_connection: .*read-only/) })
  })
})
