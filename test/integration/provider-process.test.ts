import { describeConformance } from '../../packages/testkit/src/provider-conformance.ts'
import { startProcessEngine } from './process-engine.ts'

const isRoot = process.getuid?.() === 0

describeConformance({
  name: 'process',
  isolated: true,
  holds: { memory: isRoot, pids: isRoot, disk: true },
  countsRefusals: isRoot,
  start: (busAddress) => startProcessEngine('process', busAddress),
})

describeConformance({
  name: 'process-unsafe',
  isolated: false,
  holds: { memory: isRoot, pids: isRoot, disk: false },
  countsRefusals: isRoot,
  start: (busAddress) => startProcessEngine('process-unsafe', busAddress),
})
