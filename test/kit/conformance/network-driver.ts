import assert from 'node:assert/strict'
import type { LinuxNetInterfaceDriver, NetworkRow } from 'netloom/contracts'
import { aNetwork, aVirtualInterface } from '../builders.ts'
import { checkDevice, checkResources, frozen, sameTwice } from './checks.ts'
import type { ConformanceCase } from './run-cases.ts'

const MAC = '02:6e:00:00:00:01'

/** Networks as managers make them. Devices may be named after the beginnings of their UUIDs, which are random. */
const networks: readonly NetworkRow[] = frozen(
  [
    aNetwork(),
    aNetwork({ id: 2, mtu: 1400, bridge_interface: 'eth1', project_id: 'acme' }),
    aNetwork({ id: 3, gateway: null, dhcp_server: null }),
    aNetwork({ id: 4, bridge: 'br0123456789abc', vlan: 4094, bridge_interface: 'eth1' }),
  ].map((network) => ({ ...network, uuid: `${network.id}f1c1e9c-4e0e-4b0a-9d5b-2f1b6a1f0c11` })),
)

const port = frozen(aVirtualInterface({ device: 'tap0123456789a' }))
const targets = [
  { kind: 'netns', name: 'guest1' },
  { kind: 'tap', name: 'tap0123456789a' },
] as const

/** `network_driver` */
export const networkDriverCases: readonly ConformanceCase<LinuxNetInterfaceDriver>[] = [
  {
    name: 'getDev names a device that Linux takes, always the same',
    run({ instance }) {
      for (const network of networks) checkDevice(sameTwice(() => instance.getDev(network)))
    },
  },
  {
    name: 'plug says the same twice, of devices that Linux takes, and leaves the network as it is',
    run({ instance }) {
      for (const network of networks) {
        for (const gateway of [true, false]) checkResources(sameTwice(() => instance.plug(network, MAC, gateway)))
      }
    },
  },
  {
    name: 'plug makes the same devices with and without a gateway',
    run({ instance }) {
      for (const network of networks) {
        const links = (gateway: boolean) =>
          instance.plug(network, MAC, gateway).filter((resource) => resource.kind === 'link')
        assert.deepEqual(links(true), links(false))
      }
    },
  },
  {
    name: 'unplug names only devices that plug makes, and whom others name too they want alike',
    run({ instance }) {
      const made = (of: NetworkRow, name: string) =>
        checkResources(instance.plug(of, MAC, true)).find(
          (resource) =>
            ((resource.kind === 'link' && resource.type !== 'existing') || resource.kind === 'ovs-port') &&
            resource.name === name,
        )
      for (const network of networks) {
        for (const name of sameTwice(() => instance.unplug(network))) {
          assert.ok(made(network, name), `${name} is not made by plug`)
          // It goes with the last of them.
          for (const other of networks.filter((other) => made(other, name))) {
            assert.ok(instance.unplug(other).includes(name), `${name} is of another network too, which would keep it`)
            assert.deepEqual(made(other, name), made(network, name))
          }
        }
      }
    },
  },
  {
    name: 'attach says the same twice, and makes the port under the name that is stored with the interface',
    run({ instance }) {
      for (const network of networks) {
        for (const target of targets) {
          const guestDevice = target.kind === 'netns' ? 'eth0' : null
          const made = checkResources(sameTwice(() => instance.attach(network, port, target, guestDevice)))
          const links = made.filter((resource) => resource.kind === 'link')
          if (links.length > 0) assert.ok(links.some(({ name }) => name === port.device))
        }
      }
    },
  },
  {
    name: "attach makes no device of the network's own: two guests do not want one thing differently",
    run({ instance }) {
      const other = aVirtualInterface({ id: 2, device: 'tapfedcba98765' })
      for (const network of networks) {
        const one = instance.attach(network, port, targets[0], 'eth0')
        const two = instance.attach(network, other, { kind: 'netns', name: 'guest2' }, 'eth0')
        const names = (resources: typeof one) => resources.flatMap((r) => (r.kind === 'link' ? [r.name] : []))
        assert.deepEqual(
          names(one).filter((name) => names(two).includes(name)),
          [],
        )
      }
    },
  },
]
