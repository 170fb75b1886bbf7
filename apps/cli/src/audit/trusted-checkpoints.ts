import { readFile } from 'node:fs/promises';
import { CHECKPOINT_TYPE, checkpointSchema, type ReadCheckpoint, type SeenHead } from '#audit';
import { claimsReader, NotGenuine } from '#fencing';
import { EXIT, Failure } from '../exit.js';

const ANSWER_WITHIN_MS = 15_000;

/** Tells a checkpoint that one of these keys signed from everything else. */
export function checkpointReader(jwks: { keys: readonly object[] }): ReadCheckpoint {
  const read = claimsReader(CHECKPOINT_TYPE, jwks);
  return async (token) => {
    try {
      return checkpointSchema.safeParse(await read(token)).data;
    } catch (error) {
      if (error instanceof NotGenuine) return undefined;
      throw error;
    }
  };
}

/** Keys from a file or an address. @throws Failure */
export async function readJwks(place: string): Promise<{ keys: object[] }> {
  const text = /^https?:/.test(place) ? await download(place) : await contentOf(place);
  const jwks = parsed(text) as { keys?: unknown } | undefined;
  if (Array.isArray(jwks?.keys)) return { keys: jwks.keys as object[] };
  throw new Failure(`${place} is no JWKS: {"keys": [...]}`, EXIT.usage);
}

/**
 * What a checkpoint in a file proves.
 * @throws Failure when none of the keys signed it: it then proves nothing, or the keys were exchanged
 */
export async function readCheckpointFile(file: string, read: ReadCheckpoint): Promise<SeenHead> {
  const text = (await contentOf(file)).trim();
  const answer = parsed(text) as { token?: unknown } | undefined;
  const token = typeof answer?.token === 'string' ? answer.token : text;
  const checkpoint = await read(token);
  if (checkpoint) return checkpoint;
  throw new Failure(`${file} holds no checkpoint that one of the keys signed`, EXIT.wrong);
}

async function contentOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Failure(`${file} cannot be read`, EXIT.usage, error);
  }
}

async function download(url: string): Promise<string> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    if (answer.ok) return await answer.text();
    throw new Error(`answered ${answer.status}`);
  } catch (error) {
    throw new Failure(`${url} cannot be read`, EXIT.server, error);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
