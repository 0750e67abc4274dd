/** Files that are made from the sources are as the sources say. `UPDATE_GOLDEN=1` renews them. */
import { readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { renderReference } from '../core/bin/commands/config.ts'
import { selectPlugins } from '../core/bin/plugin-selection.ts'
import { rpcMethods } from '../core/network/methods/index.ts'
import { samplePolicy } from '../core/network/policy/policy-file.ts'
import { root } from './kit-internal/sources.ts'

test.each([
  ['config/reference.md', 'markdown'],
  ['config/netloom.conf.sample', 'sample'],
] as const)('%s is what `netloom config reference` prints', async (path, form) => {
  const text = await renderReference(selectPlugins, form)
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(root + path, text)
  expect(text).toBe(readFileSync(root + path, 'utf8'))
  // The same on every machine.
  expect(text).not.toContain(root)
  expect(text).not.toMatch(new RegExp(`\\b${hostname()}\\b`))
})

test('config/policy.json.sample has the rule of each operation as it is by default (defects-manager E3)', () => {
  const text = samplePolicy(rpcMethods)
  const path = `${root}config/policy.json.sample`
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(path, text)
  expect(text).toBe(readFileSync(path, 'utf8'))
})
