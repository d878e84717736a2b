import { expect, it } from 'vitest'
import { explainRefusal } from './isolation.ts'

it('says what an operator can do about a refusal of the kernel', () => {
  const noUsers = explainRefusal('bwrap: No permissions to create new namespace, likely because …')
  expect(noUsers.reason).toContain('forbids user namespaces')
  expect(noUsers.next).toContain('user.max_user_namespaces')
  expect(explainRefusal('bwrap: setting up uid map: Permission denied\n').reason).toContain('forbids user namespaces')
  expect(explainRefusal("bwrap: Can't mount proc on /newroot/proc: Operation not permitted").reason).toContain(
    'itself a container',
  )
  expect(explainRefusal('').reason).toContain('it gave no reason')
})
