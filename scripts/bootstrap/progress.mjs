import { spawn } from 'node:child_process';

/** Something the person at the terminal can act on; its message says how. */
export class BootstrapError extends Error {}

const lively = process.stdout.isTTY === true;
const LABEL_WIDTH = 10;
/** Where nothing can be rewritten in place (a log), a long step still says that it lives. */
const SIGN_OF_LIFE_MS = lively ? 100 : 15_000;

const seconds = (sinceMs) => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
const line = (label, text) => `  ${label.padEnd(LABEL_WIDTH)} ${text}`;

/** Steps under way, each with the text that says how far it is. */
const underWay = new Map();

/** Shows the steps under way on one line that is written over again and again. */
function showLive() {
  const text = [...underWay.values()].map((say) => say()).join('  ');
  process.stdout.write(`\r\x1b[2K${text.slice(0, process.stdout.columns)}`);
}

/** One line per step: `  packages   installed (31.2 s)`, with a running clock while it lasts. Steps may overlap. */
export const progress = {
  /** @returns how to end the step: with what it came to */
  begin(label, doing) {
    const startMs = performance.now();
    const say = () => line(label, `${doing} ... ${seconds(startMs)}`);
    underWay.set(label, say);
    if (!lively) console.log(line(label, `${doing} ...`));
    const clock = setInterval(() => (lively ? showLive() : console.log(say())), SIGN_OF_LIFE_MS);
    const end = (text) => {
      clearInterval(clock);
      underWay.delete(label);
      if (lively) process.stdout.write('\r\x1b[2K');
      console.log(line(label, text));
    };
    return {
      done: (what) => end(`${what} (${seconds(startMs)})`),
      failed: () => end(`failed after ${seconds(startMs)}`),
    };
  },

  fail(message) {
    console.error(`\n${message}\n`);
  },
};

/**
 * Runs a command quietly.
 * @returns its exit code and everything that it wrote
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** The last lines of an output, as a failure should show them. */
export function tail(output, lines = 25) {
  return output.trimEnd().split('\n').slice(-lines).join('\n');
}
