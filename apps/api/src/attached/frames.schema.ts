import { z } from 'zod';
import { candidateId, resignation, sessionToken, standing, term } from '../elections/answers.schema.js';
import { campaign, renew, resign } from '../elections/campaign.operations.js';
import { electionName, LONGEST_TTL_MS } from '../http/fields.js';
import { problem } from '../http/openapi-problem.js';
import { end, open, renewAll } from '../sessions/sessions.operations.js';
import { endedSession, openSession, renewedSession } from '../sessions/sessions.schema.js';

/**
 * Every frame of `incumbent.v1`. Frames of participants are parsed with these schemas, and the published JSON schema is
 * made of them. Names of fields are those of the HTTP contract.
 */

/** Over a socket a renewal costs little and comes soon, so a session may be shorter than over HTTP. */
const SHORTEST_ATTACHED_TTL_MS = 200;

export const frameId = z
  .union([z.string().min(1).max(64), z.int().min(0)])
  .meta({ description: 'Chosen by the participant; its answer carries it again.' });

export const attachedTtlMs = z.int().min(SHORTEST_ATTACHED_TTL_MS).max(LONGEST_TTL_MS);

/** By what a frame asks for. `renew` without an election renews the session and tells every term of it. */
export const frames = {
  open: open.body.extend({
    id: frameId,
    op: z.literal('open'),
    ttlMs: attachedTtlMs.optional(),
    idempotencyKey: open.headers.shape['idempotency-key'],
  }),
  attach: renewAll.body.extend({ id: frameId, op: z.literal('attach') }),
  renewSession: renewAll.body.extend({ id: frameId, op: z.literal('renew') }),
  end: end.body.extend({ id: frameId, op: z.literal('end') }),
  renew: renew.body.extend({ id: frameId, op: z.literal('renew'), election: electionName }),
  campaign: campaign.body.extend({
    id: frameId,
    op: z.literal('campaign'),
    election: electionName,
    ttlMs: attachedTtlMs.optional(),
    idempotencyKey: campaign.headers.shape['idempotency-key'],
  }),
  resign: resign.body.extend({ id: frameId, op: z.literal('resign'), election: electionName }),
  stepDown: end.body.extend({ id: frameId, op: z.literal('step-down'), election: electionName, candidateId }),
};

/** Frames of the service: answers, refusals, news. */
const answers = {
  session: openSession.extend({ id: frameId, ok: z.literal(true) }),
  renewedSession: renewedSession.extend({ id: frameId, ok: z.literal(true) }),
  endedSession: endedSession.extend({ id: frameId, ok: z.literal(true) }),
  standing: standing.extend({ id: frameId, ok: z.literal(true) }),
  resignation: resignation.extend({ id: frameId, ok: z.literal(true) }),
  refusal: z.object({
    id: frameId.nullable().meta({ description: 'Null where the frame had none that can be read.' }),
    ok: z.literal(false),
    problem,
  }),
};

const ofTerm = {
  election: electionName,
  candidateId,
  seat: z.int().min(0),
  term,
};

const news = {
  elected: z
    .object({ event: z.literal('elected'), ...ofTerm })
    .meta({ description: 'A candidacy of the session leads. No grant: renew at once, the answer is.' }),
  yieldRequested: z
    .object({
      event: z.literal('yield_requested'),
      ...ofTerm,
      reason: z.string().meta({ description: 'Why the term is to end.' }),
      graceMs: z.int().min(0).optional().meta({
        description:
          'How long grants go on from the asking. Absent: none is given any more. A renewal tells what is left.',
      }),
    })
    .meta({ description: 'The leader shall finish and resign or step down; renew to learn until when.' }),
  superseded: z
    .object({
      event: z.literal('superseded'),
      ...ofTerm,
      reason: z.string().optional().meta({ description: 'Why the term ended, where the replica saw it.' }),
    })
    .meta({ description: 'The term is over.' }),
  advice: z
    .object({
      event: z.literal('advice'),
      session: sessionToken,
      reason: z.literal('ttl_too_short'),
      ttlMs: z.int(),
      recommendedTtlMs: z
        .int()
        .meta({ description: 'What a session would need to bear what is seen of it.' }),
    })
    .meta({ description: 'The `ttlMs` of the session is too short; once an hour at most.' }),
  moving: z
    .object({
      event: z.literal('moving'),
      reconnectAfterMs: z.int().min(0).meta({ description: 'When to connect to another replica.' }),
      closesAfterMs: z.int().min(0).meta({ description: 'When this socket is closed.' }),
    })
    .meta({ description: 'This replica is shutting down. It goes on answering until it closes.' }),
};

export type News = z.output<(typeof news)[keyof typeof news]>;

const clientFrame = z.union(Object.values(frames));
const serverFrame = z.union([...Object.values(answers), ...Object.values(news)]);

/** The protocol as a JSON schema. */
export function framesJsonSchema(): Record<string, unknown> {
  const [client, server] = [clientFrame, serverFrame].map((schema) => {
    const { $schema, $defs, ...rest } = z.toJSONSchema(schema, {
      target: 'draft-2020-12',
      io: 'input',
      unrepresentable: 'any',
    });
    return { $defs, rest };
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'incumbent.v1',
    description:
      'Frames of attached sessions. ClientFrame is sent by participants, ServerFrame by the service.',
    anyOf: [{ $ref: '#/$defs/ClientFrame' }, { $ref: '#/$defs/ServerFrame' }],
    $defs: { ClientFrame: client?.rest, ServerFrame: server?.rest, ...client?.$defs, ...server?.$defs },
  };
}
