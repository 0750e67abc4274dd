/**
 * The known weaknesses of nova-network's manager layer: each is held by a test that quotes its id (`defects-manager`
 * and ids, as in `A3, A4` or `A1 to A7`), or here is why none does.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FloatingIpApi } from '../core/api/floating-ip-api.ts'
import { NetworkApi } from '../core/api/network-api.ts'
import { filesBelow, root } from './kit-internal/sources.ts'

/** What nova did, or could not do. */
const DEFECTS: Readonly<Record<string, string>> = {
  A1: 'a requested address taken by two hosts',
  A2: 'hosts that contend for the first row of a pool',
  A3: 'a late release by the former owner frees the address of the new one',
  A4: 'an address is given again while leased',
  A5: 'an address that was never leased is never freed',
  A6: 'the stale address of a purged instance is never freed',
  A7: 'the time-out frees a live address',
  A8: 'set_network_host answers with the loser',
  A9: 'the host of one network is used for the next',
  A10: 'errors of remote allocations are lost',
  A11: 'a new project takes two networks at once',
  A12: 'two gateway addresses of one multi_host host',
  B1: 'an allocation that failed leaves something',
  B2: 'allocate_for_instance is not atomic',
  B3: 'deallocate_for_instance stops at the first error',
  B4: 'deallocation waits for a dead host',
  B5: 'a floating IP of a host that is down makes another do its work',
  B6: 'addresses outlive their network',
  B7: 'one bad floating IP keeps all others from being restored',
  B8: 'a row of a former network is touched',
  B9: 'some of several networks are made',
  C1: 'association is neither atomic nor idempotent',
  C2: 'a move of a floating IP loses the old association',
  C3: 'an auto-assigned floating IP cannot be moved',
  C4: 'errors of the driver are swallowed',
  C5: 'the interface of a floating IP is ignored',
  C6: 'calls answer before they are done',
  C7: 'a second disassociate is an internal error',
  C8: 'success is told before it happens',
  C9: 'a migration that is cut off leaves a mix',
  C10: 'floating IPs in use are removed',
  C11: 'an operator cannot associate for a project',
  C12: 'a network without a host makes the caller do its work',
  C13: 'disassociate_network does nothing',
  D1: 'free blocks are not found',
  D2: 'overlapping blocks are',
  D3: 'no network, and no error',
  D4: 'the default size fails',
  D5: 'VLAN numbers that are taken or too high',
  D6: 'VLANs by the text of a flag',
  D7: 'networks without IPv4 break',
  D8: 'large networks are slow',
  D9: 'ordinary addresses are reserved',
  D10: 'one dhcp_server for all networks',
  D11: 'sizes by floating point',
  D12: 'the same range made twice at once',
  D13: 'entry points that never worked',
  E1: 'quota check and use are not atomic',
  E2: "networks of other projects, and the caller's order lost",
  E3: 'operations without a policy',
  E4: 'what a tenant may do fails for want of admin',
  F1: 'names of a second interface collide',
  F2: 'the zone of an instance is looked up wrongly',
  F3: 'a private domain is deleted by the wrong driver, row first',
  F4: 'domains are matched by their end',
  F5: 'writers of the DNS file lose names',
  F6: 'names of a released floating IP are looked for everywhere',
  G1: 'network info: queries grow with interfaces',
  G2: 'interfaces in no order',
  G3: 'the search by address reads everything',
  G4: 'networks of a host without an index',
  G5: 'whether a host serves a network: all rows',
  G6: 'reads over the bus',
  G7: 'the DHCP file is written with each allocation',
  G8: 'floating IPs are made row by row',
  G9: 'the info cache is overwritten',
  G10: 'security groups are refreshed for each address',
  G11: 'there is no update_dns: names go to the DNS driver, the DHCP server has none to be rewritten',
  G12: 'lists: a query for each row',
  G13: 'interfaces are made one by one',
  G14: 'allocations write networks that do not change',
  H1: 'a lease is released from the wrong host',
  H2: 'dhcp_release that fails keeps an instance',
  H3: 'a lease between release and removal',
  H4: 'leases are lost at a restart',
  H5: 'a report of an unknown address is an error',
  H6: 'DHCP serves two addresses to one interface',
  H7: 'a requested network without address fails at deallocation',
  H8: 'addresses that were not named are leaked',
  H9: 'reports that are lost stay lost',
}

/** Those that no test holds, and why. */
const EXCUSED: Readonly<Record<string, string>> = {
  G9: 'there is no cache: network info is read from the rows each time',
  G10: 'security groups are not the network service’s, nobody is sent a refresh',
  G11: 'there is no update_dns: names go to the DNS driver, the DHCP server has none to be rewritten',
  G13: 'an instance has a few interfaces: an INSERT each, all in the transaction that takes their addresses',
  H7: 'a deallocation is told addresses, not requested networks: there is no entry without one',
}

const tests = filesBelow('test')
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readFileSync(root + path, 'utf8'))

/** `A3, A4` is two ids, `A3 to A7` five. */
function quotedIn(text: string): readonly string[] {
  return [...text.matchAll(/defects-manager ((?:[A-H]\d+(?:, | to )?)+)/g)].flatMap(([, list]) =>
    list!.split(', ').flatMap((part) => {
      const [first, last] = part.split(' to ').map((id) => Number(id.slice(1)))
      const count = last ? last - first! + 1 : 1
      return part === '' ? [] : Array.from({ length: count }, (_, index) => `${part[0]}${first! + index}`)
    }),
  )
}

test('each defect of the original is held by a test that quotes it, or excused, and never both', () => {
  const quoted = new Set(tests.flatMap(quotedIn))
  const ids = Object.keys(DEFECTS)
  const open = ids.filter((id) => !quoted.has(id) && !Object.hasOwn(EXCUSED, id))
  expect(
    open.map((id) => `${id}: ${DEFECTS[id]}`),
    'neither quoted nor excused',
  ).toEqual([])
  expect(
    Object.keys(EXCUSED).filter((id) => quoted.has(id)),
    'take the excuse away: a test holds it',
  ).toEqual([])
  expect(
    [...quoted, ...Object.keys(EXCUSED)].filter((id) => !ids.includes(id)),
    'there is no such defect',
  ).toEqual([])
})

test('each operation of the API is called by a test (defects-manager D13)', () => {
  const operations = [NetworkApi, FloatingIpApi].flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype))
  const called = (name: string) => tests.some((text) => text.includes(`.${name}(`))
  expect(operations.filter((name) => name !== 'constructor' && !called(name))).toEqual([])
})
