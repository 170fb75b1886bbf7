import { z } from 'zod';

/** `typ` of every fencing token; keeps other JWTs under the same keys from being taken for one (RFC 8725). */
export const TOKEN_TYPE = 'fencing+jwt';

/** How fencing tokens are signed: the allow-list, never the token's own word. */
export const ALGORITHMS = ['ES256', 'Ed25519'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

const integer = z.number().int().nonnegative();

/**
 * What a fencing token says. `fence` is the number that protects: a resource keeps the highest it has seen and
 * refuses lower ones. Everything else tells whom and what the number belongs to.
 */
export const claimsSchema = z.object({
  /** The service that signed. */
  iss: z.string().min(1),
  /** The candidate's name. */
  sub: z.string().min(1),
  /** What the token is good for: `incumbent:{tenantId}:{election}`. A resource checks that it is its own. */
  aud: z.string().min(1),
  tenant: z.string().min(1),
  election: z.string().min(1),
  seat: integer,
  term: integer,
  fence: integer,
  epoch: integer,
  jti: z.string().min(1),
  /** Seconds since the Unix epoch, as are all times in a JWT. */
  iat: integer,
  exp: integer,
});

export type FencingClaims = z.infer<typeof claimsSchema>;

/** No other parameter is accepted: above all none that names a key of the token's own (jwk, jku, x5u, x5c). */
export const headerSchema = z.strictObject({
  alg: z.enum(ALGORITHMS),
  kid: z.string().min(1).max(128),
  typ: z.literal(TOKEN_TYPE),
});

/** Names an election across tenants; neither part can hold the colon. */
export function audienceOf(tenantId: string, election: string): string {
  return `incumbent:${tenantId}:${election}`;
}
