import {
  adminContext,
  checkPolicy,
  Policy,
  projectContext,
  type RequestContext,
  wrapCheckPolicy,
} from 'netloom/contracts'
import { describe, expect, test } from 'vitest'
import { rpcMethods } from '../../../core/network/methods/index.ts'
import { readPolicy, samplePolicy } from '../../../core/network/policy/policy-file.ts'
import { parseRule } from '../../../core/network/policy/rule.ts'

const admin = adminContext('r')
const member = projectContext('mine', 'r', ['Member'])
const nobody: RequestContext = { ...member, project_id: null, user_id: null, roles: [] }

/** Who of admin, member and nobody may, by a rule. */
const RULES: readonly (readonly [rule: unknown, who: string])[] = [
  ['', 'admin member nobody'],
  ['@', 'admin member nobody'],
  [[], 'admin member nobody'],
  ['!', ''],
  ['not @', ''],
  ['role:admin', 'admin'],
  ['ROLE:admin'.toLowerCase(), 'admin'],
  ['role:member', 'member'],
  ['is_admin:True', 'admin'],
  ['is_admin:False', 'member nobody'],
  ['not is_admin:True', 'member nobody'],
  ['not not is_admin:True', 'admin'],
  ['project_id:mine', 'member'],
  ['project_id:%(project_id)s', 'member'],
  ['user_id:%(project_id)s', 'member'],
  ['user_id:%(user_id)s', 'member'],
  ['role:admin or role:member', 'admin member'],
  ['role:admin and role:member', ''],
  // `and` binds more than `or`.
  ['role:admin or role:member and project_id:theirs', 'admin'],
  ['(role:admin or role:member) and project_id:mine', 'member'],
  ['role:nobody or not (role:admin or role:member)', 'nobody'],
  ['(project_id:%(project_id)s)', 'member'],
  ['rule:admin_api', 'admin'],
  ['rule:admin_or_owner', 'admin member'],
  ['not rule:admin_api and role:MEMBER', 'member'],
  [['role:admin', 'role:member'], 'admin member'],
  [[['role:member', 'project_id:mine'], ['is_admin:True']], 'admin member'],
  [[['role:member', 'project_id:theirs'], []], 'admin member nobody'],
]

test.each(RULES)('by the rule %j it may be done by: %s', (rule, who) => {
  const policy = new Policy(new Map([['network:get_network', parseRule(rule)]]))
  const callers = Object.entries({ admin, member, nobody }).filter(([, context]) =>
    policy.allows(context, 'network:get_network', false),
  )
  expect(callers.map(([name]) => name).join(' ')).toBe(who)
})

const BROKEN: readonly (readonly [rule: unknown, message: string])[] = [
  ['admin', 'at character 1: "admin" is no check'],
  ['role:admin or', 'at character 14: a check is missing at the end'],
  ['role:admin role:member', 'at character 12: "role:member" where "and" or "or" should be'],
  ['(role:admin or role:member', 'at character 1: "(" without ")"'],
  ['role:admin)', 'at character 11: ")" without "("'],
  ['role:', 'at character 1: "role:" is no check'],
  [':admin', 'at character 1: ":admin" is no check'],
  ['and role:admin', 'at character 1: "and" is no check'],
  ['@ and rolle:admin', 'at character 7: there is no check "rolle"'],
  ['http:example.org', 'there is no check "http"'],
  ['project_id:%(tenant)s', 'a call has no tenant'],
  ['rule:nowhere', 'there is no rule nowhere'],
  ['rule:network:get_network', 'it refers to itself'],
  ['rule:circle', 'it refers to itself'],
  ['rule:broken', 'rule broken: at character 1'],
  [7, 'a rule is a text or a list'],
  [{}, 'a rule is a text or a list'],
]

test.each(BROKEN)('the rule %j is refused: %s', (rule, message) => {
  const text = JSON.stringify(
    { 'network:get_network': rule, circle: 'not rule:network:get_network', broken: 'x' },
    null,
    1,
  )
  const { problems } = readPolicy(text, '/p.json', rpcMethods)
  const errors = problems.filter(({ level }) => level === 'error')
  expect(errors.map((problem) => problem.message).join('\n')).toContain(message)
  expect(errors[0]).toMatchObject({ flag: 'policy_file', file: '/p.json', line: expect.any(Number) })
  expect(errors.every((problem) => problem.message.startsWith('rule '))).toBe(true)
})

describe('a policy file', () => {
  test.each([
    ['{', 'it is not JSON'],
    ['[]', 'it must hold an object of rules'],
    ['null', 'it must hold an object of rules'],
  ])('of %s is refused: %s', (text, message) => {
    expect(readPolicy(text, '/p.json', rpcMethods).problems).toMatchObject([
      { level: 'error', file: '/p.json', message: expect.stringContaining(message) },
    ])
  })

  test('names the line of what is wrong, and warns of what is for nothing or too open', () => {
    const text = '{\n "network:get_netwrok": "@",\n "network:delete_network": [],\n "network:reconcile_owners": "!"\n}'
    const brief = readPolicy(text, '/p.json', rpcMethods).problems.map(({ level, line, message }) => [
      level,
      line,
      message,
    ])
    expect(brief).toEqual([
      ['warning', 2, 'rule network:get_netwrok: no operation has this name: the rule is for nothing'],
      ['warning', 3, 'rule network:delete_network: it lets every tenant do what is for operators'],
      ['warning', 4, 'rule network:reconcile_owners: no operation has this name: the rule is for nothing'],
    ])
  })

  test('of nova is taken as it is: rules of other services do not matter', () => {
    const text = JSON.stringify({
      admin_or_owner: [['is_admin:True'], ['project_id:%(project_id)s']],
      default: [['rule:admin_or_owner']],
      'compute:create': 'http:example.org and %(x)s:y',
      'network:get_all_networks': [],
      'network:allocate_for_instance': [['rule:default']],
    })
    expect(readPolicy(text, '/p.json', rpcMethods).problems).toEqual([])
  })

  test('may say what the owner is, for all rules that do not say otherwise', () => {
    const { policy } = readPolicy('{"admin_or_owner": "role:member"}', '/p.json', rpcMethods)
    expect(policy.allows(member, 'network:get_network', false)).toBe(true)
    expect(policy.allows(admin, 'network:get_network', false)).toBe(false)
  })

  test('of the sample says what holds without a file, for each operation (defects-manager E3)', () => {
    const { policy, problems } = readPolicy(samplePolicy(rpcMethods), '/p.json', rpcMethods)
    expect(problems).toEqual([])
    const named = [...policy.rules.keys()].filter((name) => name.startsWith('network:')).sort()
    const asked = Object.entries(rpcMethods).filter(([, { internal }]) => internal !== true)
    expect(named).toEqual(asked.map(([method]) => `network:${method}`).sort())
    for (const [method, { admin: operator }] of asked) {
      for (const context of [admin, member, nobody]) {
        const allowed = new Policy().allows(context, `network:${method}`, operator)
        expect(policy.allows(context, `network:${method}`, operator), method).toBe(allowed)
        expect(allowed, method).toBe(context === admin || (context === member && !operator))
      }
    }
  })
})

describe('checkPolicy', () => {
  test('is silent for who may, and says which rule keeps the others out', () => {
    const policy = new Policy(new Map([['network:get_network', parseRule('!')]]))
    expect(() => checkPolicy(policy, member, 'get_all_networks')).not.toThrow()
    expect(() => checkPolicy(policy, member, 'get_network')).toThrow(
      'policy does not allow network:get_network to user mine of project mine: ask an operator',
    )
    expect(() => checkPolicy(policy, member, 'delete_network', true)).toThrow('delete_network is for operators')
  })

  test('is done by wrapCheckPolicy before the operation, by the policy of that moment', async () => {
    const done: string[] = []
    let policy = new Policy()
    const operation = async (_context: RequestContext, uuid: string) => {
      done.push(uuid)
      return uuid
    }
    const wrapped = wrapCheckPolicy('get_network', operation, () => policy)
    expect(await wrapped(member, 'one')).toBe('one')
    policy = new Policy(new Map([['network:get_network', parseRule('role:reader')]]))
    await expect(wrapped(member, 'two')).rejects.toMatchObject({ code: 'PolicyNotAuthorized', exitStatus: 4 })
    expect(await wrapped({ ...member, roles: ['reader'] }, 'three')).toBe('three')
    expect(done).toEqual(['one', 'three'])
  })
})
