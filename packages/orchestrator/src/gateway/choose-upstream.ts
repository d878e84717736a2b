import type { UpstreamChoice } from '../config.ts'
import { anthropicUpstream } from './upstreams/anthropic/anthropic-upstream.ts'
import { offlineUpstream } from './upstreams/offline/offline-upstream.ts'
import type { ModelUpstream } from './upstreams/upstream.ts'

/** Chosen once, at the start. Whatever happens to a call, no other upstream ever answers in its place. */
export const openUpstream = (choice: UpstreamChoice): ModelUpstream =>
  choice.kind === 'offline' ? offlineUpstream() : anthropicUpstream(choice)
