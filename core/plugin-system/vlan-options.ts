/** Flags about VLANs that a manager reads and a plugin of the host too. */
import { option } from '../../config/option.ts'

export const vlanOptions = {
  vlan_interface: option.optionalDevice({
    help: 'Device that carries the VLANs: the default of --bridge_interface at network creation, and on this host in place of what is stored',
  }),
  vpn_ip: option.address({
    default: '$my_ip',
    family: 4,
    help: 'Public address of the VPN servers of networks on VLANs; as long as it is my_ip each network has that of its host',
  }),
}
