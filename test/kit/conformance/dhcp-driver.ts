import assert from 'node:assert/strict'
import { type DhcpDriver, resourceKey } from 'netloom/contracts'
import { aFixedIp, aNetwork, macOf } from '../builders.ts'
import { checkCommands, checkResources, frozen, HOSTILE_NAMES, sameTwice, shapeOf } from './checks.ts'
import type { ConformanceCase } from './run-cases.ts'

const network = frozen(aNetwork())
const networks = frozen([network, aNetwork({ id: 2, cidr: '10.0.0.0/28', gateway: null, dhcp_server: '10.0.0.3' })])

const guests = frozen([
  aFixedIp({ leased: true, lease_mac: macOf(1) }),
  aFixedIp({ id: 2, address: '10.0.0.3', virtual_interface_id: 2, mac: macOf(2), hostname: 'guest2' }),
  aFixedIp({ id: 3, address: '10.0.0.4', virtual_interface_id: 3, mac: macOf(3), hostname: null }),
])

/** `dhcp_driver` */
export const dhcpDriverCases: readonly ConformanceCase<DhcpDriver>[] = [
  {
    name: 'serve says the same twice, for any network, and leaves it as it is',
    run({ instance }) {
      for (const row of networks) checkResources(sameTwice(() => instance.serve(row, 'br100', '10.0.0.1')))
    },
  },
  {
    name: 'host says the same twice, also for a guest without a name',
    run({ instance }) {
      for (const guest of guests) checkResources(sameTwice(() => instance.host(network, 'br100', guest)))
    },
  },
  {
    name: 'two guests have nothing in common: one goes without the other',
    run({ instance }) {
      const keys = guests.map((guest) => checkResources(instance.host(network, 'br100', guest)).map(resourceKey))
      assert.equal(new Set(keys.flat()).size, keys.flat().length)
    },
  },
  {
    name: 'two networks have nothing in common',
    run({ instance }) {
      const keys = networks.map((row, index) =>
        checkResources(instance.serve(row, `br${index}`, '10.0.0.1')).map(resourceKey),
      )
      assert.equal(new Set(keys.flat()).size, keys.flat().length)
    },
  },
  {
    name: 'leaseFile says the same twice, for no lease, one, and one whose address was let go',
    run({ instance }) {
      const letGo = aFixedIp({
        id: 4,
        address: '10.0.0.5',
        allocated: false,
        leased: true,
        lease_mac: macOf(4),
        mac: null,
      })
      for (const leased of [[], guests.slice(0, 1), [...guests.slice(0, 1), letGo]]) {
        checkResources(sameTwice(() => instance.leaseFile(network, 'br100', leased)))
      }
    },
  },
  {
    name: 'release names address and MAC address as words of their own',
    run({ instance }) {
      const commands = sameTwice(() => instance.release('br100', '10.0.0.2', macOf(1)))
      checkCommands(commands)
      for (const { argv } of commands) {
        assert.ok(argv.includes('10.0.0.2') && argv.includes(macOf(1)), argv.join(' '))
      }
    },
  },
  {
    name: 'no name of an instance adds a line, a field or a word (defects-linux-net G2; lessons B8)',
    run({ instance }) {
      const shape = (hostname: string) => [
        shapeOf(() => instance.host(network, 'br100', { ...guests[0]!, hostname })),
        shapeOf(() => instance.leaseFile(network, 'br100', [{ ...guests[0]!, hostname }])),
      ]
      const plain = shape('guest1')
      for (const name of [...HOSTILE_NAMES, 'x'.repeat(255)]) {
        for (const [index, found] of shape(name).entries()) {
          if (found !== null) assert.deepEqual(found, plain[index], `the name ${JSON.stringify(name)}`)
        }
      }
    },
  },
  {
    name: 'no label of a network adds a line, a field or a word (defects-linux-net G2)',
    run({ instance }) {
      const shape = (label: string) => shapeOf(() => instance.serve({ ...network, label }, 'br100', '10.0.0.1'))
      for (const name of HOSTILE_NAMES) {
        const found = shape(name)
        if (found !== null) assert.deepEqual(found, shape('private'), `the label ${JSON.stringify(name)}`)
      }
    },
  },
]
