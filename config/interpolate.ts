const LONGEST_TEXT = 64 * 1024

/** Values of other flags and facts by name; null for a name that is neither. May throw, and `interpolate` then throws that. */
export type Lookup = (name: string) => string | null

/**
 * Replaces `$name` and `${name}`. `$$` and `\$` are a dollar sign, and so is a `$` before anything that is no name.
 * @param keepUnknown leave an unknown `$name` as it stands: a password may hold one
 * @throws {TypeError} on an unknown name, and when the text becomes absurdly long
 * Source: oslo.config `_substitute`, but `$a.b` is `$a` and the text `.b`.
 */
export function interpolate(text: string, lookup: Lookup, keepUnknown = false): string {
  const unknown = new Set<string>()
  let result = ''
  let end = 0
  for (const match of text.matchAll(/\\\$|\$\$|\$\{([^{}]*)\}|\$([A-Za-z_]\w*)/g)) {
    const name = match[1] ?? match[2]
    const value = name === undefined ? '$' : lookup(name)
    if (value === null && !keepUnknown) unknown.add(name!)
    result += text.slice(end, match.index) + (value ?? match[0])
    end = match.index + match[0].length
    if (result.length > LONGEST_TEXT) throw new TypeError('must not become longer than 64 KiB')
  }
  if (unknown.size > 0) {
    const names = [...unknown].map((name) => `$${name}`).join(', ')
    throw new TypeError(`must not refer to ${names}: there is no such flag (write $$ for a dollar sign)`)
  }
  return result + text.slice(end)
}

/** The text that `interpolate` turns into this one. */
export function escapeDollars(text: string): string {
  return text.replaceAll('$', '$$$$')
}
