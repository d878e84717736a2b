import { nuid } from 'nats'
import { forgetDrawn } from '../contract/ids.ts'

/** Ids and inboxes of this process are its own from here on, also where its memory began as a copy of another's. */
export function forgetRandomness(): void {
  forgetDrawn()
  nuid.reset()
}
