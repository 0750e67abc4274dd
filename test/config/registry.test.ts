import { expect, test } from 'vitest'
import { option } from '../../config/option.ts'
import { gather, slotOptions } from '../../config/registry.ts'
import { slots } from '../../core/plugin-system/slots.ts'

const text = (byDefault: string, more = {}) => option.text({ default: byDefault, help: 'h', ...more })
const messages = (...declarers: Parameters<typeof gather>[0]) =>
  gather(declarers).problems.map(({ flag, message }) => `${flag}: ${message}`)

test('two may declare one flag alike, whatever they say of it', () => {
  const registry = gather([
    { name: 'core', options: { a: text('x') } },
    { name: 'p', options: { a: text('x', { help: 'other', secret: true, deprecatedNames: ['old'] }) } },
  ])
  expect(registry.problems).toEqual([])
  expect(registry.find('a')).toMatchObject({ declarers: ['core', 'p'], option: { help: 'h', secret: true } })
  expect(registry.find('old')?.flag).toBe('a')
  expect([registry.find('b'), registry.find('constructor'), registry.find('')]).toEqual([null, null, null])
})

test('declarations that differ in kind or default are a problem that names both', () => {
  const core = { name: 'core', options: { a: text('x') } }
  expect(messages(core, { name: 'p', options: { a: text('y') } })).toEqual([
    'a: core (text, default "x") and p (text, default "y") declare it differently',
  ])
  expect(messages(core, { name: 'p', options: { a: option.integer({ default: 1, help: '', min: 0 }) } })).toEqual([
    'a: core (text, default "x") and p (integer 0.., default 1) declare it differently',
  ])
})

test('an old name that is taken, and a name that no source can spell, are problems', () => {
  expect(messages({ name: 'p', options: { a: text('', { deprecatedNames: ['b'] }), b: text('') } })).toEqual([
    'a: its old name b is also a name of the flag b',
  ])
  expect(
    messages({
      name: 'p',
      options: { a: text('', { deprecatedNames: ['c'] }), b: text('', { deprecatedNames: ['c'] }) },
    }),
  ).toEqual(['b: its old name c is also a name of the flag a'])
  expect(messages({ name: 'p', options: { 'Big-flag': text('') } })).toEqual([
    'Big-flag: p declares it, but a flag is named with a-z, 0-9 and _ only',
  ])
})

test('slots are text flags with their defaults, old flags have none', () => {
  const registry = gather([{ name: 'slots', options: slotOptions(slots) }])
  expect(registry.problems).toEqual([])
  expect(registry.find('network_manager')?.option.default).toBe('flat-dhcp')
  expect(registry.find('linuxnet_interface_driver')?.option.default).toBe(null)
  expect(registry.find('l3_lib')?.option.parse(['nova.network.l3.NullL3'])).toBe('nova.network.l3.NullL3')
})
