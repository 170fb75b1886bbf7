/** What may be given to some command. */
export interface Options {
  tenant?: string;
  all?: boolean;
  checkpoint?: string[];
  jwks?: string;
  search?: string;
  url?: string;
  json?: boolean;
  help?: boolean;
}

/** A command, with the options that were given. */
export interface Given {
  command: Command;
  options: Options;
}

export interface Command {
  /** The words that name it. */
  name: readonly string[];
  summary: string;
  /** Beside `json` and `help`, which every command takes. */
  options: readonly (keyof Options)[];
  /** Answers the exit code. @throws Failure */
  run(given: Given): Promise<number>;
}
