/** A request of a sandbox, as it came through the tunnel. */
export type UpstreamRequest = {
  method: string
  /** With its query, as in `/v1/messages?beta=true`. */
  path: string
  headers: Record<string, string>
  body: Uint8Array | ReadableStream<Uint8Array>
}

export type UpstreamResponse = {
  status: number
  headers: Record<string, string>
  body: ReadableStream<Uint8Array>
}

/** Where model calls end: a provider of models, or the planner that needs none. */
export interface ModelUpstream {
  readonly name: string
  /** true: answers are planned, no real model */
  readonly offline: boolean
  /**
   * Answers every request, bad ones with an error in the shape of the API.
   * Rejects with the reason of `signal` when that fires first; later on, the body errors with it.
   */
  fetch(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse>
}
