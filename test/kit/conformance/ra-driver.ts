import assert from 'node:assert/strict'
import { type RouterAdvertDriver, resourceKey } from 'netloom/contracts'
import { aNetwork, macOf } from '../builders.ts'
import { checkResources, frozen, HOSTILE_NAMES, sameTwice, shapeOf } from './checks.ts'
import type { ConformanceCase } from './run-cases.ts'

const network = frozen(aNetwork({ cidr_v6: 'fd00:0:0:1::/64', gateway_v6: 'fd00:0:0:1::1' }))
const networks = frozen([
  network,
  aNetwork({ id: 2, cidr: null, gateway: null, cidr_v6: 'fd00:0:0:2::/64', gateway_v6: 'fd00:0:0:2::1', mtu: 1400 }),
])

/** `ra_driver` */
export const raDriverCases: readonly ConformanceCase<RouterAdvertDriver>[] = [
  {
    name: 'serve says the same twice, for any network, and leaves it as it is',
    run({ instance }) {
      for (const row of networks) {
        for (const forwards of [true, false])
          checkResources(sameTwice(() => instance.serve(row, 'br100', macOf(1), forwards)))
      }
    },
  },
  {
    name: 'a network without IPv6 has nothing advertised',
    run({ instance }) {
      assert.deepEqual(instance.serve(aNetwork(), 'br100', macOf(1), true), [])
    },
  },
  {
    name: 'two networks have nothing in common: one goes without the other',
    run({ instance }) {
      const keys = networks.map((row, index) =>
        checkResources(instance.serve(row, `br${index}`, macOf(1), true)).map(resourceKey),
      )
      assert.equal(new Set(keys.flat()).size, keys.flat().length)
    },
  },
  {
    name: 'no label of a network adds a line, a field or a word (defects-linux-net G2)',
    run({ instance }) {
      const shape = (label: string) => shapeOf(() => instance.serve({ ...network, label }, 'br100', macOf(1), true))
      for (const name of HOSTILE_NAMES) {
        const found = shape(name)
        if (found !== null) assert.deepEqual(found, shape('private'), `the label ${JSON.stringify(name)}`)
      }
    },
  },
]
