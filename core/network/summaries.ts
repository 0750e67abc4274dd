/** Short forms of rows for lists. Pure. */
import type { InstanceSummary } from '../contracts/network-operations.ts'
import type { InstanceDetail } from '../model/rows.ts'

export function instanceSummary(instance: InstanceDetail): InstanceSummary {
  return {
    uuid: instance.uuid,
    hostname: instance.hostname,
    project_id: instance.project_id,
    host: instance.host,
    virtual_interfaces: instance.virtual_interfaces.map((vif) => ({
      mac: vif.address,
      network: vif.network_uuid,
      fixed_ips: vif.fixed_ips.map((fixed) => fixed.address),
      floating_ips: vif.fixed_ips.flatMap((fixed) => fixed.floating_ips),
      attached_to:
        vif.target === null ? null : vif.target_kind === 'netns' ? `${vif.target}/${vif.guest_device}` : vif.target,
      missing_since: vif.missing_since,
    })),
  }
}
