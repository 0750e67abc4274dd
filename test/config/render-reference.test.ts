import { expect, test } from 'vitest'
import { option } from '../../config/option.ts'
import type { Declarer } from '../../config/registry.ts'
import { renderReferenceMarkdown, renderSample } from '../../config/render-reference.ts'
import { parseIni } from '../../config/sources.ts'
import { coreOptions } from '../../core/plugin-system/core-options.ts'

const host = option.text({ default: '$hostname', help: 'This host' })
const coreLike = { host, level: option.oneOf(['a', 'b'], { default: 'a', help: 'One | other' }) }
const declarers: readonly Declarer[] = [
  { name: 'core', options: coreLike },
  {
    name: 'store',
    provides: { flag: 'db_backend' },
    options: {
      host,
      sql: option.text({ default: 'sqlite://', help: 'Where', secret: true, deprecatedNames: ['db'] }),
      cidr: option.optionalCidr({ help: 'Block' }),
    },
  },
  { name: 'noop', provides: { flag: 'l3_lib' }, options: {} },
  { name: 'own', provides: { flag: 'l3_lib' }, options: coreLike },
]

test('the reference has a table for each declarer and each flag once', () => {
  expect(renderReferenceMarkdown(declarers).replace(/^# Flags.*?(?=## )/s, '')).toBe(`## core

| flag | kind | default | meaning |
|---|---|---|---|
| \`host\` | text | \`$hostname\` | This host |
| \`level\` | a\\|b | \`a\` | One \\| other |

## db_backend = store

| flag | kind | default | meaning |
|---|---|---|---|
| \`sql\` | text | \`sqlite://\` | Where; old name: db; secret |
| \`cidr\` | CIDR, may be empty |  | Block |

Reads also: \`host\`.

## l3_lib = own

Reads also: all of \`core\`.

## Without flags

\`l3_lib = noop\`.
`)
})

test('the sample shows each flag with its default', () => {
  expect(
    renderSample(declarers),
  ).toBe(`# Every flag of netloom with its default: remove the # before a line to change it.

[DEFAULT]

# Flags of core.

# This host (text)
#host = $hostname

# One | other (a|b)
#level = a

# Flags of db_backend = store.

# Where; old name: db; secret (text)
#sql = sqlite://

# Block (CIDR, may be empty)
#cidr =
`)
})

test('the sample sets nothing, and without its # it sets every default', () => {
  const sample = renderSample([{ name: 'core', options: coreOptions }])
  expect(parseIni(sample, 'f')).toMatchObject({ settings: [], problems: [] })
  const { settings } = parseIni(sample.replaceAll(/^#(?! )/gm, ''), 'f')
  const values = settings.map(({ flag, value }) => {
    const declared = coreOptions[flag as keyof typeof coreOptions]
    return [flag, declared.default !== null && /^\$/.test(value!) ? value : declared.parse([value!])]
  })
  expect(Object.fromEntries(values)).toEqual(
    Object.fromEntries(Object.entries(coreOptions).map(([flag, declared]) => [flag, declared.default])),
  )
})
