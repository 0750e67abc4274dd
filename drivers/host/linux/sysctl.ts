/** Kernel parameters by file; no process. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Reads and writes kernel parameters of the network namespace that it is made for. */
export interface Sysctl {
  /** @returns null when the kernel does not have it */
  read(key: string): string | null
  /** @throws what the file system says */
  write(key: string, value: string): void
  /** Names of what is below a key, such as the devices below `net.ipv6.conf`; none when the kernel does not have it. */
  names(key: string): readonly string[]
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
    names(key) {
      try {
        return readdirSync(pathOf(key))
      } catch {
        return []
      }
    },
  }
}

/**
 * To be done before forwarding is switched on, with which the kernel drops the default routes of router advertisements
 * and hears no more of them. All devices that take them are told to go on, those too whose first one is still to come.
 * Source: the kernel's ip-sysctl, accept_ra.
 * @param isOurs devices that guests are on: what these advertise is not for the host
 */
export function keepAdvertisedRoutes(sysctl: Sysctl, isOurs: (device: string) => boolean): void {
  for (const device of sysctl.names('net.ipv6.conf')) {
    if (['all', 'default', 'lo'].includes(device) || isOurs(device)) continue
    const conf = `net.ipv6.conf.${device.replaceAll('.', '/')}`
    const key = `${conf}.accept_ra`
    if (sysctl.read(key) !== '1' || sysctl.read(`${conf}.forwarding`) !== '0') continue
    try {
      sysctl.write(key, '2')
    } catch (error) {
      // The device may have gone meanwhile.
      if (sysctl.read(key) !== null) throw error
    }
  }
}
