/** Whole batches in one statement each. What is given travels as one JSON array. */

const ASKED = `jsonb_to_recordset($1::jsonb) AS asked ("tenantId" text, "electionId" text, seat integer)`;

export const PROGRESS = `
  SELECT DISTINCT p.tenant_id AS "tenantId", p.election_id AS "electionId", p.epoch, p.sequence
    FROM ${ASKED}
    JOIN history_progress AS p ON p.tenant_id = asked."tenantId" AND p.election_id = asked."electionId"`;

export const LAST_TERMS = `
  SELECT t.tenant_id AS "tenantId", t.election_id AS "electionId", t.seat, t.epoch, t.term, t.fence, t.name, t.leader,
         t.started_at AS "startedAt", t.ended_at AS "endedAt", t.reason, t.caused_by AS "causedBy",
         t.vacancy_ms AS "vacancyMs", t.reconstructed, t.missing_before AS "missingBefore"
    FROM ${ASKED}
   CROSS JOIN LATERAL (
     SELECT * FROM leadership_terms AS own
      WHERE own.tenant_id = asked."tenantId" AND own.election_id = asked."electionId" AND own.seat = asked.seat
      ORDER BY own.epoch DESC, own.term DESC LIMIT 1) AS t`;

export const INSERT_EVENTS = `
  INSERT INTO leadership_events (tenant_id, election_id, epoch, sequence, revision, id, type, election, seat, term, fence,
                                 leader, previous_leader, reason, hand_over_id, caused_by, occurred_at,
                                 missing_before)
  SELECT e."tenantId", e."electionId", e.epoch, e.sequence, e.revision, e.id, e.type, e.election, e.seat, e.term, e.fence,
         nullif(e.leader, 'null'), nullif(e."previousLeader", 'null'), e.reason, e."handOverId",
         nullif(e."causedBy", 'null'), e."occurredAt", e."missingBefore"
    FROM jsonb_to_recordset($1::jsonb) AS e (
      "tenantId" text, "electionId" text, epoch integer, sequence bigint, revision bigint, id text, type text,
      election text, seat integer, term bigint, fence bigint, leader jsonb, "previousLeader" jsonb, reason text,
      "handOverId" text, "causedBy" jsonb, "occurredAt" timestamptz, "missingBefore" bigint)`;

export const UPSERT_TERMS = `
  INSERT INTO leadership_terms (tenant_id, election_id, seat, epoch, term, fence, name, leader, started_at, ended_at,
                                reason, caused_by, vacancy_ms, reconstructed, missing_before)
  SELECT t."tenantId", t."electionId", t.seat, t.epoch, t.term, t.fence, t.name, nullif(t.leader, 'null'),
         t."startedAt", t."endedAt", t.reason, nullif(t."causedBy", 'null'), t."vacancyMs", t.reconstructed,
         t."missingBefore"
    FROM jsonb_to_recordset($1::jsonb) AS t (
      "tenantId" text, "electionId" text, seat integer, epoch integer, term bigint, fence bigint, name text,
      leader jsonb, "startedAt" timestamptz, "endedAt" timestamptz, reason text, "causedBy" jsonb,
      "vacancyMs" bigint, reconstructed boolean, "missingBefore" bigint)
  ON CONFLICT (tenant_id, election_id, seat, epoch, term) DO UPDATE
     SET leader = excluded.leader, started_at = excluded.started_at, ended_at = excluded.ended_at,
         reason = excluded.reason, caused_by = excluded.caused_by, vacancy_ms = excluded.vacancy_ms,
         reconstructed = excluded.reconstructed`;

export const UPSERT_PROGRESS = `
  INSERT INTO history_progress (tenant_id, election_id, epoch, sequence)
  SELECT p."tenantId", p."electionId", p.epoch, p.sequence
    FROM jsonb_to_recordset($1::jsonb) AS p ("tenantId" text, "electionId" text, epoch integer, sequence bigint)
  ON CONFLICT (tenant_id, election_id) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence`;
