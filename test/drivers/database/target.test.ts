import { describe, expect, test } from 'vitest'
import { describeTarget, parseTarget } from '../../../drivers/database/mysql/target.ts'

describe('sql_connection of a server', () => {
  test.each([
    ['mysql://nova:pw@db:3307/facts', 'mysql://nova@db:3307/facts', 'pw'],
    ['mysql+pymysql://nova:pw@db/facts?charset=utf8', 'mysql://nova@db:3306/facts', 'pw'],
    ['mysql://nova:p%40%2F%23%25%C3%BC@[fd00::1]/facts-2', 'mysql://nova@[fd00::1]:3306/facts-2', 'p@/#%ü'],
    ['mysql://nova@127.0.0.1/facts', 'mysql://nova@127.0.0.1:3306/facts', ''],
  ])('%s is %s', (text, described, password) => {
    const { target } = parseTarget(text)
    expect(target?.password).toBe(password)
    expect(describeTarget(target!)).toBe(described)
  })

  test.each([
    ['sqlite:////var/lib/x', 'must be mysql://user:password@host:port/database'],
    ['mysql://nova:s3/cret@db/facts', 'of a password as %XX'],
    ['mysql://nova:s3#cret@db/facts', 'of a password as %XX'],
    ['mysql://nova:s3%cret@db/facts', 'write % itself as %25'],
    ['mysql://nova:s3cret@db', 'must end with the name of a database'],
    ['mysql://nova:s3cret@db/a`b', 'must end with the name of a database'],
    ['mysql://nova:s3cret@db/facts?ssl_ca=s3', 'must have no parameter after ? but charset'],
  ])('%s is refused without being told again: %s', (text, problem) => {
    const parsed = parseTarget(text)
    expect(parsed.target).toBeNull()
    expect(parsed.problem).toContain(problem)
    expect(parsed.problem).not.toContain('s3')
  })
})
