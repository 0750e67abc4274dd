import type { Json, JsonObject } from 'netloom/contracts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CommandBench, makeCommandBench } from './command-bench.ts'
import {
  attachment,
  event,
  fixedIp,
  floating,
  freeRange,
  host,
  INSTANCE,
  instance,
  lease,
  network,
  networkInfo,
  span,
  UUID,
} from './samples.ts'

let bench: CommandBench
beforeAll(async () => {
  bench = await makeCommandBench('node1', 'node2')
})
afterAll(() => bench.end())

const lines = (...texts: readonly string[]) => texts.map((text) => `${text}\n`).join('')

interface Case {
  readonly line: string
  readonly answers?: Readonly<Record<string, Json>>
  /** Method and arguments of each call that is made. */
  readonly calls: readonly (readonly [method: string, args: JsonObject])[]
  readonly stdout?: string
  readonly stderr?: string
  readonly status?: number
}

const cases: readonly Case[] = [
  {
    line: 'network create demo 10.0.0.0/24 1 256',
    answers: { create_networks: [network] },
    calls: [['create_networks', { label: 'demo', cidr: '10.0.0.0/24', num_networks: 1, network_size: 256 }]],
    stdout: lines(
      'UUID                                  LABEL  CIDR         CIDR_V6  VLAN  BRIDGE  PROJECT  HOST',
      `${UUID}  demo   10.0.0.0/24  -         100  br100   -        node1`,
    ),
  },
  {
    line: 'network create 10.0.0.0/8 3 16',
    calls: [['create_networks', { label: 'private', cidr: '10.0.0.0/8', num_networks: 3, network_size: 16 }]],
    answers: { create_networks: [] },
    stderr: 'no network was made\n',
  },
  {
    line: 'network create 10.0.0.0/8 --label other',
    calls: [['create_networks', { label: 'other', cidr: '10.0.0.0/8' }]],
    answers: { create_networks: [] },
    stderr: 'no network was made\n',
  },
  {
    line: 'network create',
    calls: [['create_networks', {}]],
    answers: { create_networks: [] },
    stderr: 'no network was made\n',
  },
  {
    line:
      'network create all --fixed_range_v4=10.0.0.0/24 --num_networks 2 --network-size=16 --vlan 7 --vlan_start 8 --vpn 9 ' +
      '--fixed_range_v6 fd00::/64 --gateway 10.0.0.1 --gateway_v6 fd00::1 --bridge br1 --bridge_interface eth1 --multi_host T ' +
      `--dns1 1.1.1.1 --dns2 2.2.2.2 --uuid ${UUID} --fixed_cidr 10.0.0.0/28 --project_id acme --dhcp_server 10.0.0.2 ` +
      '--mtu 1400 --allowed_start 10.0.0.5 --allowed_end 10.0.0.9',
    answers: { create_networks: [] },
    calls: [
      [
        'create_networks',
        {
          label: 'all',
          cidr: '10.0.0.0/24',
          num_networks: 2,
          network_size: 16,
          vlan: 7,
          vlan_start: 8,
          vpn_start: 9,
          cidr_v6: 'fd00::/64',
          gateway: '10.0.0.1',
          gateway_v6: 'fd00::1',
          bridge: 'br1',
          bridge_interface: 'eth1',
          multi_host: true,
          dns1: '1.1.1.1',
          dns2: '2.2.2.2',
          uuid: UUID,
          fixed_cidr: '10.0.0.0/28',
          project_id: 'acme',
          dhcp_server: '10.0.0.2',
          mtu: 1400,
          allowed_start: '10.0.0.5',
          allowed_end: '10.0.0.9',
        },
      ],
    ],
    stderr: 'no network was made\n',
  },
  {
    line: 'network create --multi_host net 10.0.0.0/24 --quiet',
    answers: { create_networks: [] },
    calls: [['create_networks', { label: 'net', cidr: '10.0.0.0/24', multi_host: true }]],
  },
  {
    line: 'network create net 10.0.0.0/24 --multi_host=F --quiet',
    answers: { create_networks: [] },
    calls: [['create_networks', { label: 'net', cidr: '10.0.0.0/24', multi_host: false }]],
  },
  {
    line: 'network list',
    answers: { get_all_networks: [network, { ...network, label: 'longer name', vlan: null }] },
    calls: [['get_all_networks', {}]],
    stdout: lines(
      'UUID                                  LABEL        CIDR         CIDR_V6  VLAN  BRIDGE  PROJECT  HOST   USED  HELD  FREE',
      `${UUID}  demo         10.0.0.0/24  -         100  br100   -        node1     1     2   250`,
      `${UUID}  longer name  10.0.0.0/24  -           -  br100   -        node1     1     2   250`,
    ),
  },
  {
    line: 'network list',
    answers: { get_all_networks: [] },
    calls: [['get_all_networks', {}]],
    stderr: 'no network is defined\n',
  },
  {
    line: `network show ${UUID}`,
    answers: { get_network: { uuid: UUID, host: null, multi_host: true, addresses: { used: 1 } } },
    calls: [['get_network', { uuid: UUID }]],
    stdout: lines(
      'FIELD           VALUE',
      `uuid            ${UUID}`,
      'host            -',
      'multi_host      yes',
      'addresses.used  1',
    ),
  },
  {
    line: 'network create net 10.0.0.0/22 --json',
    answers: { create_networks: [] },
    calls: [['create_networks', { label: 'net', cidr: '10.0.0.0/22' }]],
    stdout: '[]\n',
  },
  {
    line: 'network create demo 10.0.0.0/22',
    answers: { create_networks: [network] },
    calls: [['create_networks', { label: 'demo', cidr: '10.0.0.0/22' }]],
    stdout: lines(
      'UUID                                  LABEL  CIDR         CIDR_V6  VLAN  BRIDGE  PROJECT  HOST',
      `${UUID}  demo   10.0.0.0/24  -         100  br100   -        node1`,
    ),
    stderr: '256 of the 1024 addresses of 10.0.0.0/22 are used: --network_size makes larger networks\n',
  },
  {
    line: `network modify ${UUID} --project acme --disassociate-host`,
    answers: { modify_network: { uuid: UUID } },
    calls: [['modify_network', { uuid: UUID, project_id: 'acme', host: null }]],
    stdout: lines('FIELD  VALUE', `uuid   ${UUID}`),
  },
  {
    line: `network modify ${UUID} --disassociate-project`,
    answers: { modify_network: { uuid: UUID } },
    calls: [['modify_network', { uuid: UUID, project_id: null }]],
    stdout: lines('FIELD  VALUE', `uuid   ${UUID}`),
  },
  {
    line: 'network add-project acme',
    answers: { add_network_to_project: { uuid: UUID } },
    calls: [['add_network_to_project', { project_id: 'acme', network_uuid: null }]],
    stdout: lines('FIELD  VALUE', `uuid   ${UUID}`),
  },
  {
    line: `network add-project acme ${UUID}`,
    answers: { add_network_to_project: { uuid: UUID } },
    calls: [['add_network_to_project', { project_id: 'acme', network_uuid: UUID }]],
    stdout: lines('FIELD  VALUE', `uuid   ${UUID}`),
  },
  {
    line: 'project scrub acme',
    answers: { scrub_project: [] },
    calls: [['scrub_project', { project_id: 'acme' }]],
    stderr: 'project acme had no network\n',
  },
  {
    line: 'vpn list',
    answers: {
      get_all_networks: [
        {
          ...network,
          project_id: 'acme',
          vpn_public_address: null,
          vpn_public_port: 1000,
          vpn_private_address: '10.0.0.2',
        },
        { ...network, vpn_private_address: null },
      ],
    },
    calls: [['get_all_networks', {}]],
    stdout: lines(
      'PROJECT  NETWORK  VLAN  PUBLIC_ADDRESS  PORT  PRIVATE_ADDRESS  HOST',
      'acme     demo      100  -               1000  10.0.0.2         node1',
    ),
  },
  {
    line: 'vpn change acme --ip 203.0.113.9 --port 1000',
    answers: { change_vpn: [] },
    calls: [['change_vpn', { project_id: 'acme', address: '203.0.113.9', port: 1000 }]],
    stderr: 'project acme has no VPN server\n',
  },
  {
    line: 'events --type network.floating_ip --project acme --address 203.0.113.5 --since 2026-01-01',
    answers: { list_events: { rows: [event], more: false, settled: 0, forgotten: false } },
    calls: [
      [
        'list_events',
        {
          type: 'network.floating_ip',
          project_id: 'acme',
          address: '203.0.113.5',
          since: '2026-01-01T00:00:00.000Z',
          position: 0,
        },
      ],
    ],
    stdout: lines(
      '2026-01-01T00:00:00.000Z network.floating_ip.associate address=203.0.113.5 ' +
        `instance=${INSTANCE} project=acme host=node1 fixed_address=10.0.0.3 request=r1`,
    ),
  },
  {
    line: `events --instance ${INSTANCE}`,
    answers: { list_events: { rows: [], more: false, settled: 0, forgotten: false } },
    calls: [['list_events', { instance_uuid: INSTANCE, position: 0 }]],
    stderr: 'nothing has happened\n',
  },
  { line: 'events --since yesterday', calls: [], stderr: expect.stringContaining('how long ago'), status: 2 },
  {
    line: 'floating history 203.0.113.5',
    answers: { get_address_history: [span] },
    calls: [['get_address_history', { kind: 'floating', address: '203.0.113.5' }]],
    stdout: lines(
      'FROM                      UNTIL  PROJECT  INSTANCE                              MAC                FIXED_ADDRESS',
      `2026-01-01T00:00:00.000Z  -      acme     ${INSTANCE}  fa:16:3e:00:00:01  10.0.0.3`,
    ),
  },
  {
    line: 'fixed history 10.0.0.3',
    answers: { get_address_history: [] },
    calls: [['get_address_history', { kind: 'fixed', address: '10.0.0.3' }]],
    stderr: 'nothing is known of 10.0.0.3\n',
  },
  { line: `network delete ${UUID}`, calls: [['delete_network', { uuid: UUID }]], stderr: `network ${UUID} deleted\n` },
  {
    line: 'floating create 203.0.113.0/28 --pool public --interface eth1',
    answers: { create_floating_ips: { pool: 'public', addresses: 14 } },
    calls: [['create_floating_ips', { range: '203.0.113.0/28', pool: 'public', interface: 'eth1' }]],
    stderr: '14 floating IPs added to pool public\n',
  },
  {
    line: 'floating create',
    answers: { create_floating_ips: { pool: 'nova', addresses: 2 } },
    calls: [['create_floating_ips', {}]],
    stderr: '2 floating IPs added to pool nova\n',
  },
  {
    line: 'floating delete 203.0.113.0/28',
    answers: { delete_floating_ips: { addresses: 14 } },
    calls: [['delete_floating_ips', { range: '203.0.113.0/28' }]],
    stderr: '14 floating IPs deleted\n',
  },
  {
    line: 'floating list',
    answers: { list_floating_ips: [floating] },
    calls: [['list_floating_ips', {}]],
    stdout: lines(
      'ADDRESS      POOL  PROJECT  FIXED_ADDRESS  INSTANCE                              HOST   INTERFACE',
      `203.0.113.5  nova  acme     10.0.0.3       ${INSTANCE}  node1  eth0`,
    ),
  },
  {
    line: 'floating pools',
    answers: { get_floating_ip_pools: [{ name: 'nova' }, { name: 'public' }] },
    calls: [['get_floating_ip_pools', {}]],
    stdout: lines('NAME', 'nova', 'public'),
  },
  {
    line: 'floating allocate --project acme',
    answers: { allocate_floating_ip: '203.0.113.5' },
    calls: [['allocate_floating_ip', { project_id: 'acme' }]],
    stdout: '203.0.113.5\n',
  },
  {
    line: 'floating --as-project acme allocate --pool public',
    answers: { allocate_floating_ip: '203.0.113.5' },
    calls: [['allocate_floating_ip', { project_id: 'acme', pool: 'public' }]],
    stdout: '203.0.113.5\n',
  },
  {
    line: 'floating release 203.0.113.5',
    answers: { get_floating_ip_by_address: floating },
    calls: [
      ['get_floating_ip_by_address', { address: '203.0.113.5' }],
      ['deallocate_floating_ip', { address: '203.0.113.5', project_id: 'acme' }],
    ],
    stderr: 'floating IP 203.0.113.5 released\n',
  },
  {
    line: 'floating associate 203.0.113.5 10.0.0.3',
    answers: { associate_floating_ip: INSTANCE },
    calls: [['associate_floating_ip', { floating_address: '203.0.113.5', fixed_address: '10.0.0.3' }]],
    stderr: `floating IP 203.0.113.5 leads to 10.0.0.3; it led to instance ${INSTANCE} before\n`,
  },
  {
    line: 'floating disassociate 203.0.113.5',
    calls: [
      ['get_floating_ip_by_address', { address: '203.0.113.5' }],
      ['disassociate_floating_ip', { address: '203.0.113.5' }],
    ],
    stderr: 'floating IP 203.0.113.5 disassociated\n',
  },
  {
    line: `instance allocate ${INSTANCE} --project acme --host node9 --hostname web1 --network ${UUID}=10.0.0.3 --network=${UUID} --vpn --mac fa:16:3e:00:00:01 --mac fa:16:3e:00:00:02`,
    answers: { allocate_for_instance: networkInfo },
    calls: [
      [
        'allocate_for_instance',
        {
          instance_uuid: INSTANCE,
          project_id: 'acme',
          host: 'node9',
          hostname: 'web1',
          vpn: true,
          requested_networks: [{ uuid: UUID, address: '10.0.0.3' }, { uuid: UUID }],
          macs: ['fa:16:3e:00:00:01', 'fa:16:3e:00:00:02'],
        },
      ],
    ],
    stdout: lines(
      'INTERFACE  MAC                NETWORK  ADDRESS   GATEWAY   FLOATING',
      '        0  fa:16:3e:00:00:01  demo     10.0.0.3  10.0.0.1  203.0.113.5',
      '        0  fa:16:3e:00:00:01  demo     fd00::3   fd00::1   -',
      '        1  fa:16:3e:00:00:02  bare     -         -         -',
    ),
  },
  {
    line: `instance allocate ${INSTANCE} --project acme`,
    answers: { allocate_for_instance: [] },
    calls: [['allocate_for_instance', { instance_uuid: INSTANCE, project_id: 'acme' }]],
    stdout: 'INTERFACE  MAC  NETWORK  ADDRESS  GATEWAY  FLOATING\n',
  },
  {
    line: `instance show ${INSTANCE}`,
    answers: { get_instance_nw_info: networkInfo, get_instance: instance },
    calls: [
      ['get_instance_nw_info', { instance_uuid: INSTANCE }],
      ['get_instance', { instance_uuid: INSTANCE }],
    ],
    stdout: lines(
      'INTERFACE  MAC                NETWORK  ADDRESS   GATEWAY   FLOATING     ATTACHED_TO',
      '        0  fa:16:3e:00:00:01  demo     10.0.0.3  10.0.0.1  203.0.113.5  web1',
      '        0  fa:16:3e:00:00:01  demo     fd00::3   fd00::1   -            web1',
      '        1  fa:16:3e:00:00:02  bare     -         -         -            -',
    ),
  },
  {
    line: 'instance list',
    answers: { list_instances: [instance] },
    calls: [['list_instances', {}]],
    stdout: lines(
      'UUID                                  HOSTNAME  PROJECT  HOST   ADDRESSES',
      `${INSTANCE}  web1      acme     node1  10.0.0.3, 203.0.113.5`,
    ),
  },
  {
    line: `instance deallocate ${INSTANCE}`,
    answers: { deallocate_for_instance: { addresses: ['10.0.0.3', 'fd00::3'] } },
    calls: [['deallocate_for_instance', { instance_uuid: INSTANCE }]],
    stdout: lines('10.0.0.3', 'fd00::3'),
  },
  {
    line: `instance deallocate ${INSTANCE}`,
    answers: { deallocate_for_instance: { addresses: [] } },
    calls: [['deallocate_for_instance', { instance_uuid: INSTANCE }]],
    stderr: `netloom: instance ${INSTANCE} is not known: see \`netloom instance list\`\n`,
    status: 3,
  },
  {
    line: `instance attach ${INSTANCE} --netns web1`,
    answers: { attach_vif: attachment },
    calls: [['attach_vif', { instance_uuid: INSTANCE, target: { kind: 'netns', name: 'web1' } }]],
    stdout: lines('DEVICE  GUEST_DEVICE  MAC                TARGET', 'tapv1   eth0          fa:16:3e:00:00:01  web1'),
  },
  {
    line: `instance attach ${INSTANCE} --tap tap0 --vif 1`,
    answers: { attach_vif: { ...attachment, guest_device: null } },
    calls: [['attach_vif', { instance_uuid: INSTANCE, target: { kind: 'tap', name: 'tap0' }, vif: 1 }]],
    stdout: lines('DEVICE  GUEST_DEVICE  MAC                TARGET', 'tapv1   -             fa:16:3e:00:00:01  web1'),
  },
  {
    line: `instance detach ${INSTANCE}`,
    answers: { detach_vifs: [attachment] },
    calls: [['detach_vifs', { instance_uuid: INSTANCE }]],
    stdout: lines('DEVICE  GUEST_DEVICE  MAC                TARGET', 'tapv1   eth0          fa:16:3e:00:00:01  web1'),
  },
  {
    line: `fixed list --network ${UUID} --host node2`,
    answers: { list_fixed_ips: [fixedIp, { ...fixedIp, address: '10.0.0.9', state: 'gateway', instance_host: null }] },
    calls: [['list_fixed_ips', { network_uuid: UUID, host: 'node2' }]],
    stdout: lines(
      'ADDRESS   STATE    LEASED  HOSTNAME  INSTANCE                              HOST   NETWORK',
      `10.0.0.3  used     yes     web1      ${INSTANCE}  node2  demo`,
      `10.0.0.9  gateway  yes     web1      ${INSTANCE}  -      demo`,
    ),
  },
  {
    line: 'fixed list',
    answers: { list_fixed_ips: [] },
    calls: [['list_fixed_ips', {}]],
    stderr: 'no address is in use\n',
  },
  {
    line: `fixed list --free --network=${UUID}`,
    answers: { list_free_fixed_ips: [freeRange] },
    calls: [['list_free_fixed_ips', { network_uuid: UUID }]],
    stdout: lines('FIRST     LAST        ADDRESSES  NETWORK', '10.0.0.4  10.0.0.254        251  demo'),
  },
  {
    line: 'fixed list --free --host node1',
    calls: [],
    status: 2,
    stderr: 'netloom: free addresses are of no host: leave out --host or --free; see `netloom fixed list --help`\n',
  },
  {
    line: 'fixed show 10.0.0.3',
    answers: { get_fixed_ip_by_address: { address: '10.0.0.3', state: 'free', leased: false } },
    calls: [['get_fixed_ip_by_address', { address: '10.0.0.3' }]],
    stdout: lines('FIELD    VALUE', 'address  10.0.0.3', 'state    free', 'leased   no'),
  },
  {
    line: 'fixed reserve 10.128.0.0/9',
    answers: { reserve_fixed_ips: { addresses: 8_388_608 } },
    calls: [['reserve_fixed_ips', { range: '10.128.0.0/9' }]],
    stderr: '8388608 fixed IPs reserved\n',
  },
  {
    line: 'fixed unreserve 10.0.0.5-10.0.0.9',
    answers: { unreserve_fixed_ips: { addresses: 4 } },
    calls: [['unreserve_fixed_ips', { range: '10.0.0.5-10.0.0.9' }]],
    stderr: '4 fixed IPs are in the pool again\n',
  },
  {
    line: `lease list ${UUID}`,
    answers: { get_dhcp_leases: [lease] },
    calls: [['get_dhcp_leases', { network_uuid: UUID }]],
    stdout: lines(
      'ADDRESS   MAC                HOSTNAME  INSTANCE                              NETWORK  ALLOCATED',
      `10.0.0.3  fa:16:3e:00:00:01  web1      ${INSTANCE}  demo     yes`,
    ),
  },
  {
    line: 'lease list',
    answers: { get_dhcp_leases: [] },
    calls: [['get_dhcp_leases', {}]],
    stderr: 'nothing is on lease\n',
  },
  {
    line: 'dns domain list',
    answers: {
      get_dns_domains: [
        { domain: 'example.org', scope: 'public', project: 'acme' },
        { domain: 'guests.example.org', scope: 'private', availability_zone: 'nova' },
      ],
    },
    calls: [['get_dns_domains', {}]],
    stdout: lines(
      'DOMAIN              SCOPE    AVAILABILITY_ZONE  PROJECT',
      'example.org         public   -                  acme',
      'guests.example.org  private  nova               -',
    ),
  },
  {
    line: 'dns domain create example.org --project acme',
    answers: { create_public_dns_domain: { domain: 'example.org', scope: 'public', project: 'acme' } },
    calls: [['create_public_dns_domain', { domain: 'example.org', project: 'acme' }]],
    stderr: 'public DNS domain example.org created\n',
  },
  {
    line: 'dns domain create guests.example.org --availability-zone nova',
    answers: {
      create_private_dns_domain: { domain: 'guests.example.org', scope: 'private', availability_zone: 'nova' },
    },
    calls: [['create_private_dns_domain', { domain: 'guests.example.org', av_zone: 'nova' }]],
    stderr: 'private DNS domain guests.example.org created\n',
  },
  {
    line: 'dns domain create example.org --project acme --availability_zone nova',
    calls: [],
    stderr:
      'netloom: a private domain (--availability_zone) has no --project; see `netloom dns domain create --help`\n',
    status: 2,
  },
  {
    line: 'dns domain delete example.org',
    calls: [['delete_dns_domain', { domain: 'example.org' }]],
    stderr: 'DNS domain example.org deleted\n',
  },
  {
    line: 'dns entry list example.org --name www',
    answers: { get_dns_entries_by_name: ['203.0.113.5'] },
    calls: [['get_dns_entries_by_name', { name: 'www', domain: 'example.org' }]],
    stdout: lines('NAME  ADDRESS      DOMAIN', 'www   203.0.113.5  example.org'),
  },
  {
    line: 'dns entry list example.org --address 203.0.113.5 --json',
    answers: { get_dns_entries_by_address: ['www'] },
    calls: [['get_dns_entries_by_address', { address: '203.0.113.5', domain: 'example.org' }]],
    stdout: `${JSON.stringify([{ name: 'www', address: '203.0.113.5', domain: 'example.org' }], null, 2)}\n`,
  },
  {
    line: 'dns entry list example.org',
    calls: [],
    stderr: 'netloom: give either --name or --address; see `netloom dns entry list --help`\n',
    status: 2,
  },
  {
    line: 'dns entry add example.org www 203.0.113.5',
    calls: [['add_dns_entry', { address: '203.0.113.5', name: 'www', dns_type: 'A', domain: 'example.org' }]],
    stderr: 'www.example.org leads to 203.0.113.5\n',
  },
  {
    line: 'dns entry modify example.org www 203.0.113.6',
    calls: [['modify_dns_entry', { address: '203.0.113.6', name: 'www', domain: 'example.org' }]],
    stderr: 'www.example.org leads to 203.0.113.6\n',
  },
  {
    line: 'dns entry delete example.org www',
    calls: [['delete_dns_entry', { name: 'www', domain: 'example.org' }]],
    stderr: 'www.example.org deleted\n',
  },
  {
    line: 'host list',
    answers: { list_hosts: [host] },
    calls: [['list_hosts', {}]],
    stdout: lines(
      'HOST   STATE  SINCE                     VERSION  NODES',
      'node1  up     2026-01-01T00:00:00.000Z  0.1.0    NetworkController, RoutingNode',
    ),
  },
  {
    line: 'plan',
    answers: {
      plan_host: {
        host: 'node1',
        entries: [
          { verb: 'add', owner: 'network demo', kind: 'link', text: 'bridge br100' },
          { verb: 'change', owner: 'network demo', kind: 'file', text: 'br100.conf' },
          { verb: 'remove', owner: 'gone', kind: 'link', text: 'tap0' },
        ],
        waiting: [{ owner: 'instance x', text: 'namespace web1 is not there' }],
      },
    },
    calls: [['plan_host', {}]],
    stdout: lines('+ bridge br100', '~ br100.conf', '- tap0'),
    stderr: 'waiting: instance x: namespace web1 is not there\n',
    status: 10,
  },
  {
    line: 'plan',
    answers: { plan_host: { host: 'node1', entries: [], waiting: [] } },
    calls: [['plan_host', {}]],
    stderr: 'nothing to do\n',
  },
  {
    line: 'reconcile',
    answers: {
      reconcile_host: {
        host: 'node1',
        entries: [{ verb: 'add', owner: 'network demo', kind: 'link', text: 'bridge br100' }],
        waiting: [],
        failures: [],
      },
    },
    calls: [['reconcile_host', {}]],
    stdout: '+ bridge br100\n',
  },
  {
    line: 'reconcile --quiet',
    answers: {
      reconcile_host: {
        host: 'node1',
        entries: [],
        waiting: [],
        failures: [{ owner: 'network demo', message: 'no room' }],
      },
    },
    calls: [['reconcile_host', {}]],
    stderr: 'netloom: network demo: no room\n',
    status: 1,
  },
]

test.each(cases.map((entry) => [entry.line, entry] as const))('netloom %s', async (line, entry) => {
  bench.answers = entry.answers ?? {}
  const { calls, status, stdout, stderr } = await bench.run(line)
  expect(calls.map(({ method, args }) => [method, args])).toEqual(entry.calls)
  expect({ stdout, stderr, status }).toEqual({
    stdout: entry.stdout ?? '',
    stderr: entry.stderr ?? '',
    status: entry.status ?? 0,
  })
})

describe('--json', () => {
  test.each<[string, string, Json, Json]>([
    ['network list', 'get_all_networks', [network], [network]],
    ['network list', 'get_all_networks', [], []],
    [`network show ${UUID}`, 'get_network', network, network],
    [`network delete ${UUID}`, 'delete_network', null, { uuid: UUID }],
    ['network create a 10.0.0.0/24', 'create_networks', [network], [network]],
    ['floating create', 'create_floating_ips', { pool: 'nova', addresses: 2 }, { pool: 'nova', addresses: 2 }],
    ['floating allocate --project p', 'allocate_floating_ip', '203.0.113.5', { address: '203.0.113.5' }],
    ['floating release 203.0.113.5', 'deallocate_floating_ip', null, { address: '203.0.113.5' }],
    [
      'floating associate 203.0.113.5 10.0.0.3',
      'associate_floating_ip',
      null,
      { address: '203.0.113.5', fixed_address: '10.0.0.3', previous_instance_uuid: null },
    ],
    [`instance allocate ${INSTANCE} --project p`, 'allocate_for_instance', networkInfo, networkInfo],
    [`instance attach ${INSTANCE} --tap t`, 'attach_vif', attachment, attachment],
    [`instance detach ${INSTANCE}`, 'detach_vifs', [attachment], [attachment]],
    [
      `instance deallocate ${INSTANCE}`,
      'deallocate_for_instance',
      { addresses: ['10.0.0.3'] },
      { instance_uuid: INSTANCE, addresses: ['10.0.0.3'] },
    ],
    ['lease list', 'get_dhcp_leases', [lease], [lease]],
    ['host list', 'list_hosts', [host], [host]],
    ['plan', 'plan_host', { host: 'h', entries: [], waiting: [] }, { host: 'h', entries: [], waiting: [] }],
  ])('%s: one document with the data, no words', async (line, method, answer, document) => {
    bench.answers = { [method]: answer }
    const { status, stdout, stderr } = await bench.run(`${line} --json`)
    expect([status, stderr, JSON.parse(stdout)]).toEqual([0, '', document])
  })

  test('instance show has the summary and the NetworkInfo', async () => {
    bench.answers = { get_instance_nw_info: networkInfo, get_instance: instance }
    const { stdout } = await bench.run(`instance show ${INSTANCE} --json`)
    expect(JSON.parse(stdout)).toEqual({ ...instance, network_info: networkInfo })
  })
})

describe('this host', () => {
  test.each([
    ['plan --host=node2', 'node2'],
    ['--host=node2 plan', 'node2'],
    [`--host=node2 instance attach ${INSTANCE} --tap t`, 'node2'],
    [`instance --host=node2 detach ${INSTANCE}`, 'node2'],
    ['reconcile', 'node1'],
  ])('%s goes to %s', async (line, want) => {
    const report = { host: want, entries: [], waiting: [], failures: [] }
    bench.answers = { plan_host: report, reconcile_host: report, attach_vif: attachment, detach_vifs: [] }
    const { calls, status } = await bench.run(line)
    expect([status, calls.map((call) => call.host)]).toEqual([0, [want]])
  })

  test('--host is the option of `instance allocate` after the verb and the flag before it', async () => {
    bench.answers = { allocate_for_instance: [] }
    const after = await bench.run(`instance allocate ${INSTANCE} --project p --host=node9`)
    expect(after.calls).toMatchObject([{ host: 'node1', args: { host: 'node9' } }])
    const before = await bench.run(`--host=node2 instance allocate ${INSTANCE} --project p`)
    expect(before.calls).toMatchObject([{ host: 'node2' }])
    expect(before.calls[0]!.args).not.toHaveProperty('host')
  })
})

describe('who asks', () => {
  test('the operator, unless --as-project; every run has a request id of its own', async () => {
    bench.answers = { list_floating_ips: [] }
    const operator = (await bench.run('floating list')).calls[0]!.context
    const tenant = (await bench.run('floating list --as-project acme')).calls[0]!.context
    expect(operator).toMatchObject({ is_admin: true, project_id: null, user_id: null })
    expect(tenant).toMatchObject({ is_admin: false, project_id: 'acme', user_id: 'acme' })
    expect(operator.request_id).toMatch(/^[0-9a-f-]{36}$/)
    expect(operator.request_id).not.toBe(tenant.request_id)
  })
})
