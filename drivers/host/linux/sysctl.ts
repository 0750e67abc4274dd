/** Kernel parameters by file; no process. */
import { readFileSync, writeFileSync } from 'node:fs'

/** Reads and writes kernel parameters of the network namespace that it is made for. */
export interface Sysctl {
  /** @returns null when the kernel does not have it */
  read(key: string): string | null
  /** @throws what the file system says */
  write(key: string, value: string): void
}

/**
 * The path of a dotted key below /proc/sys. A slash in a key stands for a dot in a name, as in
 * `net.ipv4.conf.eth0/100.rp_filter`. Source: sysctl(8).
 * @throws {TypeError} for a key that leads elsewhere
 */
export function sysctlPath(key: string): string {
  const parts = key.split('.').map((part) => part.replaceAll('/', '.'))
  if (parts.some((part) => part === '' || part === '.' || part === '..')) throw new TypeError(`not a sysctl: ${key}`)
  return parts.join('/')
}

/** @param folder where the kernel shows them */
export function procSysctl(folder = '/proc/sys'): Sysctl {
  const pathOf = (key: string) => `${folder}/${sysctlPath(key)}`
  return {
    read(key) {
      try {
        return readFileSync(pathOf(key), 'utf8').trim().replaceAll('\t', ' ')
      } catch (error) {
        if (error instanceof TypeError) throw error
        return null
      }
    },
    write: (key, value) => writeFileSync(pathOf(key), value, { flag: 'r+' }),
  }
}
