import { badCursor } from '#core';

/** Which part of a list is wanted. */
export interface PageRequest {
  /** 1 to 100; the caller has checked it. */
  limit: number;
  cursor?: string | undefined;
}

export interface Page<T> {
  data: T[];
  /** Present while there is more. */
  nextCursor?: string;
}

/** A row's place in a list that goes by creation: where the next page begins. */
export interface Place {
  createdAt: Date;
  id: string;
}

/** Makes a page of rows that were asked for with one more than `limit`. */
export function pageOf<Row extends Place, T>(rows: Row[], limit: number, show: (row: Row) => T): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const data = shown.map(show);
  return rows.length > limit && last ? { data, nextCursor: encodeCursor(last) } : { data };
}

export function encodeCursor(place: Place): string {
  return Buffer.from(`${place.createdAt.getTime()} ${place.id}`).toString('base64url');
}

/** @throws IncumbentError request.invalid_query for anything that `encodeCursor` did not make */
export function decodeCursor(cursor: string): Place {
  const match = /^(\d{1,14}) ([a-z0-9_]{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  const [, createdMs, id] = match ?? [];
  if (createdMs === undefined || id === undefined) throw badCursor();
  return { createdAt: new Date(Number(createdMs)), id };
}
