/** What is killed, or made to fail, while the world stands at a point. */
export const VICTIMS = [
  'worker',
  'sandbox',
  'orchestrator',
  'orchestrators',
  'nats',
  'nats-frozen',
  'forwarder',
  'zombie-worker',
  'zombie-orchestrator',
  'disk-full',
  'clock-jump',
] as const
export type VictimName = (typeof VICTIMS)[number]
