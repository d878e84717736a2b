export type ToolCall = { name: string; input: Record<string, unknown> }

/** One turn of the planner: what it says and the tools it calls; without calls it has finished. */
export type Reply = { text: string; calls: readonly ToolCall[] }
