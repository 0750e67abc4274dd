import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { option } from '../../config/option.ts'
import { readConfigFiles } from '../../config/read-settings.ts'
import { gather, slotOptions } from '../../config/registry.ts'
import { validate } from '../../config/validate.ts'
import { coreOptions } from '../../core/plugin-system/core-options.ts'
import { slots } from '../../core/plugin-system/slots.ts'

const folder = fileURLToPath(new URL('../../config/presets/', import.meta.url))
const bridge = { flat_network_bridge: option.optionalDevice({ help: '' }) }
const facts = { hostname: 'h', primary_address: '192.0.2.1', default_state_path: '/s', default_run_path: '/r' }
const declarers = [slotOptions(slots), coreOptions, bridge].map((options, i) => ({ name: `part ${i}`, options }))

test.each([
  ['flat-dhcp.conf', { network_manager: 'flat-dhcp', flat_network_bridge: 'br100', public_interface: 'eth0' }],
  ['flat.conf', { network_manager: 'flat', flat_network_bridge: 'br100', public_interface: null }],
  [
    'multi-host.conf',
    { db_backend: 'mysql', rpc_backend: 'amqp', multi_host: true, flat_interface: 'eth1', rabbit_host: '127.0.0.1' },
  ],
])('%s is valid and sets what it says', async (name, expected) => {
  expect(readdirSync(folder)).toContain(name)
  const { values, problems } = validate({
    registry: gather(declarers),
    settings: await readConfigFiles([folder + name]),
    facts,
  })
  expect(problems).toEqual([])
  expect(values).toMatchObject(expected)
})
