import type { Fact } from '../contract/facts/index.ts'
import type { SpecState } from './state.ts'

export declare function fold(state: SpecState | undefined, fact: Fact, seq: number): SpecState | undefined
export declare function foldRefused(state: SpecState | undefined, reason: string, seq: number): SpecState | undefined
