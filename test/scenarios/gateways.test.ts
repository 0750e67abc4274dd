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
})
