/** What callers may ask for: exit status 4. */
import { defineError } from './base.ts'

export const PolicyNotAuthorized = defineError(
  'PolicyNotAuthorized',
  4,
  (d: { action: string; project_id: string | null; user_id: string | null }) =>
    `policy does not allow ${d.action} to ${d.user_id === null ? 'this caller' : `user ${d.user_id}`}` +
    `${d.project_id === null ? '' : ` of project ${d.project_id}`}: ask an operator, who may change the rule (the flag policy_file)`,
)
