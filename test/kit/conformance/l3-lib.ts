import assert from 'node:assert/strict'
import { type FloatingBinding, type L3Driver, resourceKey } from 'netloom/contracts'
import { aNetwork } from '../builders.ts'
import { checkCommands, checkResources, frozen, sameTwice } from './checks.ts'
import type { ConformanceCase } from './run-cases.ts'

const networks = frozen([
  aNetwork(),
  aNetwork({ id: 2, cidr: '10.0.0.0/28', gateway: null }),
  aNetwork({ id: 3, cidr: null }),
])

const bindings: readonly FloatingBinding[] = frozen([
  { publicAddress: '203.0.113.5', fixedAddress: '10.0.0.2', interface: 'eth7' },
  { publicAddress: '203.0.113.6', fixedAddress: '10.0.0.3', interface: 'eth7' },
  { publicAddress: '203.0.113.7', fixedAddress: '10.0.0.4', interface: null },
])

/** `l3_lib` */
export const l3LibCases: readonly ConformanceCase<L3Driver>[] = [
  {
    name: 'initialize says the same twice',
    run({ instance }) {
      checkResources(sameTwice(() => instance.initialize()))
    },
  },
  {
    name: 'initializeGateway says the same twice, for any network, and leaves it as it is',
    run({ instance }) {
      for (const network of networks) {
        for (const address of [network.gateway, null]) {
          checkResources(sameTwice(() => instance.initializeGateway(network, 'br100', address)))
        }
      }
    },
  },
  {
    name: 'initializeGateway binds the address that it is given, to the device that it is given, with the prefix of the network',
    run({ instance }) {
      const bound = checkResources(instance.initializeGateway(aNetwork(), 'br100', '10.0.0.9'))
      for (const resource of bound) {
        if (resource.kind === 'address') assert.equal(resourceKey(resource), 'address 10.0.0.9/24 br100')
      }
    },
  },
  {
    name: 'addFloatingIp says the same twice',
    run({ instance }) {
      for (const binding of bindings) checkResources(sameTwice(() => instance.addFloatingIp(binding)))
    },
  },
  {
    name: 'addVpn, where there is one, says the same twice, and nothing for a network without a VPN server',
    run({ instance }) {
      const network = aNetwork({ vlan: 100, vpn_private_address: '10.0.0.2', vpn_public_port: 1000 })
      checkResources(sameTwice(() => instance.addVpn?.(network) ?? []))
      assert.deepEqual(instance.addVpn?.(aNetwork()) ?? [], [])
    },
  },
  {
    name: 'two floating IPs have nothing in common: one goes without the other',
    run({ instance }) {
      const keys = bindings.map((binding) => checkResources(instance.addFloatingIp(binding)).map(resourceKey))
      assert.equal(new Set(keys.flat()).size, keys.flat().length)
    },
  },
  {
    name: 'an address is translated for its pair only, on the interface that is stored with it (defects-manager C5)',
    run({ instance }) {
      for (const binding of bindings) {
        for (const resource of instance.addFloatingIp(binding)) {
          if (resource.kind === 'one-to-one-nat') {
            const { publicAddress, fixedAddress, device } = resource
            assert.deepEqual(
              { publicAddress, fixedAddress },
              { publicAddress: binding.publicAddress, fixedAddress: binding.fixedAddress },
            )
            if (binding.interface !== null) assert.equal(device, binding.interface)
          }
          if (resource.kind === 'address') {
            assert.equal(resource.cidr, `${binding.publicAddress}/32`)
            if (binding.interface !== null) assert.equal(resource.device, binding.interface)
          }
        }
      }
    },
  },
  {
    name: 'forgetConnections names the public address in every command: the flows of others are not touched',
    run({ instance }) {
      for (const binding of bindings) {
        const commands = sameTwice(() => instance.forgetConnections(binding))
        checkCommands(commands)
        for (const { argv } of commands) assert.ok(argv.includes(binding.publicAddress), argv.join(' '))
      }
    },
  },
]
