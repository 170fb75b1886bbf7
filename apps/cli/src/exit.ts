/** What the shell is told; documented in docs/cli.md. */
export const EXIT = {
  fine: 0,
  /** What was looked for was found to be wrong: a chain that does not verify. */
  wrong: 1,
  /** The command, a file that it names or the environment is not right. */
  usage: 2,
  /** A server refused, failed or did not answer. */
  server: 3,
} as const;

/** Ends the command; the message says what to do. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly exitCode: number,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'Failure';
  }
}
