/** The files of this repository as data, for tests that hold its structure. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path/posix'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'rolldown/utils'

/** The folder of package.json, with a slash at the end. */
export const root: string = fileURLToPath(new URL('../../', import.meta.url))

/** One TypeScript file. */
export interface Source {
  /** From the root, such as `core/model/address.ts`. */
  readonly path: string
  readonly lines: number
  /** What it imports or exports again, types too: a path from the root for its own files, else as written. */
  readonly imports: readonly string[]
  /** Names of the functions that it calls without a receiver, such as `setTimeout`. */
  readonly calls: ReadonlySet<string>
}

/** Paths of all files below these folders, in order; what is built or installed is left out. */
export function filesBelow(...folders: readonly string[]): readonly string[] {
  return folders.flatMap((folder) =>
    readdirSync(root + folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
      .sort(),
  )
}

/** Reads and parses a TypeScript file. */
export function readSource(path: string): Source {
  const text = readFileSync(root + path, 'utf8')
  const { program, errors } = parseSync(path, text)
  if (errors[0]) throw new Error(`${path}: ${errors[0].message}`)
  const imports: string[] = []
  const calls = new Set<string>()
  visit(program, (node) => {
    const source = node.source as { readonly value?: unknown } | null | undefined
    if (/Import|^Export/.test(node.type) && typeof source?.value === 'string') imports.push(within(path, source.value))
    const callee = node.callee as Node | undefined
    if (callee?.type === 'Identifier') calls.add(String(callee.name))
  })
  return { path, lines: text.split('\n').length - 1, imports, calls }
}

interface Node {
  readonly type: string
  readonly [key: string]: unknown
}

function visit(value: unknown, look: (node: Node) => void): void {
  if (Array.isArray(value)) for (const part of value) visit(part, look)
  else if (typeof value === 'object' && value !== null) {
    if ('type' in value && typeof value.type === 'string') look(value as Node)
    for (const part of Object.values(value)) visit(part, look)
  }
}

function within(path: string, specifier: string): string {
  return specifier.startsWith('.') ? join(path, '..', specifier) : specifier
}
