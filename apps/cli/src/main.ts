#!/usr/bin/env node
/** The `incumbent` command. Exit codes: see exit.ts. */
import { InvalidConfiguration } from '#config';
import { parseCommand, usage } from './arguments.js';
import { EXIT, Failure } from './exit.js';
import { write, writeError } from './output.js';

/** The timers of the clock let a process end; one that waits for a server must stay. */
setInterval(() => undefined, 60_000);

async function main(words: string[]): Promise<number> {
  const given = parseCommand(words);
  if (given === undefined) {
    write(usage());
    return EXIT.fine;
  }
  return given.command.run(given);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof Failure) {
    writeError(error.message);
    process.exitCode = error.exitCode;
  } else if (error instanceof InvalidConfiguration) {
    writeError(error.message);
    process.exitCode = EXIT.usage;
  } else throw error;
}
// A connection that a server has neither opened nor refused must not keep the command waiting.
process.exit();
