import { describe, expect, test } from 'vitest'
import { deriveRequirements } from './requirements.ts'

const derive = (text: string) => deriveRequirements({ id: 'spec-1', title: 'Untitled', text }, undefined)
const texts = (text: string) => derive(text).requirements.map((requirement) => requirement.text)

describe('statements are found', () => {
  test('in prose, stories, tables, lists and below the line that announces them', () => {
    const spec = [
      '# Team calendar',
      'Today nobody can see who is away. Members can create events.',
      '## User stories',
      'US-1: As a member, I want to see a week.',
      'US-2: As an owner, I want to invite people.',
      '## Requirements',
      '| ID | Requirement |',
      '|---|---|',
      '| R1 | The system must prevent double bookings |',
      '',
      'The calendar must:',
      '- send a reminder',
      '- keep events for 5 years',
    ].join('\n')
    expect(texts(spec)).toEqual([
      'THE SYSTEM SHALL allow members to create events.',
      'THE SYSTEM SHALL allow a member to see a week.',
      'THE SYSTEM SHALL allow an owner to invite people.',
      'THE SYSTEM SHALL ensure that the calendar sends a reminder.',
      'THE SYSTEM SHALL ensure that the calendar keeps events for 5 years.',
      'THE SYSTEM SHALL prevent double bookings.',
    ])
  })

  test('but neither in what is out of scope, assumed, asked or told as background', () => {
    const spec = [
      '## Problem',
      'Operators cannot see failures.',
      '## Alerts',
      '- Operators must be told of a failure within 5 minutes',
      '- Why not earlier?',
      '## Assumptions',
      '- Mail must be delivered',
      '## Out of scope',
      '- Users can mute alerts',
      '## Open questions',
      '- Who must be on call?',
    ].join('\n')
    const { requirements, assumptions, out_of_scope, open_questions } = derive(spec)
    expect(requirements).toHaveLength(1)
    expect([assumptions, out_of_scope, open_questions]).toEqual([
      ['Mail must be delivered'],
      ['Users can mute alerts'],
      ['Who must be on call?'],
    ])
  })
})

describe('a requirement', () => {
  const spec = [
    '## Sign in',
    '- Users must sign in with a password of at least 12 characters',
    '- If the password is wrong, the service must answer 401',
    '  - the answer takes as long as for an unknown user',
    '- Nice to have: Users can stay signed in',
    '## Speed',
    '- p95 latency below 50 ms',
    '## Acceptance criteria',
    '- Given a wrong password, when a user signs in, then the answer is 401 and the attempt is counted',
  ].join('\n')
  const [password, wrong, stay, speed] = derive(spec).requirements

  test('has an id that counts within its section', () => {
    expect([password, wrong, stay, speed].map((each) => each?.id)).toEqual([
      'REQ-SIGN-001',
      'REQ-SIGN-002',
      'REQ-SIGN-003',
      'REQ-SPEED-001',
    ])
  })

  test('keeps its id when another section grows', () => {
    const grown = derive(`## Before\n- Log every call\n${spec}`).requirements
    expect(grown.slice(1).map(({ id }) => id)).toEqual([password, wrong, stay, speed].map((each) => each?.id))
  })

  test('has its priority from its verb and its type from its words', () => {
    expect([password, wrong, stay, speed].map((each) => [each?.priority, each?.type])).toEqual([
      ['HIGH', 'security'],
      ['HIGH', 'security'],
      ['LOW', 'functional'],
      ['MEDIUM', 'performance'],
    ])
  })

  test('takes the criteria that the spec gives for it', () => {
    expect(wrong?.acceptance_criteria).toEqual(
      expect.arrayContaining([
        'the answer takes as long as for an unknown user.',
        'Given a wrong password, when a user signs in, then the answer is 401 and the attempt is counted.',
      ]),
    )
    expect(password?.acceptance_criteria).toContain(
      'The edge is tested: exactly 12 characters conforms, anything below does not.',
    )
  })
})
