import { type IdPrefix, newId } from '#core';
import { checksumOf, hasChecksum, newSecret } from './api-key.js';

/** `read_only` reads everything; `full` changes everything, other tokens included. */
export const ADMIN_ROLES = ['read_only', 'full'] as const;
export type AdminRole = (typeof ADMIN_ROLES)[number];

/**
 * The spelling of admin tokens: `inc_adm_<id>_<secret><checksum>`, the parts those of an API key. Where an API key
 * says its environment this says `adm`, so that neither passes for the other.
 */
export interface AdminTokenParts {
  tokenId: string;
  secret: string;
}

const ID_PREFIX: IdPrefix = 'adm';
const SHAPE = /^inc_adm_([0-9a-z]{24})_([0-9A-Za-z]{32})[0-9A-Za-z]{6}$/;

/** A new token: its id, its secret and the text that is shown once. */
export function newAdminToken(tokenId = newId(ID_PREFIX)): AdminTokenParts & { text: string } {
  const secret = newSecret();
  const body = `inc_adm_${tokenId.slice(ID_PREFIX.length + 1)}_${secret}`;
  return { tokenId, secret, text: body + checksumOf(body) };
}

/** The parts of a well-formed token; undefined for everything else, decided without any look-up. */
export function parseAdminToken(text: string): AdminTokenParts | undefined {
  const [, id, secret] = SHAPE.exec(text) ?? [];
  if (id === undefined || secret === undefined || !hasChecksum(text)) return undefined;
  return { tokenId: `${ID_PREFIX}_${id}`, secret };
}
