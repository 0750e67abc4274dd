/** What projects may have: exit status 4. */
import { defineError } from './base.ts'

interface Limit {
  readonly project_id: string
  readonly limit: number
  readonly used: number
  readonly [key: string]: unknown
}

const describe = (what: string, release: string, flag: string) => (d: Limit) =>
  `project ${d.project_id} has ${d.used} of at most ${d.limit} ${what}: ${release}, or raise the flag ${flag}`

/** Parent of all that say that a project has as much as it may. */
export const QuotaError = defineError('QuotaError', 4, describe('things', 'give one back', 'quota_*'))

export const FixedIpLimitExceeded = defineError(
  'FixedIpLimitExceeded',
  4,
  describe('fixed IPs', 'deallocate an instance (`netloom instance list`)', 'quota_fixed_ips'),
  QuotaError,
)

export const FloatingIpLimitExceeded = defineError(
  'FloatingIpLimitExceeded',
  4,
  describe('floating IPs', 'release one (`netloom floating list`)', 'quota_floating_ips'),
  QuotaError,
)
