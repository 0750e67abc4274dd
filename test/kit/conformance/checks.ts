/** What is true of everything that a plugin says, whatever it says. */
import assert from 'node:assert/strict'
import {
  type Command,
  type HostResource,
  isAddress,
  isPacketIntent,
  parseCidr,
  type Resource,
  resourceKey,
} from 'netloom/contracts'

/** A value that throws when a plugin changes it. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) frozen(part)
  return Object.freeze(value)
}

/** Pure: the same question has the same answer. @returns the answer */
export function sameTwice<T>(ask: () => T): T {
  const first = ask()
  assert.deepEqual(ask(), first, 'asked twice, it answers differently')
  return first
}

/** Resources of the vocabulary, each a thing of its own, that fit on one line of any tool. @returns those of the host driver */
export function checkResources(resources: readonly Resource[]): readonly HostResource[] {
  const ofHost = resources.filter((resource): resource is HostResource => !isPacketIntent(resource))
  for (const resource of ofHost) checkHostResource(resource)
  const keys = ofHost.map(resourceKey)
  assert.equal(new Set(keys).size, keys.length, `one owner wants a thing twice: ${keys.join(', ')}`)
  for (const resource of resources) {
    if (resource.kind !== 'file') assertOneLine(JSON.stringify(resource).replaceAll('\\n', '\n'), resource.kind)
  }
  return ofHost
}

function checkHostResource(resource: HostResource): void {
  assertOneLine(resourceKey(resource), 'the key of a resource')
  switch (resource.kind) {
    case 'link':
      checkDevice(resource.name)
      if (resource.master !== undefined) checkDevice(resource.master)
      if (resource.peer) checkDevice(resource.peer.name)
      break
    case 'address':
      checkDevice(resource.device)
      parseCidr(resource.cidr)
      assert.ok(isAddress(resource.cidr.split('/')[0] ?? ''), `${resource.cidr} is no address with a prefix length`)
      break
    case 'sysctl':
      assert.match(resource.key, /^[A-Za-z0-9_.:/-]+$/, 'the name of a setting')
      assert.match(resource.module ?? 'none', /^[A-Za-z0-9_-]+$/, 'the name of a module')
      break
    case 'file':
      assert.match(resource.path, /^\//, 'the path of a file is absolute')
      assert.ok(!resource.path.split('/').includes('..'), `${resource.path} leaves its folder`)
      break
    case 'port-vlan':
      checkDevice(resource.device)
      assert.ok(resource.vlanId >= 1 && resource.vlanId <= 4094, `${resource.vlanId} is no id of a VLAN`)
      break
    case 'ovs-port':
      checkDevice(resource.name)
      checkDevice(resource.bridge)
      for (const word of Object.entries(resource.externalIds).flat())
        assert.match(word, /^[\x20-\x7e]+$/, 'an id of a port')
      break
    case 'ovs-flow':
      checkDevice(resource.bridge)
      for (const field of resource.match) assert.match(field, /^[a-z][a-z0-9_]*(=[^\s,]+)?$/, 'a field of a flow')
      break
    case 'daemon':
      assert.match(resource.pidFile, /^\//, 'the path of a pid file is absolute')
      checkArgv(resource.argv)
  }
}

/** Linux has room for 15 bytes. */
export function checkDevice(name: string): void {
  assert.match(name, /^[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,14}$/, `${JSON.stringify(name)} cannot be the name of a device`)
}

export function checkCommands(commands: readonly Command[]): void {
  for (const { argv } of commands) checkArgv(argv)
}

/** Words for a program: no shell, and no word that is two. */
function checkArgv(argv: readonly string[]): void {
  assert.ok((argv[0] ?? '') !== '', 'a command names its program')
  assert.ok(!/(^|\/)(sh|bash|dash)$/.test(argv[0] ?? ''), 'a command is no line for a shell')
  for (const word of argv) assertOneLine(word, 'a word of a command')
}

function assertOneLine(text: string, what: string): void {
  assert.ok(!/[\n\r\0]/.test(text), `${what} has a line end in it: ${JSON.stringify(text)}`)
}

/**
 * How many lines, fields and words each text has: a name may change what stands in them, never how many there are.
 * @returns null when the name was refused
 */
export function shapeOf(say: () => readonly Resource[]): unknown {
  let resources: readonly Resource[]
  try {
    resources = say()
  } catch {
    return null
  }
  const texts = resources.map((resource) =>
    resource.kind === 'file' ? [resource.content] : resource.kind === 'daemon' ? resource.argv : [],
  )
  return texts.map((all) => all.map((text) => ['\n', '\r', '\0', ',', ' ', '='].map((mark) => text.split(mark).length)))
}

/** Names that would do harm where they are pasted into a file, a line of a batch or a shell. */
export const HOSTILE_NAMES: readonly string[] = [
  'x\n--dhcp-script=/tmp/x',
  'x\rfa:16:3e:00:00:99,evil,10.0.0.9',
  'x,set:evil',
  'x evil',
  '$(reboot)',
  '`reboot`',
  '; reboot',
  '../../etc/passwd',
  'x\0y',
  '=x',
]
