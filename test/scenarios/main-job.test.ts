import { macOf, uuidOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { backends } from './backends.ts'
import { makeCloud } from './cloud.ts'

const FLOATING_RULES = (floating: string, fixed: string) => [
  `nat netloom-PREROUTING -d ${floating}/32 -j DNAT --to-destination ${fixed}`,
  `nat netloom-OUTPUT -d ${floating}/32 -j DNAT --to-destination ${fixed}`,
  `nat netloom-POSTROUTING -s ${fixed}/32 -m conntrack --ctstate DNAT -j SNAT --to-source ${floating}`,
  `nat netloom-float-snat -s ${fixed}/32 -d ${fixed}/32 -j SNAT --to-source ${floating}`,
  `nat netloom-float-snat -s ${fixed}/32 -o eth0 -j SNAT --to-source ${floating}`,
]

describe.each(backends)('the main job on $name', (pair) => {
  test('from an empty host to guests with floating IPs and back: rows, host and plan agree after each step (defects-manager C6)', async () => {
    const cloud = await makeCloud(pair)
    const { api, machine } = cloud
    const step = async (work: () => Promise<unknown>) => {
      const changes = await machine.changesOf(work)
      await cloud.expectInLine()
      return { come: [...changes.come].sort(), gone: [...changes.gone].sort() }
    }
    const floatingRow = async () => {
      const [row] = await api.listFloatingIps()
      const { address, project_id, fixed_address, instance_uuid, host } = row!
      return { address, project_id, fixed_address, instance_uuid, host }
    }

    // A network is a row until somebody uses it.
    expect(await step(() => api.createNetworks({ label: 'private', cidr: '10.0.0.0/29' }))).toEqual({
      come: [],
      gone: [],
    })
    const [network] = await api.getAllNetworks()
    expect(network).toMatchObject({
      label: 'private',
      cidr: '10.0.0.0/29',
      gateway: '10.0.0.1',
      broadcast: '10.0.0.7',
      dhcp_start: '10.0.0.2',
      bridge: 'br100',
      host: null,
      addresses: { used: 0, held: 0, reserved: 3, free: 5 },
    })

    let one = { uuid: '', mac: '', address: '' }
    expect(
      await step(async () => {
        one = await cloud.guest(1)
      }),
    ).toEqual({
      come: [
        'address 10.0.0.1/29 br100',
        'daemon br100.pid',
        'file br100.hosts/.keep: ',
        'file br100.hosts/fa-16-3e-00-00-01: fa:16:3e:00:00:01,guest1.novalocal,10.0.0.2',
        'file br100.leases: ',
        'file br100.opts: 3,10.0.0.1',
        'filter netloom-FORWARD -i br100 -j ACCEPT',
        'filter netloom-FORWARD -o br100 -j ACCEPT',
        'filter netloom-INPUT -i br100 -p tcp -m tcp --dport 53 -j ACCEPT',
        'filter netloom-INPUT -i br100 -p tcp -m tcp --dport 67 -j ACCEPT',
        'filter netloom-INPUT -i br100 -p udp -m udp --dport 53 -j ACCEPT',
        'filter netloom-INPUT -i br100 -p udp -m udp --dport 67 -j ACCEPT',
        'link br100',
        'mangle netloom-POSTROUTING -o br100 -p udp -m udp --dport 68 -j CHECKSUM --checksum-fill',
        'nat netloom-POSTROUTING -s 10.0.0.0/29 -d 10.0.0.0/29 -m conntrack ! --ctstate DNAT -j ACCEPT',
        'nat netloom-POSTROUTING -s 10.0.0.0/29 -d 192.0.2.1/32 -j ACCEPT',
        'nat netloom-snat -s 10.0.0.0/29 -o eth0 -j SNAT --to-source 192.0.2.1',
      ],
      gone: [],
    })
    expect(one).toEqual({ uuid: uuidOf(1), mac: macOf(1), address: '10.0.0.2' })
    expect(await api.getNetwork(network!.uuid)).toMatchObject({ host: 'host1', addresses: { used: 1, free: 4 } })

    let two = { uuid: '', mac: '', address: '' }
    expect(
      await step(async () => {
        two = await cloud.guest(2)
      }),
    ).toEqual({
      come: ['file br100.hosts/fa-16-3e-00-00-02: fa:16:3e:00:00:02,guest2.novalocal,10.0.0.3'],
      gone: [],
    })

    const [device] = (await api.getVifsByInstance(one.uuid)).map((vif) => `tap${vif.uuid.slice(0, 11)}`)
    const netns = { instance_uuid: one.uuid, target: { kind: 'netns', name: 'guest1' } } as const
    expect(await step(() => api.attach('host1', netns))).toEqual({ come: [`link ${device}`], gone: [] })
    expect(await machine.host.resource(`link ${device}`)).toEqual({
      kind: 'link',
      name: device,
      type: 'veth',
      master: 'br100',
      hairpin: true,
      peer: { name: 'eth0', netns: 'guest1', macAddress: one.mac },
    })
    expect(await step(() => api.attach('host1', netns)), 'twice is once').toEqual({ come: [], gone: [] })
    const tap = { instance_uuid: two.uuid, target: { kind: 'tap', name: 'vnet2' } } as const
    expect(await step(() => api.attach('host1', tap))).toEqual({ come: ['link vnet2'], gone: [] })
    expect((await api.listInstances()).map((instance) => instance.virtual_interfaces[0]?.attached_to)).toEqual([
      'guest1/eth0',
      'vnet2',
    ])

    expect(await step(() => machine.lease(one.mac, one.address))).toEqual({
      come: [`file br100.leases: ${one.mac} ${one.address} guest1 *`],
      gone: ['file br100.leases: '],
    })
    expect(await api.getDhcpLeases()).toMatchObject([{ address: one.address, mac: one.mac, allocated: true }])

    expect(await step(() => api.createFloatingIps({ range: '203.0.113.4/30' }))).toEqual({ come: [], gone: [] })
    expect(await api.getFloatingIpPools()).toEqual([{ name: 'nova' }])
    let floating = ''
    await step(async () => {
      floating = await api.allocateFloatingIp({ project_id: 'demo' })
    })
    expect(floating).toBe('203.0.113.5')

    expect(await step(() => api.associateFloatingIp(floating, one.address))).toEqual({
      come: ['address 203.0.113.5/32 eth0', ...FLOATING_RULES(floating, one.address)].sort(),
      gone: [],
    })
    expect(await floatingRow()).toEqual({
      address: floating,
      project_id: 'demo',
      fixed_address: one.address,
      instance_uuid: one.uuid,
      host: 'host1',
    })
    expect((await api.getInstance(one.uuid)).virtual_interfaces[0]?.floating_ips).toEqual([floating])

    let previous: string | null = null
    const moved = await step(async () => {
      previous = await api.associateFloatingIp(floating, two.address)
    })
    expect(moved).toEqual({
      come: FLOATING_RULES(floating, two.address).sort(),
      gone: FLOATING_RULES(floating, one.address).sort(),
    })
    expect(previous).toBe(one.uuid)
    expect((await floatingRow()).instance_uuid).toBe(two.uuid)

    expect(await step(() => api.disassociateFloatingIp(floating))).toEqual({
      come: [],
      gone: ['address 203.0.113.5/32 eth0', ...FLOATING_RULES(floating, two.address)].sort(),
    })
    await step(() => api.deallocateFloatingIp(floating))
    expect(await floatingRow()).toEqual({
      address: floating,
      project_id: null,
      fixed_address: null,
      instance_uuid: null,
      host: null,
    })
    await step(() => api.deleteFloatingIps('203.0.113.4/30'))

    // The one with a lease keeps its address from others until the DHCP server reports the end of the lease.
    expect(await step(() => api.deallocateForInstance(one.uuid))).toEqual({
      come: [`file br100.leases: ${one.mac} ${one.address} * *`],
      gone: [
        'file br100.hosts/fa-16-3e-00-00-01: fa:16:3e:00:00:01,guest1.novalocal,10.0.0.2',
        `file br100.leases: ${one.mac} ${one.address} guest1 *`,
        `link ${device}`,
      ].sort(),
    })
    expect(await api.getNetwork(network!.uuid)).toMatchObject({ addresses: { used: 1, held: 1, free: 3 } })
    await step(() => machine.release(one.mac, one.address))
    expect(await api.getNetwork(network!.uuid)).toMatchObject({ addresses: { used: 1, held: 0, free: 4 } })

    expect(await step(() => api.detach('host1', two.uuid))).toEqual({ come: [], gone: ['link vnet2'] })
    await step(() => api.deallocateForInstance(two.uuid))
    expect(await api.getNetwork(network!.uuid)).toMatchObject({ addresses: { used: 0, held: 0, free: 5 } })
    expect(await api.listInstances()).toEqual([])

    await step(() => api.deleteNetwork(network!.uuid))
    expect([...(await machine.picture())].sort()).toEqual([
      'address 169.254.169.254/32 lo',
      'filter netloom-INPUT -d 192.0.2.1/32 -p tcp -m tcp --dport 8775 -j ACCEPT',
      'nat netloom-PREROUTING -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1:8775',
      'nat netloom-snat -j netloom-float-snat',
      'sysctl net.ipv4.ip_forward',
    ])
    expect(machine.log.messages('error')).toEqual([])
  })
})
