/** The safe order of operations on a host. */
import type { Phase, PhasedOperation } from '../contracts/host.ts'

/**
 * Daemons stop before their devices go; addresses go before the rules that served them, and rules are there before an
 * address answers ARP (defects-linux-net F1); files are there before the daemon that reads them; a lease is ended
 * after its host entry is gone (H3), and neighbours are told last, when all works.
 */
const PHASES: readonly Phase[] = [
  'stop',
  'unbind',
  'rules',
  'bind',
  'settings',
  'files',
  'daemons',
  'actions',
  'announce',
]

export function orderOperations(operations: readonly PhasedOperation[]): readonly PhasedOperation[] {
  return operations.toSorted((a, b) => PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase))
}
