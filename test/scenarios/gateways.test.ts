import { macOf } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { backends } from './backends.ts'
import { makeCloud } from './cloud.ts'

describe.each(backends)('gateways on $name', (pair) => {
  test('with use_single_default_gateway only the first interface of each instance is told one (defects-linux-net D1)', async () => {
    const cloud = await makeCloud(pair, { flags: ['--use_single_default_gateway=true'] })
    const [front] = await cloud.api.createNetworks({ label: 'front', cidr: '10.0.0.0/24' })
    const [back] = await cloud.api.createNetworks({ label: 'back', cidr: '10.1.0.0/24', bridge: 'br101' })
    await cloud.guest(1, { networks: [front!.uuid, back!.uuid] })
    await cloud.guest(2, { networks: [back!.uuid] })
    await cloud.guest(3, { networks: [back!.uuid, front!.uuid] })
    const file = (bridge: string, mac: string) => `file ${bridge}.hosts/${mac.replaceAll(':', '-')}: ${mac},`
    const name = (number: number) => `guest${number}.novalocal`
    expect([...(await cloud.machine.picture())].filter((line) => line.includes('.hosts/fa-16')).sort()).toEqual(
      [
        `${file('br100', macOf(1))}${name(1)},10.0.0.2`,
        `${file('br101', macOf(1001))}set:no.router,${name(1)},10.1.0.2`,
        `${file('br101', macOf(2))}${name(2)},10.1.0.3`,
        `${file('br101', macOf(3))}${name(3)},10.1.0.4`,
        `${file('br100', macOf(1003))}set:no.router,${name(3)},10.0.0.3`,
      ].sort(),
    )
    await cloud.expectInLine()
  })

  test('of a network whose gateway is another machine only what goes to force_snat_range is translated here', async () => {
    const cloud = await makeCloud(pair, { flags: ['--force_snat_range=198.51.100.0/24'] })
    await cloud.api.createNetworks({
      ...{ label: 'private', cidr: '10.0.0.0/24', gateway: '10.0.0.254', dhcp_server: '10.0.0.1' },
    })
    await cloud.guest(1)
    const picture = await cloud.machine.picture()
    expect([...picture].filter((line) => line.includes('SNAT'))).toEqual([
      'nat netloom-snat -s 10.0.0.0/24 -d 198.51.100.0/24 -j SNAT --to-source 192.0.2.1',
    ])
    expect(picture).toContain('file br100.opts: 3,10.0.0.254')
    expect(picture).toContain('address 10.0.0.1/24 br100')
    await cloud.expectInLine()
  })
})
