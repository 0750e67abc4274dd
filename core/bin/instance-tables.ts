/** NetworkInfo as a table for people. */
import type { InstanceSummary } from '../contracts/network-operations.ts'
import type { NetworkInfo } from '../model/network-info.ts'
import type { Columns } from './output.ts'

/** One address of an interface; an interface without any has one row all the same. */
export interface InterfaceRow {
  /** The number that `attach --vif` takes. */
  readonly interface: number
  readonly mac: string
  readonly network: string
  readonly address: string | null
  readonly gateway: string | null
  readonly floating: string
  readonly attached_to: string | null
}

export const interfaceColumns: Columns<InterfaceRow> = {
  interface: (row) => row.interface,
  mac: (row) => row.mac,
  network: (row) => row.network,
  address: (row) => row.address,
  gateway: (row) => row.gateway,
  floating: (row) => row.floating,
}

/** One row for each fixed IP, in order of the interfaces. */
export function interfaceRows(info: NetworkInfo, summary?: InstanceSummary): readonly InterfaceRow[] {
  return info.flatMap((vif, index) => {
    const same = {
      interface: index,
      mac: vif.address,
      network: vif.network.label,
      attached_to: attachedTo(summary, vif.address),
    }
    const rows = vif.network.subnets.flatMap(({ ips, gateway }) =>
      ips.map((ip) => ({
        ...same,
        address: ip.address,
        gateway: gateway.address,
        floating: ip.floating_ips.map(({ address }) => address).join(', '),
      })),
    )
    return rows.length > 0 ? rows : [{ ...same, address: null, gateway: null, floating: '' }]
  })
}

function attachedTo(summary: InstanceSummary | undefined, mac: string): string | null {
  const vif = summary?.virtual_interfaces.find((candidate) => candidate.mac === mac)
  if (!vif || vif.missing_since === null) return vif?.attached_to ?? null
  return `${vif.attached_to} (missing since ${vif.missing_since})`
}
