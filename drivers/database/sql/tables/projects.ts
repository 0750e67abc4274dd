import type { ProjectTable } from 'netloom/contracts'
import type { TableContext } from '../statements.ts'

export class Projects implements ProjectTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  async lock(projectId: string): Promise<void> {
    const { session, dialect } = this.#context
    if (dialect.lockProject !== null) await session.query(dialect.lockProject, [projectId])
  }

  fixedIps(projectId: string): Promise<number> {
    return this.#count(
      `instances i JOIN fixed_ips f ON f.instance_uuid = i.uuid AND f.allocated = 1 WHERE i.project_id = ?`,
      projectId,
    )
  }

  floatingIps(projectId: string): Promise<number> {
    return this.#count('floating_ips WHERE project_id = ? AND auto_assigned = 0', projectId)
  }

  async #count(what: string, projectId: string): Promise<number> {
    const { rows } = await this.#context.session.query(`SELECT COUNT(*) AS found FROM ${what}`, [projectId])
    return Number(rows[0]?.found ?? 0)
  }
}
