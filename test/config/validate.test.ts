import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Option, option } from '../../config/option.ts'
import { type Declarer, gather, slotOptions } from '../../config/registry.ts'
import { parseCommandLine, parseConfigText, parseEnvironment } from '../../config/sources.ts'
import { hasErrors, validate } from '../../config/validate.ts'
import { coreOptions } from '../../core/plugin-system/core-options.ts'
import { slots } from '../../core/plugin-system/slots.ts'

const facts = {
  hostname: 'node1',
  primary_address: '192.0.2.1',
  default_state_path: '/var/lib/netloom',
  default_run_path: '$state_path/run',
}
const core: Declarer = { name: 'core', options: coreOptions }
const vlan: Declarer = {
  name: 'vlan',
  options: {
    vlan_start: option.integer({ default: 100, min: 1, max: 4094, help: '' }),
    vpn_ip: option.address({ default: '$my_ip', help: '' }),
    vlan_interface: option.optionalDevice({ help: '', deprecatedNames: ['vlan_device'] }),
  },
}
const store: Declarer = {
  name: 'store',
  options: {
    sql_connection: option.text({ default: 'sqlite:///$state_path/db', help: '', secret: true }),
    dns_server: option.list({ default: ['$my_ip', '8.8.8.8'], help: '' }),
  },
}

interface Given {
  files?: readonly string[]
  environment?: Record<string, string>
  line?: readonly string[]
  selected?: readonly Declarer[]
  known?: readonly Declarer[]
  unknown?: 'report' | 'ignore'
}

function run({ files = [], environment = {}, line = [], selected = [core, vlan, store], known = [], unknown }: Given) {
  const settings = [
    ...files.map((text, i) => parseConfigText(text, `f${i + 1}`)),
    parseEnvironment(environment),
    parseCommandLine(line),
  ]
  const input = { registry: gather(selected), known: gather(known), settings, facts }
  return validate(unknown ? { ...input, unknown } : input)
}

const one = (name: string, declared: Option<unknown>): Declarer => ({ name, options: { [name]: declared } })
const words = (given: Given) =>
  run(given).problems.map((p) => `${p.level} ${p.flag}: ${p.message} (${p.file}${p.line === null ? '' : `:${p.line}`})`)

describe('precedence', () => {
  test.each<[string, Given, unknown, string]>([
    ['a default', {}, 256, 'default'],
    ['a file over the default', { files: ['network_size = 8'] }, 8, 'f1:1'],
    ['a later file over an earlier one', { files: ['network_size = 8', '\n--network_size=16'] }, 16, 'f2:2'],
    ['the last of repeated values', { files: ['network_size = 8\nnetwork_size = 32'] }, 32, 'f1:2'],
    [
      'the environment over files',
      { files: ['network_size = 8'], environment: { NETLOOM_NETWORK_SIZE: '64' } },
      64,
      'environment',
    ],
    [
      'the command line over all',
      { environment: { NETLOOM_NETWORK_SIZE: '64' }, line: ['--network-size=128'] },
      128,
      'command line',
    ],
    ['a good value over a bad one', { files: ['network_size = x'], line: ['--network-size=128'] }, 128, 'command line'],
  ])('%s', (_, given, value, origin) => {
    const { values, effective, problems } = run(given)
    expect(values.network_size).toBe(value)
    expect(effective.network_size).toEqual({ value, origin })
    expect(problems).toEqual([])
  })

  test('lists: repeated keys of one source, never of two', () => {
    const dns = (given: Given) => run(given).values.dns_server
    expect(dns({ files: ['dns_server = 1.1.1.1, 2.2.2.2\ndns_server = 3.3.3.3'] })).toEqual([
      '1.1.1.1',
      '2.2.2.2',
      '3.3.3.3',
    ])
    expect(dns({ files: ['dns_server = 1.1.1.1'], environment: { NETLOOM_DNS_SERVER: '4.4.4.4' } })).toEqual([
      '4.4.4.4',
    ])
  })

  test('booleans may stand alone in flagfiles and on the command line', () => {
    const { values } = run({
      files: ['--use_ipv6\n--noforce_dhcp_release'],
      line: ['--multi-host', '--no-auto-assign-floating-ip'],
    })
    expect(values).toMatchObject({
      use_ipv6: true,
      force_dhcp_release: false,
      multi_host: true,
      auto_assign_floating_ip: false,
    })
    expect(words({ files: ['--host\n--nohost\n--noverbose\n--verbose'] })).toEqual([
      'error host: needs a value: write --flag=value (f1:1)',
      'warning nohost: there is no such flag (f1:2)',
    ])
  })
})

describe('references', () => {
  test('defaults and values follow other flags and facts', () => {
    const { values, problems } = run({
      files: ['state_path = /s\nmy_ip = 10.0.0.9\ndhcp_domain = ${host}.$network_size'],
    })
    expect(values).toMatchObject({
      ...{ host: 'node1', run_path: '/s/run', networks_path: '/s/networks/node1', sql_connection: 'sqlite:////s/db' },
      ...{ vpn_ip: '10.0.0.9', dns_server: ['10.0.0.9', '8.8.8.8'], dhcp_domain: 'node1.256' },
    })
    expect(problems).toEqual([])
  })

  test('a flag that is set but that nobody declares may be referred to, as nova.conf does', () => {
    expect(run({ files: ['bindir = /opt\nstate_path = $bindir/state'] }).values.state_path).toBe('/opt/state')
  })

  test('a cycle is one problem, through facts too', () => {
    expect(words({ files: ['host = $dhcp_domain\ndhcp_domain = x$host'] })).toEqual([
      'error host: must not refer to itself: $dhcp_domain -> $host -> $dhcp_domain (f1:1)',
    ])
    expect(words({ files: ['state_path = $default_run_path'] })).toEqual([
      'error state_path: must not refer to itself: $state_path -> $default_run_path -> $state_path (f1:1)',
    ])
    expect(words({ files: ['aa_x = $aa_x\nhost = $aa_x'] })).toContain(
      'error host: must not refer to itself: $aa_x -> $aa_x (f1:2)',
    )
  })

  test('what refers to a bad value is not reported beside it', () => {
    const { problems, values } = run({ files: ['my_ip = nowhere'] })
    expect(problems.map(({ flag }) => flag)).toEqual(['my_ip'])
    expect(Object.keys(values)).not.toContain('vpn_ip')
  })

  test('an unknown name and a reference that is no valid value are problems with the text as written', () => {
    expect(words({ files: ['host = $hots\nmy_ip = $host', 'network_size = $dhcp_domain'] })).toEqual([
      'error host: must not refer to $hots: there is no such flag (write $$ for a dollar sign) (f1:1)',
      'error network_size: must be a whole number, not "novalocal" (f2:1)',
    ])
    expect(run({ files: ['network_size = $dhcp_domain'] }).problems[0]?.value).toBe('$dhcp_domain')
  })

  test('long chains and texts that double end quickly', () => {
    const chain = Array.from({ length: 5000 }, (_, i) => `xx${i} = $xx${i + 1}`)
    expect(words({ files: [`host = $xx0\n${chain.join('\n')}`], unknown: 'ignore' })).toEqual([
      'error host: must not refer through more than 100 others (f1:1)',
    ])
    const double = (end: string) =>
      Array.from({ length: 60 }, (_, i) => `yy${i} = $yy${i + 1}$yy${i + 1}`).join('\n') + end
    expect(words({ files: [`host = $yy0\n${double('\nyy60 = z')}`], unknown: 'ignore' })).toEqual([
      'error host: must not become longer than 64 KiB (f1:1)',
    ])
    const empty = run({ files: [`dhcp_domain = $yy0\n${double('\nyy60 =')}`], unknown: 'ignore' })
    expect(empty.values.dhcp_domain).toBe('')
  })
})

describe('problems', () => {
  test('all are found in one run, each with its place (lessons H1)', () => {
    const given = {
      files: ['[DEFAULT]\nnetwork_size = 2\nnonsense\nnetwork_manger = vlan\n', 'use_ipv6 = maybe'],
      environment: { NETLOOM_VLAN_START: '5000', NETLOOM_HOTS: 'x' },
      line: ['--my_ip=10.0.0.300', '--colour=red'],
      selected: [{ name: 'slots', options: slotOptions(slots) }, core, vlan],
    }
    expect(words(given)).toEqual([
      'error config_file: the line must look like `flag = value` (f1:3)',
      'warning network_manger: there is no such flag; did you mean network_manager? (f1:4)',
      'warning hots: there is no such flag; did you mean host? (environment)',
      'error colour: there is no such flag (command line)',
      'error my_ip: must be an IP address, not "10.0.0.300" (command line)',
      `error network_size: must be a whole number in 4..${Number.MAX_SAFE_INTEGER}, not "2" (f1:2)`,
      'error use_ipv6: must be true or false, not "maybe" (f2:1)',
      'error vlan_start: must be a whole number in 1..4094, not "5000" (environment)',
    ])
  })

  test('an unknown name is named once, and its value is never shown: it may be a password', () => {
    const { problems } = run({ files: ['sql_conection = hunter2\nsql_conection = x', 'sql_conection = y'] })
    expect(problems).toEqual([
      {
        level: 'warning',
        flag: 'sql_conection',
        value: null,
        file: 'f1',
        line: 1,
        message: 'there is no such flag; did you mean sql_connection?',
      },
    ])
  })

  test('an old name works and is named', () => {
    const given = { files: ['vlan_device = eth1'] }
    expect(run(given).values.vlan_interface).toBe('eth1')
    expect(words(given)).toEqual(['warning vlan_device: is an old name: write vlan_interface (f1:1)'])
  })

  test('flags of the other services of a nova.conf are passed over, in files only', () => {
    const nova = `[DEFAULT]
verbose = True
logdir = /var/log/nova
lock_path = /var/lock/nova
root_helper = sudo nova-rootwrap /etc/nova/rootwrap.conf
dhcpbridge_flagfile = /etc/nova/nova.conf
dhcpbridge = /usr/bin/nova-dhcpbridge
network_manager = nova.network.manager.FlatDHCPManager
flat_network_dns = 8.8.8.8
my_ip = 10.0.0.1
glance_api_servers = 10.0.0.1:9292
image_service = nova.image.glance.GlanceImageService
rabbit_host = 10.0.0.1
rabbit_password = a#b;c$d
osapi_compute_listen = 0.0.0.0
api_paste_config = /etc/nova/api-paste.ini
auth_strategy = keystone
libvirt_type = kvm
compute_driver = libvirt.LibvirtDriver
scheduler_driver = nova.scheduler.simple.SimpleScheduler
ec2_private_dns_show_ip = True
s3_host = 10.0.0.1
vncserver_listen = 0.0.0.0
quota_instances = 10
sql_connection = mysql://nova:p;w#d@10.0.0.1/nova
[keystone_authtoken]
host = not.ours
`
    const given = { files: [nova], selected: [{ name: 'slots', options: slotOptions(slots) }, core, store] }
    expect(words(given)).toEqual([])
    expect(run(given).values).toMatchObject({
      ...{ host: 'node1', my_ip: '10.0.0.1', sql_connection: 'mysql://nova:p;w#d@10.0.0.1/nova' },
      network_manager: 'nova.network.manager.FlatDHCPManager',
    })
    expect(words({ environment: { NETLOOM_VERBOSE: '1' }, line: ['--verbose'] })).toEqual([
      'warning verbose: there is no such flag (environment)',
      'error verbose: there is no such flag (command line)',
    ])
  })

  test('a misspelled flag of ours is named though it looks like one of another service', () => {
    const quota = one('quota_floating_ips', option.integer({ default: 10, help: '' }))
    expect(words({ files: ['quota_floating_ip = 3\nquota_cores = 2'], selected: [quota] })).toEqual([
      'warning quota_floating_ip: there is no such flag; did you mean quota_floating_ips? (f1:1)',
    ])
  })

  test('declarers judge their flags together, when each is valid', () => {
    const check = ({ vlan_start }: Record<string, unknown>) => (Number(vlan_start) > 200 ? ['is too high'] : [])
    const judged: Declarer = { ...vlan, check }
    expect(words({ selected: [core, judged], line: ['--vlan_start=201'] })).toEqual(['error vlan: is too high (null)'])
    expect(words({ selected: [core, judged], line: ['--vlan_start=200'] })).toEqual([])
    expect(words({ selected: [core, judged], line: ['--vlan_start=201', '--vpn_ip=x'] })).toHaveLength(1)
    const broken: Declarer = {
      ...vlan,
      check: () => {
        throw new Error('oops')
      },
    }
    expect(words({ selected: [core, broken] })).toEqual(['error vlan: its check of the flags failed: oops (null)'])
  })

  test('a check sees only the flags that its plugin declares', () => {
    let seen: unknown
    const check = (flags: object) => {
      seen = Object.keys(flags)
      return []
    }
    run({ selected: [core, { ...store, check }] })
    expect(seen).toEqual(['sql_connection', 'dns_server'])
  })
})

test('flags of plugins that are not selected are checked and shown, but handed to nobody', () => {
  const given = { selected: [core], known: [vlan], files: ['vlan_start = 0\nvlan_interface = eth1'] }
  const { values, effective, problems } = run(given)
  expect(Object.keys(values)).toEqual(Object.keys(coreOptions).sort())
  expect(effective.vlan_interface).toEqual({ value: 'eth1', origin: 'f1:2' })
  expect(effective.vlan_start).toEqual({ value: '0', origin: 'f1:1' })
  expect(problems.map(({ flag }) => flag)).toEqual(['vlan_start'])
})

test("where only some flags are read, the others are another reader's", () => {
  expect(words({ files: ['hots = 1'], line: ['--colour=red'], unknown: 'ignore' })).toEqual([])
})

describe('secrets', () => {
  const shown = (given: Given) => JSON.stringify([run(given).problems, run(given).effective])

  test('are masked, valid or not, and so is what is made from them', () => {
    const pin = one('pin', { ...option.integer({ default: 1, help: '', secret: true }) })
    expect(shown({ files: ['sql_connection = mysql://u:hunter2@h/d\nhost = $sql_connection'] })).not.toContain(
      'hunter2',
    )
    expect(run({ selected: [pin], files: ['pin = hunter2'] })).toMatchObject({
      effective: { pin: { value: '***', origin: 'f1:1' } },
      problems: [{ flag: 'pin', value: '***', message: 'must be a whole number' }],
    })
    const talkative: Option<string> = {
      ...option.text({ default: '', help: '', secret: true }),
      parse: ([text]) => {
        throw new TypeError(`must not be ${text}`)
      },
    }
    expect(words({ selected: [one('pin', talkative)], line: ['--pin=hunter2'] })).toEqual([
      'error pin: must not be *** (command line)',
    ])
    expect(shown({ files: ['my_ip = $sql_connection\nsql_connection = hunter2'] })).not.toContain('hunter2')
  })

  test('may hold a dollar sign', () => {
    const url = (text: string) => run({ files: [`sql_connection = ${text}`] }).values.sql_connection
    expect(url('mysql://u:pa$word5$@h/d')).toBe('mysql://u:pa$word5$@h/d')
    expect(url('sqlite:///$state_path/x')).toBe('sqlite:////var/lib/netloom/x')
    expect(url('mysql://u:a$$host@h/d')).toBe('mysql://u:a$host@h/d')
  })
})

test('values cannot be changed, lists neither (defects-linux-net D8)', () => {
  const { values } = run({})
  expect(() => Object.assign(values, { host: 'x' })).toThrow(TypeError)
  expect(() => (values.dns_server as string[]).push('9.9.9.9')).toThrow(TypeError)
})

test('names of object members are flags like any other', () => {
  const { values, problems } = run({ files: ['__proto__ = 1\nconstructor = 2\nhost = $constructor$toString'] })
  expect(problems.filter(({ level }) => level === 'warning').map(({ flag }) => flag)).toEqual([
    '__proto__',
    'constructor',
  ])
  expect(problems.at(-1)?.message).toContain('must not refer to $toString')
  expect(Object.getPrototypeOf(values)).toBe(Object.prototype)
})

test('no text in any flag makes it throw, and a flag has a value or a problem', () => {
  const flags = Object.keys({ ...core.options, ...vlan.options, ...store.options })
  const text = fc.oneof(fc.string(), fc.constantFrom('$host', '${my_ip}', '$state_path/$$', '1', '10.0.0.1', 'yes', ''))
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...flags), text), { maxLength: 8 }), (pairs) => {
      const { values, problems } = run({ line: pairs.map(([flag, value]) => `--${flag}=${value}`) })
      expect(hasErrors(problems)).toBe(flags.some((flag) => !Object.hasOwn(values, flag)))
    }),
  )
})
