/**
 * The known weaknesses of nova-network, in the two lists of `kit-internal/defects`: each is held by a test that quotes
 * its id (`defects-manager` or `defects-linux-net` and ids, as in `A3, A4` or `A1 to A7`), or the list says why none does.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FloatingIpApi } from '../core/api/floating-ip-api.ts'
import { NetworkApi } from '../core/api/network-api.ts'
import * as linuxNet from './kit-internal/defects/linux-net.ts'
import * as manager from './kit-internal/defects/manager.ts'
import { filesBelow, root } from './kit-internal/sources.ts'

const tests = filesBelow('test')
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readFileSync(root + path, 'utf8'))

/** `A3, A4` is two ids, `A3 to A7` five. */
function quotedIn(text: string, list: string): readonly string[] {
  return [...text.matchAll(new RegExp(`${list} ((?:[A-H]\\d+(?:, | to )?)+)`, 'g'))].flatMap(([, ids]) =>
    ids!.split(', ').flatMap((part) => {
      const [first, last] = part.split(' to ').map((id) => Number(id.slice(1)))
      const count = last ? last - first! + 1 : 1
      return part === '' ? [] : Array.from({ length: count }, (_, index) => `${part[0]}${first! + index}`)
    }),
  )
}

test.each([
  ['defects-manager', manager],
  ['defects-linux-net', linuxNet],
])('each of %s is held by a test that quotes it, or excused, and never both', (list, { DEFECTS, EXCUSED }) => {
  const quoted = new Set(tests.flatMap((text) => quotedIn(text, list)))
  const ids = Object.keys(DEFECTS)
  const open = ids.filter((id) => !quoted.has(id) && !Object.hasOwn(EXCUSED, id))
  expect(
    open.map((id) => `${id}: ${DEFECTS[id]}`),
    'neither quoted nor excused',
  ).toEqual([])
  expect(
    Object.keys(EXCUSED).filter((id) => quoted.has(id)),
    'take the excuse away: a test holds it',
  ).toEqual([])
  expect(
    [...quoted, ...Object.keys(EXCUSED)].filter((id) => !ids.includes(id)),
    'there is no such defect',
  ).toEqual([])
})

test('each operation of the API is called by a test (defects-manager D13)', () => {
  const operations = [NetworkApi, FloatingIpApi].flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype))
  const called = (name: string) => tests.some((text) => text.includes(`.${name}(`))
  expect(operations.filter((name) => name !== 'constructor' && !called(name))).toEqual([])
})
