/** Characters of English text and of code for one token, roughly. */
const CHARS_A_TOKEN = 4

/** An estimate that errs a little to the high side for prose. */
export const estimateTokens = (text: string): number => Math.ceil(text.length / CHARS_A_TOKEN)
