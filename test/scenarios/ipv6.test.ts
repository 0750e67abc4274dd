import { eui64Address, gatewayMac } from 'netloom/contracts'
import { macOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { backends } from './backends.ts'
import { type Cloud, makeCloud, refusalOf } from './cloud.ts'

const V6 = ['--use_ipv6=true']
const PREFIX = 'fd00:0:0:64::/64'

/** Rules of IPv6 that are about a device. */
async function rulesOf(cloud: Cloud, device = 'br100'): Promise<readonly string[]> {
  const lines = (await cloud.host.rules('ip6tables')).split('\n')
  return lines.filter((line) => line.includes(` ${device} `)).map((line) => line.replace(/^\[\d+:\d+\] -A /, ''))
}

async function keysOfV6(cloud: Cloud, name = 'host1'): Promise<readonly string[]> {
  return (await cloud.named(name).host.keys()).filter((key) => /radvd|ipv6|address f[de]/.test(key))
}

describe.each(backends)('a network with IPv6 on $name', (pair) => {
  test('has a gateway address of a host, a router advertisement daemon and rules, and all go with it (defects-linux-net E18)', async () => {
    const cloud = await makeCloud(pair, { flags: V6 })
    const { api } = cloud
    const [network] = await api.createNetworks({ label: 'six', cidr: '10.0.0.0/24', cidr_v6: PREFIX, mtu: 1400 })
    const guest = await cloud.guest(1)
    await cloud.expectInLine()
    expect(await keysOfV6(cloud)).toEqual([
      'address fd00:0:0:64::1/64 br100',
      `address ${eui64Address('fe80::/64', gatewayMac('host1', network!.uuid))}/64 br100`,
      expect.stringMatching(/^daemon .*netloom-br100\.radvd-pid$/),
      expect.stringMatching(/^file .*netloom-br100\.radvd$/),
      'sysctl net.ipv6.conf.all.forwarding',
    ])
    const icmp = (type: number) => `netloom-INPUT -i br100 -p ipv6-icmp -m icmp6 --icmpv6-type ${type} -j ACCEPT`
    const rules = await rulesOf(cloud)
    expect(rules).toEqual(expect.arrayContaining([133, 135, 136].map(icmp)))
    expect(rules).toContain('netloom-FORWARD -i br100 -j ACCEPT')

    await cloud.machine.stop()
    await cloud.machine.start()
    await cloud.expectInLine()
    await api.deallocateForInstance(guest.uuid)
    await cloud.machine.release(guest.mac, guest.address)
    await api.deleteNetwork(network!.uuid)
    await cloud.expectInLine()
    // A setting is never set back: others may have come to rely on it.
    expect(await keysOfV6(cloud)).toEqual(['sysctl net.ipv6.conf.all.forwarding'])
    expect(await rulesOf(cloud)).toEqual([])
  })

  test('is served without IPv4 too, and forwarded', async () => {
    const cloud = await makeCloud(pair, { flags: V6 })
    const [network] = await cloud.api.createNetworks({ label: 'six', cidr_v6: PREFIX })
    await cloud.api.allocateForInstance({ instance_uuid: cloud.uuid(1), project_id: 'demo', macs: [macOf(1)] })
    await cloud.machine.pass(60)
    await cloud.expectInLine()
    expect((await cloud.api.getNetwork(network!.uuid)).host).toBe('host1')
    expect(await keysOfV6(cloud)).toContain('address fd00:0:0:64::1/64 br100')
    expect(await keysOfV6(cloud)).toHaveLength(5)
    expect(await rulesOf(cloud)).toContain('netloom-FORWARD -i br100 -j ACCEPT')
  })

  test('on many hosts has a gateway address on each that is made of its MAC address, for none is the duplicate of another', async () => {
    const cloud = await makeCloud(pair, { flags: V6, machines: ['host1', 'host2'] })
    const request = { label: 'six', cidr: '10.0.0.0/24', cidr_v6: PREFIX, multi_host: true }
    const [network] = await cloud.api.createNetworks(request)
    for (const [index, host] of ['host1', 'host2'].entries()) {
      await cloud.guest(index + 1, { host })
      const own = eui64Address(PREFIX, gatewayMac(host, network!.uuid))
      expect((await keysOfV6(cloud, host)).filter((key) => key.startsWith('address fd'))).toEqual([
        `address ${own}/64 br100`,
      ])
    }
    await cloud.expectInLine()
  })

  test('has nothing of it on a host that does not serve IPv6, which needs no program for it', async () => {
    const cloud = await makeCloud(pair)
    cloud.host.missing.add('radvd')
    await cloud.machine.stop()
    await cloud.machine.start()
    await cloud.api.createNetworks({ label: 'six', cidr: '10.0.0.0/24', cidr_v6: PREFIX })
    await cloud.guest(1)
    expect(await keysOfV6(cloud)).toEqual([])
  })

  test('is served over IPv4 where the kernel has no IPv6, and that is told (lessons F3)', async () => {
    const cloud = await makeCloud(pair, { flags: V6 })
    const { host, machine } = cloud
    host.missing.add('radvd')
    await machine.stop()
    await expect(machine.start()).rejects.toMatchObject({ code: 'ProgramsMissing', details: { packages: ['radvd'] } })
    host.noIpv6 = 'its kernel has none'
    await machine.start()
    await cloud.api.createNetworks({ label: 'six', cidr: '10.0.0.0/24', cidr_v6: PREFIX })
    await cloud.guest(1)
    await cloud.expectInLine()
    expect(await keysOfV6(cloud)).toEqual(['sysctl net.ipv6.conf.all.forwarding'])
    expect(await rulesOf(cloud)).toEqual([])
    expect(await host.keys()).toContain('address 10.0.0.1/24 br100')
    const off = 'IPv6 is off on this host, because its kernel has none: networks are served over IPv4 only'
    expect(machine.log.messages('warn')).toContain(off)
  })

  test.each([
    ['a prefix that guests make no addresses of (lessons F2)', { cidr_v6: 'fd00::/80' }, 'NetworkRangeTooSmall'],
    ['an MTU that IPv6 does not work with', { cidr_v6: PREFIX, mtu: 1279 }, 'InvalidInput'],
  ])('is refused with %s', async (_, values, code) => {
    const cloud = await makeCloud(pair, { flags: V6 })
    const request = { label: 'six', cidr: '10.0.0.0/24', ...values }
    expect(await refusalOf(cloud.api.createNetworks(request))).toMatchObject({ code })
    expect(await cloud.api.getAllNetworks()).toEqual([])
  })
})
