/** What one apply of the reconciler is about. */

/** `facts`: read them anew and look at the whole host; `look`: look at the host, with the facts that are known. */
export type ReconcileScope = readonly string[] | 'facts' | 'look'

/** One scope for all that wait. */
export function widest(scopes: readonly ReconcileScope[]): ReconcileScope {
  const names = [...new Set(scopes.flatMap((scope) => (typeof scope === 'string' ? [] : scope)))]
  // Whoever waits for owners beside a look is served by reading everything: it is rare.
  if (scopes.includes('facts') || (scopes.includes('look') && names.length > 0)) return 'facts'
  return scopes.includes('look') ? 'look' : names
}
