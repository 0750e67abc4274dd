import { readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path/posix'
import { describe, expect, test } from 'vitest'
import { filesBelow, readSource, root, type Source } from './kit-internal/sources.ts'

const facts = ['core/errors', 'core/model']
const contracts = [...facts, 'core/contracts']
const logic = [...contracts, 'config', 'core/api', 'core/plan', 'core/plugin-system']
const asAStranger = ['netloom/contracts']

/** What each part of netloom may import of the others, besides itself; core/bin may import all. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'core/errors': [],
  'core/model': ['core/errors'],
  config: facts,
  'core/contracts': facts,
  'core/api': contracts,
  'core/plan': contracts,
  'core/plugin-system': [...contracts, 'config'],
  'core/network': logic,
  // `netloom/contracts`.
  'core/index.ts': [...logic, 'core/network'],
  'plugins/index.ts': ['plugins/manager', 'plugins/interface', 'plugins/l3', 'plugins/dhcp', 'plugins/router-advert'],
  'plugins/manager': asAStranger,
  'plugins/interface': asAStranger,
  'plugins/l3': asAStranger,
  'plugins/dhcp': asAStranger,
  'plugins/router-advert': asAStranger,
  'drivers/index.ts': ['drivers/host', 'drivers/firewall', 'drivers/dns', 'drivers/database', 'drivers/rpc'],
  'drivers/host': asAStranger,
  'drivers/firewall': asAStranger,
  'drivers/database': asAStranger,
  'drivers/dns': asAStranger,
  'drivers/rpc': asAStranger,
  'drivers/system': asAStranger,
}

/** The only places that import a package. */
const PACKAGES: Readonly<Record<string, string>> = {
  inversify: 'core/plugin-system/',
  'reflect-metadata': 'core/plugin-system/',
  'import-meta-resolve': 'core/plugin-system/',
  typeorm: 'drivers/database/',
  'better-sqlite3': 'drivers/database/',
  mysql2: 'drivers/database/',
  amqplib: 'drivers/rpc/amqp/',
  execa: 'drivers/system/process-executor.ts',
  pino: 'drivers/system/logger.ts',
  'ipaddr.js': 'core/model/address.ts',
  zod: 'core/network/',
  re2js: 'core/network/ip-filter.ts',
  commander: 'core/bin/',
}

/** The outside world: what reaches it, and who may besides drivers and core/bin, with the reason. */
const WORLD =
  /^node:(child_process|cluster|dgram|dns|fs|http|http2|https|net|os|readline|timers|tls|worker_threads)(\/|$)/
const WORLD_CALLS = ['setTimeout', 'setInterval', 'setImmediate', 'fetch']
const MAY_REACH_THE_WORLD: Readonly<Record<string, string>> = {
  'config/read-settings.ts': 'reads the configuration files; the rest of the flag engine is given text',
  'config/host-facts.ts': 'asks for name, addresses and user of the machine once; tests hand in a Machine',
  'core/plugin-system/container.ts': "ends the wait for a plugin's create: the clock is itself a service",
}

const LONGEST_FILE = 350
const LONGEST_README = 60

const files = filesBelow('core', 'config', 'plugins', 'drivers', 'test')
const sources = files.filter((path) => path.endsWith('.ts')).map(readSource)
const product = sources.filter(({ path }) => !path.startsWith('test/'))

/** The part that a file belongs to: `core/bin`, `config`, `plugins/index.ts`, or the import by name itself. */
function partOf(path: string): string {
  return path.startsWith('config/') ? 'config' : path.split('/').slice(0, 2).join('/')
}

function isOwn(path: string): boolean {
  return /^(core|config|plugins|drivers|test)\//.test(path) || /^netloom(\/|$)/.test(path)
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

/** `FILE: WHAT` for each thing of a file that is wrong. */
function findings(of: readonly Source[], wrong: (source: Source) => readonly string[]): readonly string[] {
  return of.flatMap((source) => wrong(source).map((what) => `${source.path}: ${what}`))
}

describe('imports go one way', () => {
  test('the table of parts is whole', () => {
    const parts = new Set(product.map(({ path }) => partOf(path)))
    expect([...parts].sort()).toEqual([...Object.keys(MAY_IMPORT), 'core/bin'].sort())
  })

  test('no part imports what is above it, types included', () => {
    const upward = findings(product, ({ path, imports }) => {
      const own = partOf(path)
      if (own === 'core/bin') return []
      return imports.filter((target) => isOwn(target) && ![own, ...(MAY_IMPORT[own] ?? [])].includes(partOf(target)))
    })
    expect(upward).toEqual([])
  })

  test('nothing inside imports the facade, and nothing of the product its tests', () => {
    const wrong = findings(product, ({ path, imports }) =>
      imports
        // It runs the published kit, and loads it only then.
        .filter((target) => !(path === 'core/bin/commands/plugins-check.ts' && target === 'netloom/testing'))
        .filter((target) => /^(netloom(\/testing)?$|core\/bin\/index\.ts$|test\/)/.test(target)),
    )
    expect(wrong).toEqual([])
  })

  test('what is published of the tests imports only what is published', () => {
    const kit = sources.filter(({ path }) => path.startsWith('test/kit/'))
    const wrong = findings(kit, ({ imports }) =>
      imports.filter(
        (target) =>
          (target.startsWith('test/') && !target.startsWith('test/kit/')) ||
          (!isOwn(target) && !target.startsWith('node:') && PACKAGES[packageOf(target)] === undefined),
      ),
    )
    expect(kit).not.toEqual([])
    expect(wrong).toEqual([])
  })

  test('only core/bin sees the tables of built-in plugins', () => {
    const wrong = findings(product, ({ path, imports }) =>
      path.startsWith('core/bin/') ? [] : imports.filter((target) => /^(plugins|drivers)\/index\.ts$/.test(target)),
    )
    expect(wrong).toEqual([])
  })
})

test('a package is imported in one place only', () => {
  const wrong = findings(product, ({ path, imports }) =>
    imports.filter((target) => {
      if (isOwn(target) || target.startsWith('node:')) return false
      const place = PACKAGES[packageOf(target)]
      return place === undefined || !path.startsWith(place)
    }),
  )
  expect(wrong).toEqual([])
})

test('only drivers, core/bin and a few files with a reason reach the outside world', () => {
  const reaching = product.filter(
    ({ path, imports, calls }) =>
      !/^(drivers|core\/bin)\//.test(path) &&
      (imports.some((target) => WORLD.test(target)) || WORLD_CALLS.some((name) => calls.has(name))),
  )
  expect(reaching.map(({ path }) => path).sort()).toEqual(Object.keys(MAY_REACH_THE_WORLD).sort())
})

test('errors are defined in core/errors, one file an area', () => {
  const wrong = findings(product, ({ path, calls }) =>
    calls.has('defineError') && !path.startsWith('core/errors/') ? ['defines an error'] : [],
  )
  expect(wrong).toEqual([])
})

test(`no file of the product is longer than ${LONGEST_FILE} lines`, () => {
  expect(product.filter(({ lines }) => lines > LONGEST_FILE).map(({ path }) => path)).toEqual([])
})

test('files have kebab-case names', () => {
  const wrong = files.filter((path) => !/^([a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*|README\.md)$/.test(basename(path)))
  expect(wrong).toEqual([])
})

describe('each folder says what lives in it', () => {
  const readmes = files.filter((path) => basename(path) === 'README.md')
  // The folders of unit tests mirror those of the sources.
  const folders = [...new Set(files.map((path) => dirname(path)))].filter(
    (folder) => !/^test\/(core|config|plugins|drivers)(\/|$)/.test(folder),
  )

  test('in a README of its own, or in the one above', () => {
    const silent = folders.filter((folder) => {
      if (readmes.includes(`${folder}/README.md`)) return false
      const above = ancestorsOf(folder).find((candidate) => readmes.includes(`${candidate}/README.md`))
      if (above === undefined) return true
      return !readFileSync(`${root}${above}/README.md`, 'utf8').includes(`${folder.slice(above.length + 1)}/`)
    })
    expect(silent).toEqual([])
  })

  test('in a screen or less', () => {
    const long = readmes.filter((path) => readFileSync(root + path, 'utf8').split('\n').length - 1 > LONGEST_README)
    expect(long).toEqual([])
  })
})

/** The folders that a folder is in, the nearest first. */
function ancestorsOf(folder: string): readonly string[] {
  const above = dirname(folder)
  return above === '.' ? [] : [above, ...ancestorsOf(above)]
}
