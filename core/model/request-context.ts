/** Who asks. Source: nova/context.py RequestContext. */
export interface RequestContext {
  readonly user_id: string | null
  readonly project_id: string | null
  readonly is_admin: boolean
  /** What the rules of a policy may ask for. */
  readonly roles: readonly string[]
  /** Names the request in every log line, on both sides of the bus. */
  readonly request_id: string
}

/** The operator, or the service itself. */
export function adminContext(requestId: string): RequestContext {
  return { user_id: null, project_id: null, is_admin: true, roles: ['admin'], request_id: requestId }
}

/** A tenant. */
export function projectContext(projectId: string, requestId: string, roles: readonly string[] = []): RequestContext {
  return { user_id: projectId, project_id: projectId, is_admin: false, roles, request_id: requestId }
}

/** The same caller with an operator's rights, for a step that the caller may not do alone. */
export function elevated(context: RequestContext): RequestContext {
  return { ...context, is_admin: true, roles: [...new Set([...context.roles, 'admin'])] }
}

/** True when the caller may act for the project: operators for all, tenants for their own. */
export function mayActFor(context: RequestContext, projectId: string | null): boolean {
  return context.is_admin || (projectId !== null && context.project_id === projectId)
}
